"""Records as Cloudflare's API writes them."""

from collections.abc import Mapping
from typing import Any

from nameplate.adapters.changes.rows import Row
from nameplate.core import names
from nameplate.core.provider_limits import AUTOMATIC_TTL
from nameplate.core.rdata import canonical
from nameplate.core.rdata.raw import caa, from_caa, from_raw, is_presentation

_HOSTS = frozenset({"CNAME", "MX", "NS", "PTR"})
_PROXIABLE = frozenset({"A", "AAAA", "CNAME"})
_AUTOMATIC = 1  # how the API writes the automatic TTL
_FIELDS = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "HTTPS": ("priority", "target", "value"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "type", "fingerprint"),
    "SVCB": ("priority", "target", "value"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
}
"""Types that come in fields of their own, in the order of presentation form."""
_WORDS = frozenset({"digest", "fingerprint", "certificate", "tag"})


def row(entry: Mapping[str, Any]) -> Row:
    """Return one record of a listing in canonical form."""
    rdtype = entry["type"]
    ttl = int(entry["ttl"])
    return Row(
        id=entry["id"],
        name=names.canonical(entry["name"]),
        type=rdtype,
        ttl=AUTOMATIC_TTL if ttl == _AUTOMATIC else ttl,
        value=canonical(rdtype, _presentation(entry)),
        proxied=bool(entry.get("proxied")),
    )


def _presentation(entry: Mapping[str, Any]) -> str:
    rdtype = entry["type"]
    data, content = entry.get("data"), entry.get("content") or ""
    if rdtype == "CAA" and data:
        return from_caa(int(data["flags"]), data["tag"], data["value"])
    if rdtype in _FIELDS and data:
        return " ".join(_shown(name, data.get(name)) for name in _FIELDS[rdtype]).strip()
    if rdtype == "TXT" and not is_presentation(content):
        return from_raw(content)
    if rdtype in _HOSTS:
        content = _absolute(content)
    return f"{int(entry['priority'])} {content}" if rdtype == "MX" else content


def _shown(name: str, value: Any) -> str:  # noqa: ANN401  # JSON
    if name == "target":
        return _absolute(value or "")
    if isinstance(value, int | float):
        return str(int(value))
    return str(value or "")


def _absolute(name: str) -> str:
    return f"{name.removesuffix('.')}."


def body(row: Row, comment: str = "") -> dict[str, Any]:
    """Return the record as a creation or an edit sends it; a comment goes with creations only."""
    sent: dict[str, Any] = {
        "name": row.name,
        "type": row.type,
        "ttl": _AUTOMATIC if row.proxied else row.ttl,
    }
    if row.type in _PROXIABLE:
        sent["proxied"] = row.proxied
    if row.id:
        sent["id"] = row.id
    elif comment:
        sent["comment"] = comment
    if row.type in _FIELDS:
        return {**sent, "data": _data(row)}
    if row.type == "MX":
        priority, host = row.value.split()
        return {**sent, "priority": int(priority), "content": host.removesuffix(".") or "."}
    if row.type in _HOSTS:
        return {**sent, "content": row.value.removesuffix(".")}
    return {**sent, "content": row.value}


def _data(row: Row) -> dict[str, Any]:
    names = _FIELDS[row.type]
    words = row.value.split(maxsplit=len(names) - 1)
    words += [""] * (len(names) - len(words))  # HTTPS without parameters
    data: dict[str, Any] = {}
    for name, word in zip(names, words, strict=True):
        if name == "value":
            data[name] = caa(row.value)[2] if row.type == "CAA" else word
        elif name == "target":
            data[name] = word.removesuffix(".") or "."
        else:
            data[name] = word if name in _WORDS else int(word)
    return data
