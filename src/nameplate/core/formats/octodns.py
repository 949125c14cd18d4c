"""octoDNS zone files: YAML, a mapping from relative name to one record set or several.

Values are mappings for types with parts; TXT is unquoted with `;` escaped. What octoDNS computes
(dynamic pools, provider sections) is not DNS data and is refused.
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import Entries, Reading, ReadingBudget
from nameplate.core.formats.octodns_values import Misshapen, presentation, structured
from nameplate.core.formats.yaml_nodes import Mapping, load
from nameplate.core.names import relative
from nameplate.core.records import RRset

_MAX_CHARACTERS = 8 * 1024 * 1024
"""Reading YAML takes a hundred times as long as the other formats."""
_FIELDS = frozenset({"type", "ttl", "value", "values", "octodns", "dynamic", "geo"})
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


def read(text: str, zone: str, budget: ReadingBudget) -> Reading:
    """Return what an octoDNS file says. Raises `Invalid` with the line when it is no such file."""
    if len(text) > _MAX_CHARACTERS:
        detail = f"The octoDNS file is too large. Use at most {_MAX_CHARACTERS} characters."
        raise Invalid("file_too_large", detail)
    document = load(text, budget) or Mapping()
    entries = Entries(zone, budget)
    if not isinstance(document, Mapping):
        detail = "The document must map names to records."
        raise Invalid("file_invalid", detail, [Problem("line 1", "shape", detail)])
    for name, content in document.items():
        line = document.lines[name]
        if not isinstance(content, list):
            _read_set(entries, f"line {line}", name, content)
            continue
        for record in content:
            line = record.line if isinstance(record, Mapping) else line
            _read_set(entries, f"line {line}", name, record)
    return entries.reading()


def _read_set(entries: Entries, place: str, name: str, record: object) -> None:
    """Read one record set. Names of octoDNS are relative, whatever they look like."""
    apex = name in {"", "@"}
    owner = entries.owner(place, name if apex or name.endswith(".") else f"{name}.{entries.zone}.")
    if owner is None:
        return
    if not isinstance(record, Mapping) or not isinstance(record.get("type"), str):
        entries.refuse(place, "shape", "Expected a type, and a value or values.")
        return
    rdtype = record["type"].upper()
    key = (owner, rdtype)
    if "dynamic" in record or "geo" in record:
        detail = "Dynamic and geo records are computed by a provider and cannot be imported."
        entries.refuse(place, "dynamic", detail, key)
        return
    values = record.get("values", record.get("value"))
    if {"value", "values"} <= record.keys() or (not values and values != ""):
        entries.refuse(place, "value_shape", "Expected either a value or values.", key)
        return
    for field in sorted(record.keys() - _FIELDS):
        entries.note(f"The field {field[:80]} was left out", place)
    try:
        proxied = _proxied(entries, place, record)
        texts = [
            presentation(rdtype, value)
            for value in (values if isinstance(values, list) else [values])
        ]
    except Misshapen as wrong:
        entries.refuse(place, "value_shape", f"Not a value of {rdtype}. {wrong}", key)
        return
    for text in texts:
        entries.add(place, f"{owner}.", rdtype, _ttl(record), text, proxied=proxied)


def _ttl(record: Mapping) -> object:
    """Return the seconds of a record set; what are none comes back as it is."""
    ttl = record.get("ttl", "3600")
    if isinstance(ttl, str) and ttl.isascii() and ttl.isdigit():
        return int(ttl[:12])
    return ttl if ttl is not None else "null"


def _proxied(entries: Entries, place: str, record: Mapping) -> bool:
    """Return whether Cloudflare is to answer itself; note what else octoDNS is told. Raises `Misshapen`."""
    section = record.get("octodns", Mapping())
    cloudflare = section.get("cloudflare", Mapping()) if isinstance(section, Mapping) else None
    if not isinstance(section, Mapping) or not isinstance(cloudflare, Mapping):
        raise Misshapen("Expected a mapping in `octodns`, and in `cloudflare` below.")
    others = [name for name in section if name != "cloudflare"]
    others += [f"cloudflare: {name}" for name in cloudflare if name != "proxied"]
    for name in others:
        entries.note(f"The setting {name[:80]} of octoDNS was left out", place)
    word = cloudflare.get("proxied", "false")
    if not isinstance(word, str) or word.lower() not in _TRUE | _FALSE:
        raise Misshapen("Expected true or false in `proxied`.")
    return word.lower() in _TRUE


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return an octoDNS file; SOA is left out, as octoDNS has none."""
    document: dict[str, Any] = {}
    for rrset in sorted(rrsets):
        if rrset.type == "SOA":
            continue
        values = [structured(rrset.type, value) for value in rrset.values]
        single = len(values) == 1
        record: dict[str, Any] = {"ttl": rrset.ttl, "type": rrset.type}
        if rrset.proxied:
            record["octodns"] = {"cloudflare": {"proxied": True}}
        record["value" if single else "values"] = values[0] if single else values
        name = relative(rrset.name, zone)
        document.setdefault("" if name == "@" else name, []).append(_ordered(record))
    compact = {name: sets[0] if len(sets) == 1 else sets for name, sets in document.items()}
    written: str = yaml.safe_dump(
        _ordered(compact, deep=False), sort_keys=False, allow_unicode=False, width=10**6
    )
    return f"---\n{written}"


def _ordered(content: Any, *, deep: bool = True) -> Any:  # noqa: ANN401 - what YAML can hold
    """Return mappings with their keys in natural order (`a2` before `a10`), which octoDNS insists on."""
    if isinstance(content, list):
        return [_ordered(one) for one in content]
    if not isinstance(content, dict):
        return content
    return {
        key: _ordered(content[key]) if deep else content[key]
        for key in sorted(content, key=_natural)
    }


def _natural(text: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]
