"""`proxy_config`: what is read, what is refused and where."""

from typing import Any

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.route_settings import (
    CLOSED,
    USUAL,
    Hsts,
    RouteSettings,
    Sticky,
    Timeouts,
    is_sound,
    read,
    stored,
)

EVERYTHING: dict[str, Any] = {
    "strip_path": True,
    "sticky": {},
    "max_body_bytes": 10,
    "timeouts": {"connect": 1, "response": 3600},
    "hsts": {"max_age": 31_536_000, "include_subdomains": True, "preload": True},
    "allow_ips": ["192.0.2.0/24", "::1"],
    "upstream_protocol": "h2c",
    "min_tls_version": "1.3",
}


def test_everything_is_read() -> None:
    found = RouteSettings(
        strip_path=True,
        sticky=Sticky(cookie="nameplate_target"),
        max_body_bytes=10,
        timeouts=Timeouts(connect=1, response=3600),
        hsts=Hsts(include_subdomains=True, preload=True),
        allow_ips=("192.0.2.0/24", "::1"),
        upstream_protocol="h2c",
        min_tls_version="1.3",
    )
    assert read(EVERYTHING, "caddy") == stored(EVERYTHING) == found
    assert is_sound(found)
    assert read(None, "nginx") == read({}, "nginx") == USUAL


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        ({"x": 1}, "setting_unknown", "/x"),
        ({"hsts": {"maxage": 1}}, "setting_unknown", "/hsts/maxage"),
        ({"hsts": True}, "setting_invalid", "/hsts"),
        ({"hsts": {"preload": True}}, "setting_invalid", "/hsts/preload"),
        ({"hsts": {"preload": True, "include_subdomains": True, "max_age": 5}}, "setting_invalid", "/hsts/preload"),
        ({"allow_ips": ["10.0.0.1/8"]}, "setting_invalid", "/allow_ips/0"),
        ({"allow_ips": ["::1", "fe80::1%eth0"]}, "setting_invalid", "/allow_ips/1"),
        ({"allow_ips": "10.0.0.1"}, "setting_invalid", "/allow_ips"),
        ({"sticky": {"cookie": "a; Domain=x"}}, "setting_invalid", "/sticky/cookie"),
        ({"max_body_bytes": 0}, "setting_invalid", "/max_body_bytes"),
        ({"max_body_bytes": True}, "setting_invalid", "/max_body_bytes"),
        ({"timeouts": {"response": 3601}}, "setting_invalid", "/timeouts/response"),
        ({"upstream_protocol": "https"}, "setting_invalid", "/upstream_protocol"),
        ({"upstream_protocol": "h2c"}, "setting_unsupported", "/upstream_protocol"),
        ({"min_tls_version": "1.1"}, "setting_invalid", "/min_tls_version"),
        ({"min_tls_version": 1.3}, "setting_invalid", "/min_tls_version"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(given: dict[str, Any], code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(given, "nginx")
    assert [(one.code, one.pointer) for one in caught.value.problems] == [
        (code, f"/proxy_config{pointer}")
    ]


def test_each_proxy_refuses_what_it_cannot_do() -> None:
    given = {"trusted_proxies": ["192.0.2.0/24"]}
    for proxy in ("nginx", "caddy"):
        assert read(given, proxy).trusted_proxies == ("192.0.2.0/24",)
    with pytest.raises(Invalid) as caught:
        read(given, "traefik")
    assert [(one.code, one.pointer) for one in caught.value.problems] == [
        ("setting_unsupported", "/proxy_config/trusted_proxies")
    ]


def test_what_is_stored_and_cannot_be_read_is_closed() -> None:
    """A restriction that is not understood must not become none."""
    assert stored({"allow_ips": ["nobody"]}) == CLOSED
    assert stored({"allow_ips": ["::1"], "of_a_later_release": 1}).allow_ips == ("::1",)
    assert is_sound(CLOSED)
