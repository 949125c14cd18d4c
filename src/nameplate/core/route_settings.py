"""What `proxy_config` of a binding says: one typed schema that every proxy renders alike."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from nameplate.core.basic_auth import BasicAuth
from nameplate.core.configuration import Form, between, load, parse, setting
from nameplate.core.errors import Invalid, Problem, Refused

_POINTER = "/proxy_config"
_YEAR = 31_536_000
_ADDRESS = re.compile(r"[0-9a-fA-F.:]+(?:/[0-9]{1,3})?")
_COOKIE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def is_network(text: str) -> bool:
    """Tell whether a text is an address or a network."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


Network = Annotated[
    str, Form("network", "an address or a network, as in 192.0.2.7 or 192.0.2.0/24", is_network)
]
CookieName = Annotated[
    str,
    Form(
        "cookie name",
        "up to 64 small letters, digits and `_`, beginning with a letter",
        lambda text: _COOKIE.fullmatch(text) is not None,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsts:
    """What Strict-Transport-Security says (RFC 6797 section 6.1)."""

    max_age: Annotated[int, between(0, 2 * _YEAR)] = setting(
        "Seconds for which browsers use HTTPS only. Begin with a small number.", default=_YEAR
    )
    include_subdomains: bool = setting("Hosts below this one are included.", default=False)
    preload: bool = setting(
        "The host may go into the lists of browsers. Needs `include_subdomains` and a year.",
        default=False,
    )

    @property
    def header(self) -> str:
        """The header's value."""
        parts = [f"max-age={self.max_age}"]
        parts += ["includeSubDomains"] if self.include_subdomains else []
        return "; ".join([*parts, "preload"] if self.preload else parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """Visitors stay with the target that they got first, by a cookie."""

    cookie: CookieName = setting("Name of the cookie.", default="nameplate_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long an application is waited for, in seconds."""

    connect: Annotated[int, between(1, 300)] | None = setting(
        "Until it takes the connection.", default=None
    )
    response: Annotated[int, between(1, 3600)] | None = setting(
        "Until its answer begins. nginx also ends an answer that pauses for so long.", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """How one host and path is served, beyond where it leads."""

    strip_path: bool = setting("The application sees paths without the prefix.", default=False)
    sticky: Sticky | None = setting("Keep visitors at one target.", default=None)
    max_body_bytes: Annotated[int, between(1, 2**40)] | None = setting(
        "Largest body of a request; a larger one gets 413. Default: no limit.", default=None
    )
    timeouts: Timeouts | None = setting("How long the application is waited for.", default=None)
    hsts: Hsts | None = setting("What the HSTS header says, where it is sent.", default=None)
    allow_ips: tuple[Network, ...] = setting(
        "Networks of the only visitors that are served; others get 403. Default: all. Behind Cloudflare's network "
        "it is the address that Cloudflare names.",
        default=(),
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "Networks of proxies in front, whose `X-Forwarded-For` the application gets too, with their "
        "own address added. Default: none.",
        default=(),
    )
    basic_auth: BasicAuth | None = setting(
        "Names and passwords of the only visitors that are served; others get 401.", default=None
    )
    upstream_protocol: Literal["http", "h2c"] = setting(
        "`h2c`: HTTP/2 without TLS, as gRPC needs it.", default="http"
    )
    min_tls_version: Literal["1.2", "1.3"] = setting(
        "Oldest version of TLS that visitors of the host may use: the newest that one of its paths asks for.",
        default="1.2",
    )


USUAL = RouteSettings()
CLOSED = RouteSettings(allow_ips=("255.255.255.255/32",))
"""Nobody has this address: what stands in for settings that cannot be read."""
UNSUPPORTED: Mapping[str, Mapping[str, str]] = {
    "cloudflare": {
        one.name: "Cloudflare passes the whole host to its origin"
        for one in fields(RouteSettings)
        if one.name != "min_tls_version"
    },
    "nginx": {"upstream_protocol": "nginx speaks HTTP/1.1 with applications"},
    "traefik": {
        "trusted_proxies": "Traefik trusts by `forwardedHeaders.trustedIPs` of the whole entry point"
    },
}
"""Type of a proxy -> what it cannot do, and why."""


def read(given: Mapping[str, Any] | None, proxy: str) -> RouteSettings:
    """Return the settings that a caller gives for a proxy of this type.

    Raises Invalid with a problem for each wrong place: `setting_unknown`, `setting_invalid`,
    `setting_unsupported`.
    """
    found = parse(RouteSettings, given or {}, _POINTER)
    hsts = found.hsts
    if hsts and hsts.preload and not (hsts.include_subdomains and hsts.max_age >= _YEAR):
        place = f"{_POINTER}/hsts/preload"
        detail = "`hsts.preload` needs `hsts.include_subdomains` and a `hsts.max_age` of a year."
        raise Invalid("setting_invalid", detail, [Problem(place, "setting_invalid", detail)])
    refuse_unsupported(found, proxy)
    return found


def refuse_unsupported(settings: RouteSettings, proxy: str) -> None:
    """Refuse what a proxy of this type cannot do. Raises Invalid `setting_unsupported`."""
    problems = [
        Problem(f"{_POINTER}/{name}", "setting_unsupported", detail)
        for name, detail in beyond(settings, UNSUPPORTED.get(proxy, {})).items()
    ]
    if problems:
        raise Invalid("setting_unsupported", problems[0].detail, problems)


def beyond(settings: RouteSettings, unsupported: Mapping[str, str]) -> dict[str, str]:
    """Return a sentence for each setting that a proxy does not know."""
    return {
        name: f"`{name}` cannot be used here: {why}."
        for name, why in unsupported.items()
        if getattr(settings, name) != getattr(USUAL, name)
    }


def stored(value: Mapping[str, Any] | None) -> RouteSettings:
    """Return settings as they were stored; closed to everybody where they cannot be read."""
    if not value:
        return USUAL
    try:
        return load(RouteSettings, value)
    except Refused:
        return CLOSED


def is_sound(settings: RouteSettings) -> bool:
    """Tell whether every value has its form, whoever made it."""
    if settings == USUAL:
        return True
    try:
        return load(RouteSettings, asdict(settings)) == replace(settings)
    except (Refused, TypeError, ValueError):
        return False
