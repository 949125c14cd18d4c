"""What each provider takes, known before it is asked.

The table restates, from public sources: the audits of DNSControl (`providers/*/auditrecords.go` at
7a079bc2, MIT) for what providers refuse although DNS allows it, and the providers' own references
for record types and TTLs: Cloudflare API 5.9.0, DigitalOcean OpenAPI at 7c1300c4, Namecheap API v2,
the Route 53 API 2013-04-01 and the PowerDNS 4.7 manual.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nameplate.core.rdata.raw import is_one_piece, raw
from nameplate.core.records import RRset
from nameplate.core.zone_rules import MAX_TTL

Check = Callable[[str], str | None]
"""What is wrong with one canonical value, as the end of a sentence, or None."""

AUTOMATIC_TTL = 300
"""Seconds that Cloudflare serves for "automatic" and for everything behind its proxy."""
_PROXIABLE = frozenset({"A", "AAAA", "CNAME"})


_READ_THEIR_WRITES = frozenset({"powerdns", "rfc2136"})
"""Providers that answer from the very data that they write; elsewhere listings lag by seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one provider takes."""

    name: str
    types: frozenset[str]
    ttls: tuple[int, int] = (0, MAX_TTL)
    """Lowest and highest TTL, in seconds."""
    proxy: bool = False
    """Whether `proxied` means something there."""
    replaces_zones: bool = False
    """Whether every write replaces the whole zone by what was read of it."""
    flattens: bool = False
    """Whether a CNAME at the apex is answered with the addresses of its target."""
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    """By record type."""


def _types(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _empty_text(value: str) -> str | None:
    return "empty texts" if raw(value) == "" else None


def _backslash(value: str) -> str | None:
    return "texts with a backslash" if "\\" in (raw(value) or "") else None


def _quote(value: str) -> str | None:
    return "texts with a double quote" if '"' in (raw(value) or "") else None


def _several_strings(value: str) -> str | None:
    return None if is_one_piece(value) else "texts of several strings, or not in UTF-8"


def _text_over(limit: int) -> Check:
    def check(value: str) -> str | None:
        return (
            f"texts of more than {limit} octets with their quotes" if len(value) > limit else None
        )

    return check


def _null_mx(value: str) -> str | None:
    return "the null MX" if value.endswith(" .") else None


def _caa_space(value: str) -> str | None:
    return "CAA values with spaces" if " " in value.split(maxsplit=2)[2] else None


def _huge_location(value: str) -> str | None:
    """PowerDNS counts centimetres in 32 bits."""
    sizes = [float(word.removesuffix("m")) for word in value.split()[9:]]
    return "LOC sizes over 40,000 km" if sizes and max(sizes) > _MAX_METRES else None


_MAX_METRES = 40_000_000
_COMMON = _types("A AAAA CAA CNAME MX NS TXT")
_FULL = _COMMON | _types("DS HTTPS NAPTR PTR SRV SSHFP SVCB TLSA")
_ALL = _FULL | _types("DNAME LOC OPENPGPKEY RP SMIMEA URI")
_LIMITS = {
    "cloudflare": Limits(
        "Cloudflare",
        _FULL | _types("LOC OPENPGPKEY SMIMEA URI"),
        (60, 86_400),
        proxy=True,
        flattens=True,
        checks={"TXT": (_empty_text,)},
    ),
    "digitalocean": Limits(
        "DigitalOcean",
        _COMMON | {"SRV"},
        (30, MAX_TTL),
        checks={
            "CAA": (_caa_space,),
            "MX": (_null_mx,),
            "TXT": (_empty_text, _backslash, _several_strings, _text_over(512)),
        },
    ),
    "namecheap": Limits(
        "Namecheap",
        _COMMON | {"ALIAS"},
        (60, 60_000),
        replaces_zones=True,
        checks={"MX": (_null_mx,), "TXT": (_empty_text, _quote, _several_strings)},
    ),
    "powerdns": Limits("PowerDNS", _ALL | {"ALIAS"}, checks={"LOC": (_huge_location,)}),
    "rfc2136": Limits("The name server", _ALL),
    "route53": Limits("Route 53", _FULL, checks={"TXT": (_text_over(4000),)}),
    "lexicon": Limits(
        "The dns-lexicon bridge",
        _types("A AAAA CNAME TXT"),
        checks={"TXT": (_empty_text, _backslash, _quote, _several_strings)},
    ),
}


def refusals(provider: str, rrset: RRset) -> str | None:
    """Return why `provider` will not have this record set, as a sentence, or None.

    None too for a provider that is not in the table: then only asking tells.
    """
    limits = _LIMITS.get(provider)
    if limits is None:
        return None
    what = f"{rrset.name} {rrset.type}"
    if rrset.type not in limits.types:
        known = ", ".join(sorted(limits.types))
        return (
            f"{what}: {limits.name} does not support {rrset.type} records. Types that it has: "
            f"{known}."
        )
    if rrset.proxied:
        return _proxied(limits, rrset)
    lowest, highest = limits.ttls
    if not lowest <= rrset.ttl <= highest:
        return f"{what}: {limits.name} accepts TTLs of {lowest} to {highest} seconds."
    for value in rrset.values:
        for check in limits.checks.get(rrset.type, ()):
            found = check(value)
            if found:
                return f"{what}: {limits.name} does not accept {found}."
    return None


def takes(provider: str, rdtype: str) -> bool:
    """Tell whether `provider` is known to have records of this type."""
    return provider in _LIMITS and rdtype in _LIMITS[provider].types


def reads_its_writes(provider: str) -> bool:
    """Tell whether every reading shows what was written before it."""
    return provider in _READ_THEIR_WRITES


def replaces_zones(provider: str) -> bool:
    """Tell whether a write at `provider` deletes what the reading before it left out."""
    return provider in _LIMITS and _LIMITS[provider].replaces_zones


def flattens(provider: str) -> bool:
    """Tell whether `provider` takes a CNAME at the apex of a zone."""
    return provider in _LIMITS and _LIMITS[provider].flattens


def _proxied(limits: Limits, rrset: RRset) -> str | None:
    what = f"{rrset.name} {rrset.type}"
    if not limits.proxy:
        return f"{what}: {limits.name} does not proxy records."
    if rrset.type not in _PROXIABLE:
        return f"{what}: only A, AAAA and CNAME can be proxied."
    if rrset.ttl != AUTOMATIC_TTL:
        return (
            f"{what}: a record that {limits.name} proxies must have a TTL of {AUTOMATIC_TTL} "
            "seconds."
        )
    return None
