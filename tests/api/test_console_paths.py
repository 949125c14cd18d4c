"""The page takes no address away from the API."""

from typing import Any

from tests.api.client import Api

from nameplate.web import API_PATHS
from nameplate.web.console import is_api


def test_every_route_of_the_api_is_the_apis(api: Api) -> None:
    app: Any = api.transport._app
    paths = {route.path for route in app.routes} | {"/edge/ask", "/agent/state"}
    assert [path for path in sorted(paths) if not is_api(path)] == []
    assert not is_api("/domains")
    assert not is_api("/v10")
    assert all(one.startswith("/") for one in API_PATHS)
