"""The page takes no address away from the API."""

from tests.api.client import Api

from nameplate.web import API_PATHS
from nameplate.web.console import is_api


def test_every_route_of_the_api_is_the_apis(api: Api) -> None:
    paths = {*api.get("/openapi.json")["paths"], "/edge/ask", "/agent/state", "/setup/open/x"}
    paths |= {"/openapi.json", "/errors/x", "/.well-known/acme-challenge/x", "/v1/session/oidc"}
    assert [path for path in sorted(paths) if not is_api(path)] == []
    assert not is_api("/domains")
    assert not is_api("/v10")
    assert all(one.startswith("/") for one in API_PATHS)
