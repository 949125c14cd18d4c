"""What a DNS host says of itself in Domain Connect, checked: a stranger wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nameplate.core import names
from nameplate.core.errors import Refused

_HOST = re.compile(r"(?!.*\.\d+\Z)(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
"""Two labels or more whose last one is no number: never an IP address."""
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)*/?")
_MAX_LENGTH = 500
_MAX_NAME = 255
_MAX_SERVERS = 26
_UNDERSTOOD = frozenset(
    {"providerId", "providerName", "providerDisplayName", "urlSyncUX", "urlAPI", "nameServers"}
    | {"crit"}
)


@dataclass(frozen=True, slots=True)
class ProviderPrefix:
    """The beginning of addresses at a DNS host: always https, always port 443."""

    host: str
    path: str = ""
    """Without final slash; empty or beginning with one."""

    def __str__(self) -> str:
        """Return it as a URL."""
        return f"https://{self.host}{self.path}"


@dataclass(frozen=True, slots=True)
class Provider:
    """A DNS host that speaks Domain Connect, for one zone."""

    id: str
    name: str
    """For people. Its own words: not more than 255 characters, all of them printable."""
    api: ProviderPrefix
    sync: ProviderPrefix | None
    """Where people are led to; None: it has no synchronous flow for this zone."""
    name_servers: tuple[str, ...] = ()
    """Canonical names of the servers that it has for the zone, if it says so."""


def recorded(text: str) -> ProviderPrefix | None:
    """Return what a `_domainconnect` TXT record says, None when it is none that may be used."""
    authority, slash, path = text.partition("/")
    return _prefix(authority, f"{slash}{path}")


def provider(document: object) -> Provider:
    """Read the answer of the settings end-point.

    Raises Refused `domain_connect_malformed`, and `domain_connect_unsupported` when the DNS host
    says that something must be understood which is not.
    """
    if not isinstance(document, dict):
        raise _malformed("the settings are not a JSON object")
    critical = document.get("crit", [])
    if not isinstance(critical, list) or not all(isinstance(name, str) for name in critical):
        raise _malformed("`crit` is not a list of names")
    beyond = [name for name in critical if name in document and name not in _UNDERSTOOD]
    if beyond:
        raise Refused(
            "domain_connect_unsupported",
            "The DNS host requires a Domain Connect feature that Nameplate does not "
            "support. Enter the records by hand.",
        )
    name = _text(document, "providerDisplayName", required=False)
    return Provider(
        id=str(_text(document, "providerId")),
        name=name or str(_text(document, "providerName")),
        api=_url(document, "urlAPI"),
        sync=_url(document, "urlSyncUX") if document.get("urlSyncUX") else None,
        name_servers=_servers(document.get("nameServers")),
    )


def _text(document: Mapping[str, Any], key: str, *, required: bool = True) -> str | None:
    value = document.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_NAME:
        raise _malformed(f"`{key}` is not a string of 1 to {_MAX_NAME} characters")
    if not value.isprintable():
        raise _malformed(f"`{key}` has unprintable characters")
    return value.strip()


def _url(document: Mapping[str, Any], key: str) -> ProviderPrefix:
    value = document.get(key)
    scheme = "https://"
    if not isinstance(value, str) or not value.lower().startswith(scheme):
        raise _malformed(f"`{key}` does not begin with https://")
    authority, slash, path = value[len(scheme) :].partition("/")
    found = _prefix(authority, f"{slash}{path}")
    if found is None:
        raise _malformed(f"`{key}` is not a host name with an optional plain path")
    return found


def _prefix(authority: str, path: str) -> ProviderPrefix | None:
    host = authority.lower().removesuffix(":443").removesuffix(".")
    plain = len(authority) + len(path) <= _MAX_LENGTH and _HOST.fullmatch(host)
    if not plain or not _PATH.fullmatch(path):
        return None
    return ProviderPrefix(host, path.removesuffix("/"))


def _servers(value: object) -> tuple[str, ...]:
    """Return what may help; it decides nothing, so that nothing is refused for it."""
    if not isinstance(value, list):
        return ()
    texts = (names.canonical(one) for one in value[:_MAX_SERVERS] if isinstance(one, str))
    return tuple(sorted(name for name in texts if _HOST.fullmatch(name)))


def _malformed(what: str) -> Refused:
    return Refused(
        "domain_connect_malformed",
        f"The DNS host's Domain Connect answer cannot be used: {what}. Enter the records by hand.",
    )
