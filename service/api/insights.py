"""What is shown to whom, how much of the catalogue that is, what rises, when people listen."""

from litestar import Controller, MediaType, Response, get
from litestar.di import NamedDependency

from service.api.contract import AnyRequest, documents, read_query
from service.api.experiments import FORMS, ReportQuery
from service.api.scopes import scope
from service.errors import Invalid
from service.learn.insights import Insights
from service.learn.insights_page import page
from service.learn.insights_text import text
from service.learn.lookout import Lookout


class InsightController(Controller):
    """What this process shows."""

    tags = ("experiments",)

    @get(
        "/v1/insights",
        operation_id="insights",
        operation_class=documents(query=ReportQuery, also=("text/plain", "text/html")),
        opt=scope("admin:experiments"),
    )
    async def insights(
        self, request: AnyRequest, lookout: NamedDependency[Lookout]
    ) -> Response[Insights]:
        """Of the lists this process sent in the last 24 hours; at most half a minute old."""
        form = read_query(request, ReportQuery).format
        if form not in FORMS:
            raise Invalid(f"query parameter: `format` is one of {', '.join(FORMS)}")
        found = await lookout.newest()
        if form == "json":
            return Response(found)
        if form == "text":
            return Response(text(found), media_type=MediaType.TEXT)  # type: ignore[arg-type]
        return Response(page(found), media_type=MediaType.HTML)  # type: ignore[arg-type]
