"""What a zone as a whole must obey, and the owner names and TTLs of its records."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from nameplate.core import dnames
from nameplate.core.errors import Problem
from nameplate.core.names import is_wildcard, is_within
from nameplate.core.rdata import MAX_LENGTH, wire_length
from nameplate.core.rdata.hosts import doubled, is_address, labels
from nameplate.core.rdata.text import rejoined
from nameplate.core.rdata.value import wrong
from nameplate.core.records import RRset

MIN_TTL = 30
MAX_TTL = 2**31 - 1  # RFC 2181 section 8
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_COMMON_ENDINGS = frozenset({"com", "net", "org"})
_ESCAPE = re.compile(r"\\(\d{3}|\D)", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9*_+/-]")
_MAX_NAME = 253
_MAX_SET = 65_000
"""Octets of a record set in a message of 65,535, beside header, question and signature."""
_FRAME = (
    12  # octets of each record beside its rdata: a pointer to the name, type, class, TTL, length
)
_SURELY_SMALL = 16_000
"""Characters of canonical text that cannot have more octets on the wire than DNS allows."""
ADDRESSES = frozenset({"A", "AAAA", "ALIAS", "ANAME"})
"""What a flattened CNAME would answer with itself, and so cannot have beside it."""


def owner_name(text: str, zone: str) -> str:
    """Return the canonical owner name that `text` means in `zone` (canonical).

    Empty, `@` and the zone's own name are the apex; a name with final dot or ending in the zone is
    absolute; everything else is relative. A wildcard is one whole first label (RFC 4592). Raises
    `Invalid` with the pointer `/name`.
    """
    given = _ESCAPE.sub(_unescaped, text.strip())
    if given in {"", "@"}:
        return zone
    _refuse_zone_file_syntax(given)
    absolute = given.endswith(".")
    wildcard = is_wildcard(given) or given == "*"
    rest = given.removesuffix(".").removeprefix("*").removeprefix(".")
    if "*" in rest or (given.startswith("*") and not wildcard):
        raise wrong("/name", "wildcard_invalid", "`*` is allowed only as the whole first label.")
    name = ".".join([*(["*"] if wildcard else []), *(labels(rest, "/name") if rest else [])])
    inside = is_within(name, zone)
    if inside and doubled(name, zone):
        short = name[: -len(zone) - 1]
        raise wrong(
            "/name",
            "doubled_name",
            f"`{name}` ends in `{zone}` twice. Write `{short}` or its host part.",
        )
    if inside:
        return name
    ending = name.rpartition(".")[2]
    foreign = "." in name and ending in _COMMON_ENDINGS | {zone.rpartition(".")[2]}
    if absolute or foreign or is_address(name):
        raise wrong("/name", "out_of_zone", f"`{given}` is not in the zone `{zone}`.")
    if len(name) + 1 + len(zone) > _MAX_NAME:
        raise wrong("/name", "name_too_long", "The name is longer than 253 characters.")
    return f"{name}.{zone}"


def _unescaped(found: re.Match[str]) -> str:
    """Return the character of an escape (RFC 1035 section 5.1) where a name may have it as it is."""
    code = found[1]
    one = chr(int(code)) if len(code) > 1 else code
    return one if _PLAIN.fullmatch(one) else found[0]


def _refuse_zone_file_syntax(text: str) -> None:
    if text.startswith("$"):
        raise wrong(
            "/name",
            "zone_file_syntax",
            f"`{text.split(maxsplit=1)[0]}` is a zone file directive, which is not allowed here.",
        )
    bad = re.search(r"[\s()\";\\:]", text)
    if bad:
        raise wrong("/name", "name_invalid", f"Remove {bad[0]!r}. It is not allowed in a name.")


def seconds(value: object, *, minimum: int = MIN_TTL) -> int:
    """Return a TTL: whole seconds from `minimum` to 2^31-1. Raises `Invalid` at `/ttl`."""
    if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= MAX_TTL:
        return value
    hint = ""
    if isinstance(value, str):
        spoken = re.fullmatch(r"(\d{1,6})([smhdw]?)", value.strip().lower())
        if spoken:
            hint = f" Write {int(spoken[1]) * _SECONDS[spoken[2] or 's']}."
    raise wrong(
        "/ttl",
        "ttl_invalid",
        f"Expected a TTL in whole seconds, from {minimum} to {MAX_TTL}.{hint}",
    )


def check_zone(
    zone_name: str, rrsets: Sequence[RRset], *, forced: bool = False, flattens: bool = False
) -> list[Problem]:
    """Return what is wrong with `rrsets` as the wanted content of the zone, nothing when it is fine.

    Pointers are `/<index>` into `rrsets`. A name and type may appear several times (one record
    each). `forced` lets NS at the apex through; `flattens` a CNAME there, alone among addresses.
    """
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    by_key: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, rrset in enumerate(rrsets):
        by_name[rrset.name].append(index)
        by_key[rrset.key].append(index)
    problems = [
        *_placement(zone_name, rrsets, forced=forced, flattens=flattens),
        *(found for key in by_key for found in _within(rrsets, by_key[key])),
        *(
            found
            for name in by_name
            for found in _alone(rrsets, by_name[name], is_flattened=flattens and name == zone_name)
        ),
        *_aliased_targets(rrsets),
        *dnames.problems(zone_name, rrsets),
    ]
    return sorted(problems, key=lambda problem: int(problem.pointer[1:]))


def _placement(
    zone: str, rrsets: Sequence[RRset], *, forced: bool, flattens: bool
) -> list[Problem]:
    problems = []
    for index, rrset in enumerate(rrsets):
        code = detail = ""
        if len(rrset.name) > _MAX_NAME:
            code, detail = "name_too_long", f"`{rrset.name[:80]}...` is longer than 253 characters."
        elif not is_within(rrset.name, zone):
            code, detail = "out_of_zone", f"`{rrset.name}` is not in the zone `{zone}`."
        elif rrset.type == "SOA":
            code, detail = (
                "soa_read_only",
                "The SOA record is managed by the DNS provider. Leave it out.",
            )
        elif rrset.name == zone and rrset.type == "CNAME" and not flattens:
            code = "cname_at_apex"
            detail = (
                f"`{zone}` is the apex of the zone and cannot be a CNAME. Use ALIAS, or A and "
                "AAAA records."
            )
        elif rrset.name == zone and rrset.type == "NS" and not forced:
            code = "apex_ns"
            detail = (
                "NS records at the apex decide which servers answer for the zone. Pass `force` "
                "(`--force` on the command line) to confirm."
            )
        if code:
            problems.append(Problem(f"/{index}", code, detail))
    return problems


def _within(rrsets: Sequence[RRset], indexes: list[int]) -> list[Problem]:
    """Return what is wrong among the records of one name and type."""
    first = rrsets[indexes[0]]
    what = f"{first.name} {first.type}"
    problems = [
        Problem(f"/{i}", "ttl_differs", f"All records of {what} must have the same TTL (RFC 2181).")
        for i in indexes[1:]
        if rrsets[i].ttl != first.ttl
    ]
    seen = Counter[str]()
    for i in indexes:
        for value in rrsets[i].values:
            text = rejoined(value) if first.type == "TXT" else value
            seen[text] += 1
            if seen[text] == 2:  # noqa: PLR2004  # say it once, at the second
                problems.append(
                    Problem(
                        f"/{i}",
                        "duplicate_value",
                        f"{what} {value[:80]} is given twice. Remove one.",
                    )
                )
    last = f"/{indexes[-1]}"
    too_large = oversize(first.name, first.type, list(seen))
    if too_large:
        problems.append(Problem(last, *too_large))
    if first.type == "MX" and len(seen) > 1 and any(v.endswith(" .") for v in seen):
        problems.append(
            Problem(last, "null_mx_not_alone", f"{first.name}: the null MX `0 .` must be alone.")
        )
    if first.type == "CNAME" and len(seen) > 1:
        problems.append(Problem(last, "cname_several", f"{first.name} can have only one CNAME."))
    if first.type == "DNAME" and len(seen) > 1:
        problems.append(Problem(last, "dname_several", f"{first.name} can have only one DNAME."))
    return problems


def oversize(name: str, rdtype: str, values: Collection[str]) -> tuple[str, str] | None:
    """Return code and sentence when no DNS message can carry these values of one name, else None."""
    if sum(map(len, values)) + _FRAME * len(values) <= _SURELY_SMALL:
        return None
    lengths = [wire_length(rdtype, value) for value in values]
    if max(lengths) > MAX_LENGTH:
        return (
            "record_too_large",
            f"A value of {name} {rdtype} has {max(lengths)} octets. DNS allows at most {MAX_LENGTH}.",
        )
    whole = sum(lengths) + _FRAME * len(lengths)
    if whole > _MAX_SET:
        return (
            "rrset_too_large",
            f"{name} {rdtype} has {whole} octets in all. A DNS message can carry at most {_MAX_SET}.",
        )
    return None


def _alone(rrsets: Sequence[RRset], indexes: list[int], *, is_flattened: bool) -> list[Problem]:
    types = {rrsets[i].type for i in indexes}
    beside = types & ADDRESSES if is_flattened else types - {"CNAME"}
    if "CNAME" not in types or not beside:
        return []
    return [
        Problem(
            f"/{i}",
            "cname_not_alone",
            f"`{rrsets[i].name}` also has {', '.join(sorted(beside))}. A CNAME must be "
            "alone (RFC 1034).",
        )
        for i in indexes
        if rrsets[i].type == "CNAME"
    ]


def _aliased_targets(rrsets: Sequence[RRset]) -> list[Problem]:
    aliases = {rrset.name for rrset in rrsets if rrset.type == "CNAME"}
    return [
        Problem(
            f"/{index}",
            "target_is_alias",
            f"`{value.split()[-1]}` is a CNAME. {rrset.type} must name a host with "
            "addresses (RFC 2181).",
        )
        for index, rrset in enumerate(rrsets)
        if rrset.type in {"MX", "NS"}
        for value in rrset.values
        if value.split()[-1].removesuffix(".") in aliases
    ]
