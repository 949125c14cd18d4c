"""Record sets as Route 53 writes them: octal escapes, aliases and routing policies."""

import re
from collections.abc import Mapping
from typing import Any

from nameplate.core import names
from nameplate.core.rdata import canonical
from nameplate.core.records import RRset

_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_QUOTED = frozenset({"CAA", "SPF", "TXT"})
_PLAIN = re.compile(r"[a-z0-9_*-]")


def is_plain(entry: Mapping[str, Any]) -> bool:
    """Tell whether this is a record set as DNS knows it: no alias, no routing policy."""
    return "AliasTarget" not in entry and "SetIdentifier" not in entry


def name(text: str) -> str:
    r"""Return a name in canonical form; Route 53 shows `*` as `\052` (three octal digits)."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        one = chr(int(code, 8)).lower() if code.isdigit() and len(code) > 1 else code
        return one if _PLAIN.fullmatch(one) else f"\\{ord(one):03d}"

    return names.canonical(_ESCAPE.sub(character, text))


def rrset(entry: Mapping[str, Any]) -> RRset:
    """Return the record set of one entry of a listing.

    Aliases and routed record sets come under types of Route 53's own, `A/alias` and `A/routed`, so
    that they are seen and never taken for ours.
    """
    owner, rdtype = name(entry["Name"]), entry["Type"]
    if "AliasTarget" in entry:
        target = entry["AliasTarget"]["DNSName"].lower()
        return RRset(owner, f"{rdtype}/alias", 0, (target,))
    values = {canonical(rdtype, _read(rdtype, one["Value"])) for one in entry["ResourceRecords"]}
    if "SetIdentifier" in entry:
        rdtype = f"{rdtype}/routed"
    return RRset(owner, rdtype, entry["TTL"], tuple(sorted(values)))


def sent(wanted: RRset) -> dict[str, Any]:
    """Return the record set as a change batch takes it."""
    return {
        "Name": f"{wanted.name}.",
        "Type": wanted.type,
        "TTL": wanted.ttl,
        "ResourceRecords": [{"Value": written(wanted.type, value)} for value in wanted.values],
    }


def written(rdtype: str, value: str) -> str:
    """Return one canonical value with its escapes in octal."""
    if rdtype not in _QUOTED:
        return value
    return _ESCAPE.sub(lambda found: _based(found, 10, "03o"), value)


def _read(rdtype: str, value: str) -> str:
    if rdtype not in _QUOTED:
        return value
    return _ESCAPE.sub(lambda found: _based(found, 8, "03d"), value)


def _based(found: re.Match[str], base: int, form: str) -> str:
    code = found[1]
    if len(code) == 1:
        return found[0]
    return f"\\{int(code, base):{form}}"
