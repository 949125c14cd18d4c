"""What each proxy is told, letter by letter, and that all of it is read back as it was meant.

A file in `golden` that is missing is written, and the test fails once: read it before you keep it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import nginx_fragments, nginx_route_settings, traefik_documents
from nameplate.adapters.proxy.caddy import Caddy
from nameplate.adapters.proxy.nginx_names import Names
from nameplate.adapters.proxy.nginx_operator import OwnDirectives
from nameplate.adapters.proxy.nginx_syntax import emit, parse
from nameplate.adapters.proxy.sites import group
from nameplate.adapters.proxy.traefik_rules import TraefikLayout
from nameplate.core.basic_auth import AuthUser, BasicAuth
from nameplate.core.route_settings import Hsts, RouteSettings, Sticky, Timeouts
from nameplate.core.secret import Secret
from nameplate.ports.proxy import KeyPair, Redirect, Route, Upstream

GOLDEN = Path(__file__).with_name("golden")
PAIR = KeyPair("crt_1-1", "bundle", Secret("key"))
OURS = Upstream("127.0.0.1", 8080)
LISTEN = (("80",), ("443",))


SETTINGS = RouteSettings(
    strip_path=True,
    sticky=Sticky(),
    max_body_bytes=1000,
    timeouts=Timeouts(connect=5, response=60),
    hsts=Hsts(include_subdomains=True, preload=True),
    allow_ips=("192.0.2.0/24", "2001:db8::/32"),
)


STAFF = AuthUser(name="anna", password_hash="$2b$08$" + 53 * "x")
PROTECTED = RouteSettings(basic_auth=BasicAuth(users=(STAFF,), realm="Staff only"))


def routes() -> list[Route]:
    """Return one of each: a plain one, shares, a drained target, redirects, settings, a wildcard."""

    def route(number: int, hostname: str, path: str = "/", **more: Any) -> Route:
        upstream = more.pop("upstream", Upstream(f"10.0.0.{number}", 8000))
        return Route(f"bnd_{number}", hostname, path, upstream, **more)

    return [
        route(1, "shop.example.test", key_pair=PAIR, weight=75),
        route(2, "shop.example.test", key_pair=PAIR, weight=25, upstream=Upstream("app.test", 80)),
        route(3, "shop.example.test", key_pair=PAIR, weight=0),
        route(4, "shop.example.test", "/api", key_pair=PAIR, force_https=False, hsts=False),
        route(6, "shop.test", key_pair=PAIR, redirect=Redirect("www.shop.test")),
        route(7, "shop.test", key_pair=PAIR, weight=5, redirect=Redirect("www.shop.test")),
        route(8, "old.test", redirect=Redirect("www.shop.test", 301)),
        route(9, "set.test", "/a.b", key_pair=PAIR, weight=50, settings=SETTINGS),
        route(10, "set.test", "/a.b", key_pair=PAIR, weight=50, settings=SETTINGS),
        route(11, "staff.test", key_pair=PAIR, settings=PROTECTED),
        route(5, "*.wide.test", upstream=Upstream("2001:db8::5", 8000)),
    ]


def nginx(given: list[Route]) -> str:
    names = Names(("192.0.2.53",))
    layout = nginx_fragments.Layout(Path("/n"), *LISTEN, OURS, 443, names, watched=True)
    sites = group(given)
    told = [*nginx_fragments.defaults(layout, len(sites), OwnDirectives())]
    told += [one for site in sites for one in nginx_fragments.servers(layout, site)]
    text = emit(told)
    assert parse(text) == tuple(told)
    passwords = [nginx_route_settings.passwords(site) for site in sites]
    return text + "".join(
        f"# {name}\n{content.decode()}" for files in passwords for name, content in files.items()
    )


def caddy(given: list[Route]) -> str:
    adapter = Caddy(
        Api("http://127.0.0.1:9"), Path("/n"), [":80"], [":443"], challenge_upstream=OURS
    )
    return _pretty(json.loads(adapter.render(given).files["caddy.json"]))


def traefik(given: list[Route]) -> str:
    layout = TraefikLayout("web", "websecure", OURS, 443, shared=True, page=True)
    files = traefik_documents.render(layout, "/n", given, "any").files
    documents = {name: json.loads(text) for name, text in files.items() if name.endswith(".yaml")}
    return _pretty(documents)


def _pretty(document: Any) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    ("render", "name"), [(nginx, "nginx.conf"), (caddy, "caddy.json"), (traefik, "traefik.json")]
)
def test_what_a_proxy_is_told(render: Any, name: str) -> None:
    text = render(routes())
    assert render(routes()[::-1]) == text
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{name} was written")
    assert text == path.read_text()
