"""What is shown to whom, how much of the catalogue that is, what rises, when people listen."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from service.api.contract import AnyRequest, documents, read_query
from service.api.report_forms import ALSO, ReportQuery, in_form
from service.api.scopes import scope
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
        operation_class=documents(query=ReportQuery, also=ALSO),
        opt=scope("admin:experiments"),
    )
    async def insights(
        self, request: AnyRequest, lookout: NamedDependency[Lookout]
    ) -> Response[Insights]:
        """Of the lists this process sent in the last 24 hours; at most half a minute old."""
        query = read_query(request, ReportQuery)
        return in_form(await lookout.newest(), query, text, page)
