"""The API page at /schema: Swagger UI out of an installed package, so it needs no internet."""

from http import HTTPStatus
from importlib.resources import files
from pathlib import Path

from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.static_files import create_static_files_router

from service.api.scopes import scope

ASSETS = "/schema/assets"
FOLDER = Path(str(files("mkdocs_swagger_ui_tag"))) / "swagger-ui"
NO_FAVICON = '<link rel="icon" href="data:,">'  # the default one would be fetched from a CDN

REFERENCE_PAGE = SwaggerRenderPlugin(
    path="/",
    js_url=f"{ASSETS}/javascripts/swagger-ui-bundle.js",
    standalone_preset_js_url=f"{ASSETS}/javascripts/swagger-ui-standalone-preset.js",
    css_url=f"{ASSETS}/stylesheets/swagger-ui.css",
    favicon=NO_FAVICON,
)


def refuse_plainly(response: Response[bytes]) -> Response[bytes]:
    """Litestar's own router answers an unknown page in HTML; here it is a problem like any other.

    Raises:
        NotFoundException: there is no such page.
    """
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


REFERENCE_ROUTER = Router(
    path="/schema",
    route_handlers=[],
    after_request=refuse_plainly,
    opt=dict(scope("public")),
    include_in_schema=False,
)
reference_assets = create_static_files_router(
    path=ASSETS, directories=[FOLDER], opt=dict(scope("public")), include_in_schema=False
)
