"""More than 300 hostile bindings at every renderer: refused with the route's name, or harmless.

Harmless means that what is written, read again, has the shape of what an ordinary route gets, and that
the text stands in one place where a value stands: it became no directive, matcher or rule of its own.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.proxy.test_golden import LISTEN, OURS

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import nginx_fragments, traefik_documents
from nameplate.adapters.proxy.caddy import Caddy
from nameplate.adapters.proxy.nginx_names import Names
from nameplate.adapters.proxy.nginx_route_settings import passwords
from nameplate.adapters.proxy.nginx_syntax import emit, parse
from nameplate.adapters.proxy.sites import group
from nameplate.adapters.proxy.traefik_rules import TraefikLayout
from nameplate.core.basic_auth import AuthUser, BasicAuth
from nameplate.core.route_settings import Hsts, RouteSettings, Sticky, Timeouts
from nameplate.core.secret import Secret
from nameplate.ports.proxy import KeyPair, Redirect, Route, RouteRefused, Upstream

HASH = "$2b$08$" + 53 * "x"
TEXTS = (
    "}", "a}\nserver{listen 1;}", "a;return 200", 'a"b', "a'b", "a\\", "a b", "a\tb", "a\r\nX: y", "\x00", "a#b",
    "$host", "${host}", "$http_cookie", "{env.SECRET}", "{http.request.header.X}", "{file./etc/passwd}", "{{.}}",
    '{{ env "SECRET" }}', "a`) || PathPrefix(`/", "`", "HostRegexp(`.*`)", "../../etc/passwd", "/../", "%2e%2e/", "..",
    ".", "*", "*.*", "*.*.test", "(?i)a", "a|b", "^.*$", "[a-z]+", "a,b", "a:b", "ä.test", "xn--", "\u202eabc", "\u2028",
    "a" * 300, "-a", "a-", "_", "0x7f.1", "[::1]", "::ffff:127.0.0.1%eth0", "<script>", "null", "default",
)  # fmt: skip


def _route(**more: Any) -> Route:
    pair = KeyPair("crt_1-1", "bundle", Secret("key"))
    given = {"id": "bnd_1", "hostname": "shop.test", "path": "/", "key_pair": pair, **more}
    return Route(**{"upstream": Upstream("10.0.0.1", 80), **given})


def _set(**settings: Any) -> Route:
    return _route(settings=RouteSettings(**settings))


FIELDS: dict[str, Callable[[Any], Route]] = {
    "id": lambda text: _route(id=text),
    "host": lambda text: _route(hostname=text),
    "label": lambda text: _route(hostname=f"a{text}.shop.test"),
    "path": lambda text: _route(path=text),
    "segment": lambda text: _route(path=f"/a{text}"),
    "upstream": lambda text: _route(upstream=Upstream(text, 80)),
    "redirect": lambda text: _route(redirect=Redirect(text)),
    "pair": lambda text: _route(key_pair=KeyPair(text, "bundle", Secret("key"))),
    "cookie": lambda text: _set(sticky=Sticky(cookie=text)),
    "allow_ips": lambda text: _set(allow_ips=(text,)),
    "trusted_proxies": lambda text: _set(trusted_proxies=(text,)),
    "edges": lambda text: replace(_set(allow_ips=("192.0.2.1",)), edges=(text,)),
    "user": lambda text: _set(basic_auth=BasicAuth(users=(AuthUser(name=text, password_hash=HASH),))),
    "hash": lambda text: _set(basic_auth=BasicAuth(users=(AuthUser(name="a", password_hash=text),))),
    "realm": lambda text: _set(
        basic_auth=BasicAuth(users=(AuthUser(name="a", password_hash=HASH),), realm=text)
    ),
    "limit": lambda text: _set(max_body_bytes=text),
    "timeout": lambda text: _set(timeouts=Timeouts(connect=text)),
    "hsts": lambda text: _set(hsts=Hsts(max_age=text)),
    "protocol": lambda text: _set(upstream_protocol=text),
    "tls": lambda text: _set(min_tls_version=text),
}  # fmt: skip
ORDINARY = {
    "id": "bnd_2", "host": "shop2.test", "label": "b", "path": "/b", "segment": "b", "upstream": "app.test",
    "redirect": "www.test", "pair": "crt_2-1", "cookie": "b", "allow_ips": "192.0.2.9", "edges": "192.0.2.9",
    "trusted_proxies": "192.0.2.9", "user": "b", "hash": HASH, "realm": "b", "limit": 7, "timeout": 7, "hsts": 7,
    "protocol": "http", "tls": "1.3",
}  # fmt: skip


def nginx(route: Route) -> Any:
    """Return what nginx is told, read again."""
    layout = nginx_fragments.Layout(
        Path("/n"), *LISTEN, OURS, 443, Names(("192.0.2.53",)), watched=True
    )
    found: list[Any] = []
    for site in group([route]):
        directives = nginx_fragments.servers(layout, site)
        again = parse(emit(directives))
        assert again == directives
        found += [_plain(one) for one in again]
        found += [text.decode().splitlines() for text in passwords(site).values()]
    return found


def _plain(directive: Any) -> Any:
    return [
        *directive.words,
        *([[_plain(one) for one in directive.block]] if directive.block else []),
    ]


def caddy(route: Route) -> Any:
    """Return what Caddy is told."""
    adapter = Caddy(
        Api("http://127.0.0.1:9"), Path("/n"), [":80"], [":443"], challenge_upstream=OURS
    )
    return json.loads(adapter.render([route]).files["caddy.json"])


def traefik(route: Route) -> Any:
    """Return what Traefik is told."""
    layout = TraefikLayout("web", "websecure", OURS, 443, shared=True, page=True)
    files = traefik_documents.render(layout, "/n", [route], "any").files
    return [json.loads(text) for name, text in sorted(files.items()) if name.endswith(".yaml")]


def rendered(render: Callable[[Route], Any], route: Route) -> Any:
    """Return what is told of a route, or its refusal."""
    try:
        return render(route)
    except RouteRefused as refusal:
        return refusal


def shape(told: Any) -> Any:
    """Return the same without the words: what is in what, and how many."""
    if isinstance(told, dict):
        return [shape(one) for one in told.values()]
    if isinstance(told, list):
        return [shape(one) for one in told]
    return type(told).__name__


def hostile() -> Iterator[tuple[str, str]]:
    yield from product(FIELDS, TEXTS)


@pytest.mark.parametrize("render", [nginx, caddy, traefik])
def test_hostile_routes_are_refused_or_harmless(render: Callable[[Route], Any]) -> None:
    refused, harmless = 0, []
    for field, text in hostile():
        told = rendered(render, FIELDS[field](text))
        if isinstance(told, RouteRefused):
            assert told.route_ids == (FIELDS[field](text).id,), (field, text)
            assert told.code.endswith(("_invalid", "_unsupported")), (field, text)
            refused += 1
            continue
        ordinary = rendered(render, FIELDS[field](ORDINARY[field]))
        assert shape(told) == shape(ordinary), (field, text)
        harmless.append((field, text))
    assert refused + len(harmless) == len(FIELDS) * len(TEXTS) >= 300
    assert refused >= 300
    # What passes is of the form that the field has anyway: nothing of it means more than itself.
    for field, text in harmless:
        assert field in {
            "realm",
            "upstream",
            "path",
            "segment",
            "user",
            "pair",
            "id",
            "label",
            "cookie",
        }, (field, text)
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set('{}"\\`$;\r\n'), (field, text)
