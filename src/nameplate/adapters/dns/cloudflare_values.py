"""Values as Cloudflare's API has them: in fields of their own, or as text."""

import re
from collections.abc import Mapping
from typing import Any

from nameplate.core.rdata.location import whole_loc
from nameplate.core.rdata.raw import caa, from_caa, from_raw, is_presentation
from nameplate.core.rdata.text import quoted

_HOSTS = frozenset({"CNAME", "MX", "NS", "PTR"})
_LOCATION = (
    *("lat_degrees", "lat_minutes", "lat_seconds", "lat_direction"),
    *("long_degrees", "long_minutes", "long_seconds", "long_direction"),
    *("altitude", "size", "precision_horz", "precision_vert"),
)
_CERTIFICATE = ("usage", "selector", "matching_type", "certificate")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "HTTPS": ("priority", "target", "value"),
    "LOC": _LOCATION,
    "NAPTR": ("order", "preference", "flags", "service", "regex", "replacement"),
    "SMIMEA": _CERTIFICATE,
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "type", "fingerprint"),
    "SVCB": ("priority", "target", "value"),
    "TLSA": _CERTIFICATE,
    "URI": ("weight", "target"),
}
"""Types that come in fields of their own, in the order of presentation form."""
_STRINGS: Mapping[str, frozenset[str]] = {
    "NAPTR": frozenset({"flags", "service", "regex"}),
    "URI": frozenset({"target"}),
}
"""Fields that presentation form has in quotes; the API has the same text without them."""
_WORDS = frozenset(
    {
        "digest",
        "fingerprint",
        "certificate",
        "tag",
        "replacement",
        "lat_direction",
        "long_direction",
    }
)
_METRES = frozenset(_LOCATION[8:])
_DECIMALS: Mapping[str, int] = {"lat_seconds": 3, "long_seconds": 3, **dict.fromkeys(_METRES, 2)}
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_INNER = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)


def presentation(entry: Mapping[str, Any]) -> str:
    """Return the value of one record of a listing in presentation form."""
    rdtype = entry["type"]
    data, content = entry.get("data"), entry.get("content") or ""
    if rdtype == "CAA" and data:
        return from_caa(int(data["flags"]), data["tag"], data["value"])
    if rdtype in _FIELDS and data:
        shown = " ".join(_shown(rdtype, name, data.get(name)) for name in _FIELDS[rdtype]).strip()
        return f"{int(entry.get('priority') or 0)} {shown}" if rdtype == "URI" else shown
    if rdtype == "TXT" and not is_presentation(content):
        return from_raw(content)
    if rdtype == "LOC":
        return content.removeprefix("IN LOC ")
    if rdtype in _HOSTS:
        content = _absolute(content)
    return f"{int(entry['priority'])} {content}" if rdtype == "MX" else content


def fields(rdtype: str, value: str) -> dict[str, Any]:
    """Return what a creation or an edit says of a canonical value."""
    if rdtype == "URI":
        priority, rest = value.split(" ", 1)
        return {"priority": int(priority), "data": _data(rdtype, rest)}
    if rdtype in _FIELDS:
        return {"data": _data(rdtype, whole_loc(value) if rdtype == "LOC" else value)}
    if rdtype == "MX":
        priority, host = value.split()
        return {"priority": int(priority), "content": host.removesuffix(".") or "."}
    if rdtype in _HOSTS:
        return {"content": value.removesuffix(".")}
    return {"content": value}


def _shown(rdtype: str, name: str, value: Any) -> str:  # noqa: ANN401  # JSON
    if name in _STRINGS.get(rdtype, ()):
        text = str(value or "")
        return f'"{text}"' if _INNER.fullmatch(text) else quoted([text.encode()])
    if name == "target":
        return _absolute(value or "")
    if isinstance(value, int | float):
        return f"{value:.{_DECIMALS.get(name, 0)}f}" if name in _DECIMALS else str(int(value))
    return str(value or "")


def _absolute(name: str) -> str:
    return f"{name.removesuffix('.')}."


def _data(rdtype: str, value: str) -> dict[str, Any]:
    names = _FIELDS[rdtype]
    if rdtype in _STRINGS:
        words = [inner or word for inner, word in _WORD.findall(value)]
    else:
        words = value.split(maxsplit=len(names) - 1)
    words += [""] * (len(names) - len(words))  # HTTPS without parameters
    return {name: _sent(rdtype, name, word, value) for name, word in zip(names, words, strict=True)}


def _sent(rdtype: str, name: str, word: str, value: str) -> str | int | float:
    if name in _STRINGS.get(rdtype, ()) or name in _WORDS:
        return word
    if name == "value":
        return caa(value)[2] if rdtype == "CAA" else word
    if name == "target":
        return word.removesuffix(".") or "."
    return float(word.removesuffix("m")) if name in _DECIMALS else int(word)
