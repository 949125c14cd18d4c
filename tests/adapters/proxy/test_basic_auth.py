"""Names and passwords at real proxies: nginx by crypt(3), Caddy and Traefik by their own bcrypt."""

import base64
import json
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from tests.adapters.proxy.test_route_settings import HOST, ask, serve

from nameplate.core.basic_auth import COST, AuthUser, BasicAuth
from nameplate.core.route_settings import RouteSettings
from nameplate.ports.proxy import Route, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed

PASSWORD = "pässword with : colon"


def hashed(cost: int = 4) -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode()


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def credentials(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_only_who_knows_a_password_is_served(server: Any, origins: Any) -> None:
    users = (
        AuthUser(name="anna", password_hash=hashed(COST)),
        AuthUser(name="b@en.test", password_hash=hashed().replace("$2b$", "$2y$")),
    )
    settings = RouteSettings(basic_auth=BasicAuth(users=users, realm="Staff only"))
    upstream = origins[0].upstream
    open_ = Route("bnd_2", HOST, "/open", upstream, force_https=False)
    closed = Route("bnd_1", HOST, "/", upstream, force_https=False, settings=settings)
    server.adapter.apply(server.adapter.render([closed, open_]))
    sent: dict[str, Any]
    for sent in ({}, {"Authorization": credentials("anna", "wrong")}, {"Authorization": "Basic x"},
                 {"Authorization": credentials("eve", PASSWORD)}):  # fmt: skip
        status, told, _ = ask(server, "/private", None, **sent)
        assert (status, told) == (401, {})
    for name in ("anna", "b@en.test"):
        status, told, _ = ask(server, "/private", Authorization=credentials(name, PASSWORD))
        assert (status, told["path"]) == (200, "/private")
        assert not told["headers"].get("authorization")
    assert ask(server, "/open/a")[0] == 200
    status, told, _ = ask(server, "/.well-known/acme-challenge/token")
    assert (status, told["marker"]) == (200, "nameplate")
    seen = server.look("http", HOST, "/private")
    assert (seen.status, seen.edge) == (401, True)


def test_a_redirect_to_https_asks_nobody_and_https_does(server: Any, origins: Any) -> None:
    """No password is asked for where it would travel in clear."""
    users = (AuthUser(name="anna", password_hash=hashed()),)
    pair, _ = self_signed(HOST)
    route = Route(
        "bnd_1", HOST, "/", origins[0].upstream, pair,
        settings=RouteSettings(basic_auth=BasicAuth(users=users)),
    )  # fmt: skip
    server.adapter.apply(server.adapter.render([route]))
    assert server.look("http", HOST).status in {301, 308}
    seen = server.look("https", HOST)
    assert (seen.status, seen.edge, seen.origin) == (401, True, None)


def test_hashes_are_nobody_elses_to_read(server: Any, origins: Any) -> None:
    user = AuthUser(name="anna", password_hash=hashed())
    serve(server, origins[0].upstream, basic_auth=BasicAuth(users=(user,)))
    roots = [server.adapter.folder, getattr(server.adapter, "dynamic", server.adapter.folder)]
    holding = [
        path
        for root in roots
        for path in Path(root).rglob("*")
        if path.is_file() and user.password_hash.encode() in path.read_bytes()
    ]
    assert holding
    assert {path.stat().st_mode & 0o007 for path in holding} == {0}
    serve(server, origins[0].upstream)
    assert ask(server)[0] == 200


@pytest.mark.parametrize(
    "user",
    [
        AuthUser(name="a:b", password_hash=hashed()),
        AuthUser(name="a\nroot", password_hash=hashed()),
        AuthUser(name="{env.HOME}", password_hash=hashed()),
        AuthUser(name="anna", password_hash=hashed() + "\nroot:" + hashed()),
        AuthUser(name="anna", password_hash="{PLAIN}x"),
        AuthUser(name="anna", password_hash=hashed().replace("$04$", "$14$")),
    ],
)
def test_hostile_users_reach_no_proxy(server: Any, user: AuthUser) -> None:
    with pytest.raises(RouteRefused) as caught:
        serve(server, Upstream("127.0.0.1", 80), basic_auth=BasicAuth(users=(user,)))
    assert caught.value.code == "route_settings_invalid"
    assert json.dumps(user.password_hash) not in str(caught.value)
