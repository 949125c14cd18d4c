"""The values of DNS records: what people give, checked, in one canonical form."""

import re
from collections.abc import Callable

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from nameplate.core import names
from nameplate.core.rdata.addresses import parse_a, parse_aaaa
from nameplate.core.rdata.caa import parse_caa
from nameplate.core.rdata.fixed import parse_digest, parse_fixed, parse_service, presentation
from nameplate.core.rdata.hosts import parse_mx, parse_srv, parse_target
from nameplate.core.rdata.location import canonical_loc, parse_loc
from nameplate.core.rdata.naptr import parse_naptr
from nameplate.core.rdata.openpgp import parse_openpgpkey
from nameplate.core.rdata.person import parse_rp
from nameplate.core.rdata.text import parse_txt, text_length
from nameplate.core.rdata.unknown import generic, octets
from nameplate.core.rdata.uri import parse_uri
from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

__all__ = [
    "MAX_LENGTH",
    "TYPES",
    "Fields",
    "Rdata",
    "canonical",
    "carried",
    "generic",
    "octets",
    "parse",
    "presentation",
    "wire_length",
]

MAX_LENGTH = 65_535
"""Octets that one value may have on the wire (RFC 1035 section 3.2.1)."""

_FAMILIES: dict[str, Callable[[Given], Rdata]] = {
    "A": parse_a,
    "AAAA": parse_aaaa,
    "ALIAS": parse_target,
    "ANAME": parse_target,
    "CAA": parse_caa,
    "CNAME": parse_target,
    "DNAME": parse_target,
    "DS": parse_digest,
    "HTTPS": parse_service,
    "LOC": parse_loc,
    "MX": parse_mx,
    "NAPTR": parse_naptr,
    "NS": parse_target,
    "OPENPGPKEY": parse_openpgpkey,
    "PTR": parse_target,
    "RP": parse_rp,
    "SMIMEA": parse_digest,
    "SOA": parse_fixed,
    "SRV": parse_srv,
    "SSHFP": parse_digest,
    "SVCB": parse_service,
    "TLSA": parse_digest,
    "TXT": parse_txt,
    "URI": parse_uri,
}
TYPES = frozenset(_FAMILIES)
"""The record types that `parse` reads."""

_NUMBERS = {"MX": {"priority"}, "SRV": {"priority", "weight", "port"}}
# Most of what servers publish is canonical already, and a pattern is much faster than a parser.
_NAME, _NUMBER = r"(?:[a-z0-9_*-]+\.)+", r"(?:0|[1-9]\d{0,4})"
_PLAIN_NAME = re.compile(_NAME)
_PLAIN_TXT = re.compile(r'"[ !#-\[\]-~]{0,255}"(?: "[ !#-\[\]-~]{0,255}")*')
# RFC 5952 where no group is 0 but those that one `::` stands for, which are two at least.
_GROUP = "[1-9a-f][0-9a-f]{0,3}"
_PLAIN_AAAA = rf"(?!(?:[^:]*:){{7}})(?:{_GROUP}:)+(?::{_GROUP})+|(?:{_GROUP}:){{7}}{_GROUP}"
_PLAIN = {
    "AAAA": re.compile(_PLAIN_AAAA),
    "ALIAS": _PLAIN_NAME,
    "ANAME": _PLAIN_NAME,
    "CAA": re.compile(r'(?:0|128) [a-z0-9]{1,15} "[ !#-\[\]-~]{0,255}"'),
    "CNAME": _PLAIN_NAME,
    "DNAME": _PLAIN_NAME,
    "MX": re.compile(rf"{_NUMBER} {_NAME}"),
    "NS": _PLAIN_NAME,
    "PTR": _PLAIN_NAME,
    "SRV": re.compile(rf"(?:{_NUMBER} ){{3}}{_NAME}"),
    "TXT": _PLAIN_TXT,
}
_FOREIGN_TO_DNSPYTHON = frozenset({"ALIAS", "ANAME"})


def parse(
    type: str,  # noqa: A002  # the field is called so everywhere
    value: str,
    *,
    origin: str,
    owner: str = "",
    priority: int | None = None,
    weight: int | None = None,
    port: int | None = None,
) -> Rdata:
    """Read what a person gave for one record of the zone `origin` (canonical).

    MX and SRV take their numbers in the value or apart from it. `owner`, the record's own name, lets
    a name that points to itself be refused. Raises `Invalid` whose problems point at `/type`,
    `/value`, `/priority`, `/weight` or `/port`.
    """
    family = _FAMILIES.get(type)
    if family is None:
        known = ", ".join(sorted(TYPES))
        raise wrong(
            "/type",
            "type_unknown",
            f"`{type}` is not a type that Nameplate manages. Expected one of {known}.",
        )
    for name, given in (("priority", priority), ("weight", weight), ("port", port)):
        if given is not None and name not in _NUMBERS.get(type, ()):
            raise wrong(
                f"/{name}", f"{name}_unused", f"{type} records have no `{name}`. Leave it out."
            )
    return family(Given(type, value, origin, owner, priority, weight, port))


def carried(rdtype: str, text: str, *, origin: str) -> str:
    r"""Return the canonical form of rdata of a type that is not managed, as a zone file writes it.

    Types that nobody here knows are `\# length hexadecimal` (RFC 3597). Raises `Invalid`.
    """
    try:
        number = dns.rdatatype.from_text(rdtype)
    except (dns.exception.DNSException, ValueError):
        number = dns.rdatatype.NONE
    if dns.rdatatype.is_metatype(number) or number == dns.rdatatype.NONE:
        raise wrong("/type", "type_unknown", f"`{rdtype[:80]}` is not a type of record.")
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, number, text, dns.name.from_text(origin), relativize=False
        )
        return presentation(rdata, rdtype)
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise wrong("/value", "value_invalid", f"Not a value of {rdtype} ({error}).") from None


def canonical(rdtype: str, text: str) -> str:
    """Return the canonical form of rdata that a server published (names absolute), never raising.

    What cannot be read (a type of the provider's own, say) comes back as it is: it is not ours.
    """
    plain = _PLAIN.get(rdtype)
    if rdtype == "A" or (plain and plain.fullmatch(text)):
        return text
    if rdtype in _FOREIGN_TO_DNSPYTHON:
        return f"{names.canonical(text)}."
    try:
        if rdtype == "LOC":
            return canonical_loc(text)
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False
        )
        return presentation(rdata, rdtype)
    except Exception:  # noqa: BLE001 - eighty classes of dnspython, and none may stop a whole zone
        return text


def wire_length(rdtype: str, text: str) -> int:
    """Return the octets of a canonical value on the wire, uncompressed.

    What cannot be read counts as its text, which is hardly ever shorter.
    """
    if rdtype == "TXT":
        return text_length(text)
    known = octets(text)
    if known is not None:
        return len(known)
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root)
        return len(rdata.to_wire() or b"")
    except Exception:  # noqa: BLE001 - as in `canonical`
        return len(text)
