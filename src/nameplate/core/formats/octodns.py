"""octoDNS zone files: YAML, a mapping from relative name to one record set or several.

Values are mappings for types with parts; TXT is unquoted with `;` escaped. What octoDNS computes
(dynamic pools, provider sections) is not DNS data and is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from nameplate.core.errors import Invalid
from nameplate.core.formats.entries import Entries, ReadingBudget
from nameplate.core.names import relative
from nameplate.core.rdata.text import quoted
from nameplate.core.rdata.unknown import octets
from nameplate.core.records import RRset

DEFAULT_TTL = 3600
_MAX_CHARACTERS = 8 * 1024 * 1024
"""Reading YAML takes a hundred times as long as the other formats."""
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PARTS: Mapping[str, tuple[str, ...]] = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "MX": ("preference", "exchange"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "fingerprint_type", "fingerprint"),
    "TLSA": ("certificate_usage", "selector", "matching_type", "certificate_association_data"),
}
"""The parts of a value, in the order of presentation form."""
_OLD_NAMES = {"preference": "priority", "exchange": "value"}
_TEXTS = frozenset(
    {"certificate_association_data", "digest", "exchange", "fingerprint", "tag", "target", "value"}
)


class _Loader(yaml.SafeLoader):
    """Plain data only: no aliases, which can blow a small file up to any size, and within a budget."""

    def __init__(self, text: str, budget: ReadingBudget) -> None:
        super().__init__(text)
        self._budget = budget

    def fetch_more_tokens(self) -> None:
        self._budget.time(f"line {self.line + 1}")
        super().fetch_more_tokens()

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 - PyYAML's hook
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML types it not
            raise yaml.composer.ComposerError(None, None, "aliases are refused", event.start_mark)
        return super().compose_node(parent, index)


def read(text: str, zone: str, budget: ReadingBudget) -> list[RRset]:
    """Return the record sets of an octoDNS file. Raises `Invalid` with place and reason."""
    if len(text) > _MAX_CHARACTERS:
        detail = f"The octoDNS file is too large. Use at most {_MAX_CHARACTERS} characters."
        raise Invalid("file_too_large", detail)
    try:
        document = _Loader(text, budget).get_single_data() or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        reason = getattr(error, "problem", None) or "it cannot be read"
        raise Invalid("file_invalid", f"{place}Not valid YAML: {reason}.") from None
    if not isinstance(document, dict):
        raise Invalid("file_invalid", "The document must map names to records.")
    entries = Entries(zone, budget)
    for name, content in document.items():
        sets = content if isinstance(content, list) else [content]
        for record in sets:
            _read_set(entries, str(name), record)
    return entries.rrsets()


def _read_set(entries: Entries, name: str, record: object) -> None:
    place = f"/{name or '@'}"
    if not isinstance(record, dict) or "type" not in record:
        entries.refuse(place, "shape", "Expected a type, and a value or values.")
        return
    rdtype = str(record["type"]).upper()
    if "dynamic" in record or "geo" in record:
        entries.refuse(
            place,
            "dynamic",
            "Dynamic and geo records are computed by a provider and cannot be imported.",
        )
        return
    values = record.get("values", record.get("value"))
    for value in values if isinstance(values, list) else [values]:
        try:
            text = _presentation(rdtype, value)
        except (AttributeError, KeyError, TypeError, ValueError):
            entries.refuse(
                place, "value_shape", f"Not a value of a {rdtype} record: {value!r:.80}."
            )
            continue
        proxied = bool((record.get("octodns") or {}).get("cloudflare", {}).get("proxied"))
        entries.add(place, name, rdtype, record.get("ttl", DEFAULT_TTL), text, proxied=proxied)


def _presentation(rdtype: str, value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    if rdtype == "TXT":
        return quoted([_unescaped(str(value))])
    if rdtype in {"HTTPS", "SVCB"}:
        params = value.get("svcparams") or {}
        words = [str(value["svcpriority"]), str(value["targetname"]), *map(_param, params.items())]
        return " ".join(words)
    if rdtype not in _PARTS:
        if not isinstance(value, str):
            raise TypeError(rdtype)
        return value
    parts = [value.get(part, value.get(_OLD_NAMES.get(part, ""))) for part in _PARTS[rdtype]]
    if None in parts:
        raise KeyError(rdtype)
    if rdtype == "CAA":
        parts[2] = quoted([str(parts[2]).encode()])
    return " ".join(map(str, parts))


def _param(pair: tuple[str, Any]) -> str:
    key, value = pair
    if value is None:
        return key
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f'{key}="{text}"'


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return an octoDNS file; SOA is left out, as octoDNS has none."""
    document: dict[str, Any] = {}
    for rrset in sorted(rrsets):
        if rrset.type == "SOA":
            continue
        values = [_structured(rrset.type, value) for value in rrset.values]
        single = len(values) == 1
        record: dict[str, Any] = {"ttl": rrset.ttl, "type": rrset.type}
        if rrset.proxied:
            record["octodns"] = {"cloudflare": {"proxied": True}}
        record["value" if single else "values"] = values[0] if single else values
        name = relative(rrset.name, zone)
        document.setdefault("" if name == "@" else name, []).append(record)
    compact = {name: sets[0] if len(sets) == 1 else sets for name, sets in document.items()}
    written: str = yaml.safe_dump(compact, sort_keys=True, allow_unicode=False, width=10**6)
    return f"---\n{written}"


def _structured(rdtype: str, value: str) -> Any:  # noqa: ANN401 - text or a mapping
    if octets(value) is not None:
        return value
    if rdtype == "TXT":
        return _escaped(b"".join(_octets(part) for part in _STRING.findall(value)))
    if rdtype in {"HTTPS", "SVCB"}:
        priority, target, *params = value.split(" ", 2)
        pairs = _svcparams(params[0]) if params else {}
        return {"svcpriority": int(priority), "targetname": target, "svcparams": pairs}
    names = _PARTS.get(rdtype)
    if names is None:
        return value
    words = value.split(" ", len(names) - 1)
    if rdtype == "CAA":
        words[2] = _octets(_STRING.findall(words[2])[0]).decode()
    return {
        name: word if name in _TEXTS else int(word) for name, word in zip(names, words, strict=True)
    }


def _svcparams(text: str) -> dict[str, Any]:
    found = re.findall(r'([a-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?', text)
    return {key: value.split(",") if "," in value else (value or None) for key, value in found}


def _octets(string: str) -> bytes:
    escape = re.compile(rb"\\(\d{3}|.)", re.DOTALL)

    def octet(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code)]) if code.isdigit() else code

    return escape.sub(octet, string.encode())


def _escaped(text: bytes) -> str:
    r"""Return octoDNS's form of a text: `;` and what is not printable ASCII behind a backslash."""
    return "".join(
        f"\\{chr(o)}" if o in b";\\" else chr(o) if 0x20 <= o < 0x7F else f"\\{o:03d}"  # noqa: PLR2004 - printable ASCII
        for o in text
    )


def _unescaped(text: str) -> bytes:
    return _octets(text)
