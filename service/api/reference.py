"""The API page at /schema: Swagger UI out of an installed package, so it needs no internet."""

from importlib.resources import files
from pathlib import Path

from litestar import Router
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
REFERENCE_ROUTER = Router(path="/schema", route_handlers=[], opt=dict(scope("public")))
reference_assets = create_static_files_router(
    path=ASSETS, directories=[FOLDER], opt=dict(scope("public")), include_in_schema=False
)
