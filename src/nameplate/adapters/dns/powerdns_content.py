"""Values as PowerDNS spells them: it refuses what it would write otherwise, though it means the same."""

import re
from ipaddress import IPv6Address

from dns.rdtypes.svcbbase import ParamKey

from nameplate.core.rdata.location import whole_loc

_PARAMETER = re.compile(r'(?<= )([a-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?(?= |$)')
_PLAIN = frozenset({"alpn", "ipv4hint", "ipv6hint", "mandatory", "port"})
_BARE = frozenset({"no-default-alpn"})
_KNOWN = _PLAIN | _BARE | {"ech"}
"""The parameters that every version calls by their names; the others are `key` and a number."""
_ZERO = re.compile(r"((?<![\d.-])0 0 0\.000 )([NE])")
_NEEDS_QUOTES = re.compile(r'[\s;()"]')


def content(rdtype: str, value: str) -> str:
    """Return a canonical value as PowerDNS writes it."""
    if rdtype == "AAAA" and "." in value:
        return _without_dots(value)
    if rdtype == "LOC":
        return _ZERO.sub(_southwest, whole_loc(value))
    if rdtype in {"HTTPS", "SVCB"}:
        priority, target, *parameters = value.split(" ", 2)
        shown = "".join(f" {text}" for text in parameters)
        return f"{priority} {target}{_PARAMETER.sub(_parameter, shown)}"
    return value


def _southwest(found: re.Match[str]) -> str:
    """Return an angle of zero, which PowerDNS counts as south and west."""
    return found[1] + {"N": "S", "E": "W"}[found[2]]


def _without_dots(address: str) -> str:
    """Return an address whose end is an IPv4 address in hexadecimal digits alone."""
    before, _, _ = address.rpartition(":")
    high, low = divmod(int(IPv6Address(address)) & 0xFFFFFFFF, 0x10000)
    return f"{before}:{high:x}:{low:x}"


def _parameter(found: re.Match[str]) -> str:
    key, value = _key(found[1]), found[2]
    if key in _BARE:
        return key
    if key == "mandatory" and value is not None:
        value = ",".join(map(_key, value.split(",")))
    if key in _PLAIN and value is not None and not _NEEDS_QUOTES.search(value):
        return f"{key}={value}"
    return f'{key}="{value or ""}"'


def _key(name: str) -> str:
    if name in _KNOWN or name.startswith("key"):
        return name
    return f"key{int(ParamKey.from_text(name.replace('-', '_')))}"
