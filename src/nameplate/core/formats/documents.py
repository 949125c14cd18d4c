"""JSON: our own list of record sets, and what the APIs of Route 53 and Cloudflare answer."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import Entries, Reading, ReadingBudget, written_name
from nameplate.core.formats.nodes import Object, load
from nameplate.core.provider_limits import AUTOMATIC_TTL
from nameplate.core.records import RRset

_FIELDS = frozenset({"name", "type", "ttl", "values", "proxied"})
_PLAIN_SET = frozenset({"Name", "Type", "TTL", "ResourceRecords"})
_AUTOMATIC = 1
"""The TTL by which Cloudflare says that it chooses one itself."""
_CLOUDFLARE_META = frozenset(
    {
        *("id", "zone_id", "zone_name", "created_on", "modified_on", "comment_modified_on"),
        *("tags_modified_on", "proxiable", "meta", "locked"),
    }
)
"""What Cloudflare says of a record and nobody has to know."""
_HOSTS = frozenset({"CNAME", "DNAME", "MX", "NS", "PTR", "SRV"})
_OCTAL = re.compile(r"\\([0-7]{3})")


def read(text: str, zone: str, budget: ReadingBudget) -> Reading:
    """Return what a list of records says, in one of the three shapes. Raises `Invalid`."""
    document = load(text, budget)
    entries = Entries(zone, budget)
    items, kind = document, ""
    if isinstance(document, Object):
        kind = next((key for key in ("ResourceRecordSets", "result") if key in document), "")
        items = document.get(kind)
    if not isinstance(items, list):
        detail = "Expected a list of record sets, or the answer of Route 53 or Cloudflare."
        raise Invalid("file_invalid", detail, [Problem("line 1", "shape", detail)])
    line = 1
    items.reverse()
    while items:  # what was read is let go: a large file has many
        item = items.pop()
        if not isinstance(item, Object):
            entries.refuse(
                f"line {line}", "shape", "Expected an object with the fields of records."
            )
            continue
        line = item.line
        place = f"line {line}"
        if kind == "ResourceRecordSets":
            _read_route53(entries, place, item)
        elif kind == "result" or "content" in item:
            _read_cloudflare(entries, place, item)
        else:
            _read_own(entries, place, item)
    return entries.reading()


def _text(entries: Entries, place: str, item: Mapping[str, Any], name: str) -> str | None:
    """Return a field that must be text, None when it is refused."""
    value = item.get(name)
    if isinstance(value, str):
        return value
    said = "nothing" if value is None else f"{json.dumps(value):.80}"
    entries.refuse(f"{place}/{name}", "shape", f"Expected text in `{name}`, not {said}.")
    return None


def _key(entries: Entries, place: str, name: str, rdtype: str) -> tuple[str, str] | None:
    """Return which record set an object is about, None when its name is refused."""
    owner = entries.owner(f"{place}", name)
    return None if owner is None else (owner, rdtype)


def _read_own(entries: Entries, place: str, item: Object) -> None:
    name, kind = (_text(entries, place, item, field) for field in ("name", "type"))
    if name is None or kind is None:
        return
    rdtype = kind.upper()
    key = _key(entries, place, name, rdtype)
    if key is None:
        return
    values, proxied = item.get("values"), item.get("proxied", False)
    for field in sorted(item.keys() - _FIELDS):
        entries.note(f"The field {field[:80]} was left out", place)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        entries.refuse(f"{place}/values", "shape", "Expected a list of texts in `values`.", key)
        return
    if not isinstance(proxied, bool):
        detail = "Expected true or false in `proxied`."
        entries.refuse(f"{place}/proxied", "shape", detail, key)
        return
    if not values:
        entries.note("Record sets without values were left out", place)
    if "ttl" in item and item["ttl"] is None:
        entries.refuse(f"{place}/ttl", "ttl_invalid", "Expected seconds in `ttl`.", key)
        return
    for value in values:
        entries.add(place, name, rdtype, item.get("ttl"), value, proxied=proxied)


def _read_route53(entries: Entries, place: str, item: Object) -> None:
    name, kind = (_text(entries, place, item, field) for field in ("Name", "Type"))
    if name is None or kind is None:
        return
    key = _key(entries, place, _octal(name), kind)
    if key is None:
        return
    more = sorted(item.keys() - _PLAIN_SET)
    if more:
        detail = (
            f"{key[0]} {kind} has {', '.join(more)[:200]}, which only Route 53 can answer with. "
            "Write plain records for it."
        )
        entries.refuse(place, "dynamic", detail, key)
        return
    records = item.get("ResourceRecords")
    for record in records if isinstance(records, list) and records else [None]:
        value = record.get("Value") if isinstance(record, Object) else None
        if not isinstance(value, str):
            detail = "Expected a list of objects with a `Value` in `ResourceRecords`."
            entries.refuse(f"{place}/ResourceRecords", "shape", detail, key)
            return
        given = _octal(value) if '"' in value else value
        entries.add(place, f"{key[0]}.", kind, item.get("TTL"), given)


def _octal(text: str) -> str:
    """Return a text of Route 53, whose escapes have octal digits, with decimal ones as in DNS."""

    def one(found: re.Match[str]) -> str:
        code = int(found[1], 8)
        return f"\\{code:03d}" if code < 256 else found[0]  # noqa: PLR2004 - one octet

    return _OCTAL.sub(one, text)


def _read_cloudflare(entries: Entries, place: str, item: Object) -> None:
    found = [_text(entries, place, item, field) for field in ("name", "type", "content")]
    name, kind, content = found
    if name is None or kind is None or content is None:
        return
    key = _key(entries, place, f"{name.removesuffix('.')}.", kind)
    if key is None:
        return
    ttl, proxied = item.get("ttl", _AUTOMATIC), item.get("proxied", False)
    if not isinstance(proxied, bool):
        detail = "Expected true or false in `proxied`."
        entries.refuse(f"{place}/proxied", "shape", detail, key)
        return
    for field in sorted(item.keys() - _CLOUDFLARE_META - {"name", "type", "content", "ttl"}):
        if field not in {"proxied", "priority", "data"} and item[field]:
            entries.note(f"The field {field[:80]} was left out", place)
    apart = {} if item.get("priority") is None else {"priority": item["priority"]}
    entries.add(
        place,
        f"{key[0]}.",
        kind,
        AUTOMATIC_TTL if ttl == _AUTOMATIC else ttl,
        _presentation(kind, content),
        proxied=proxied,
        numbers=apart,
    )


def _presentation(rdtype: str, content: str) -> str:
    """Return content of Cloudflare with the final dot that it leaves out of names, and LOC alone."""
    if rdtype == "LOC":
        return content.removeprefix("IN LOC ")
    if rdtype in _HOSTS and content and not content.endswith("."):
        return f"{content}."
    return content


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return one object for each record set."""
    document = [
        {
            "name": written_name(rrset.name, zone),
            "type": rrset.type,
            "ttl": rrset.ttl,
            "values": list(rrset.values),
            **({"proxied": True} if rrset.proxied else {}),
        }
        for rrset in sorted(rrsets)
    ]
    return json.dumps(document, indent=2) + "\n"
