"""Records that dnspython's own classes check well: SOA, HTTPS, SVCB, DS, TLSA, SMIMEA and SSHFP."""

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass

from nameplate.core.rdata.forms import misshapen
from nameplate.core.rdata.hosts import service_target
from nameplate.core.rdata.location import canonical_loc
from nameplate.core.rdata.text import quoted
from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_NAMES = {
    "AFSDB": ("exchange",),
    "HTTPS": ("target",),
    "KX": ("exchange",),
    "NAPTR": ("replacement",),
    "RP": ("mbox", "txt"),
    "SOA": ("mname", "rname"),
    "SVCB": ("target",),
}
_SHA1, _SHA256, _SHA512 = 40, 64, 128  # hexadecimal digits
_TLSA_LENGTHS = {1: _SHA256, 2: _SHA512}  # by matching type (RFC 6698 section 2.1.3)
_SSHFP_LENGTHS = {1: _SHA1, 2: _SHA256}  # by fingerprint type (RFC 4255, RFC 6594)
_CERTIFICATES = frozenset({"SMIMEA", "TLSA"})
_SSHFP_ALGORITHMS = frozenset({1, 2, 3, 4, 6})
_TLSA_LIMITS = (3, 1, 2)


def _lower(name: object) -> str:
    return str(name).lower()


# The types that zones are made of, without the copy that the general way takes.
_USUAL: dict[str, Callable[[Any], str]] = {
    "A": attrgetter("address"),
    "AAAA": attrgetter("address"),
    "CNAME": lambda rdata: _lower(rdata.target),
    "DNAME": lambda rdata: _lower(rdata.target),
    "LOC": lambda rdata: canonical_loc(rdata.to_text()),
    "MX": lambda rdata: f"{rdata.preference} {_lower(rdata.exchange)}",
    "NS": lambda rdata: _lower(rdata.target),
    "PTR": lambda rdata: _lower(rdata.target),
    "SRV": lambda rdata: f"{rdata.priority} {rdata.weight} {rdata.port} {_lower(rdata.target)}",
    "TXT": lambda rdata: quoted(rdata.strings),
}


def presentation(rdata: dns.rdata.Rdata, rdtype: str) -> str:
    """Return the canonical text of a dnspython value: lower-case names, hexadecimal in one piece."""
    usual = _USUAL.get(rdtype)
    if usual and not isinstance(rdata, dns.rdata.GenericRdata):
        return usual(rdata)
    names = {slot: getattr(rdata, slot).canonicalize() for slot in _NAMES.get(rdtype, ())}
    whole = rdata.replace(**names) if names else rdata
    return whole.to_text(chunksize=0)


def parse_service(given: Given) -> Rdata:
    """Read HTTPS or SVCB (RFC 9460)."""
    words = given.value.split(maxsplit=2)
    if len(words) < 2:  # noqa: PLR2004  # priority and target
        raise misshapen(given)
    host = service_target(words[1], given)
    if words[0] == "0" and len(words) > 2:  # noqa: PLR2004  # anything after the target
        raise wrong(
            "/value",
            "alias_mode",
            "Priority 0 is the alias form, which has a target and no parameters.",
        )
    return fixed(given, " ".join([words[0], host, *words[2:]]))[0]


def parse_digest(given: Given) -> Rdata:
    """Read DS (RFC 4034), TLSA (RFC 6698), SMIMEA (RFC 8162) or SSHFP (RFC 4255): numbers, then hexadecimal."""
    words = given.value.split()
    count = 2 if given.type == "SSHFP" else 3
    numbers, digest = words[:count], "".join(words[count:])
    if not all(word.isascii() and word.isdigit() for word in numbers):
        raise misshapen(given)
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digest):
        raise wrong(
            "/value",
            "digest_invalid",
            f"The value of {given.type} must end in pairs of hexadecimal digits.",
        )
    _check_numbers(given.type, [int(word[:6]) for word in numbers], len(digest))
    return fixed(given, " ".join([*numbers, digest]))[0]


def _check_numbers(rdtype: str, numbers: list[int], digits: int) -> None:
    is_certificate = rdtype in _CERTIFICATES
    lengths = {"SSHFP": _SSHFP_LENGTHS}.get(rdtype, _TLSA_LENGTHS if is_certificate else {})
    expected = lengths.get(numbers[-1], digits)
    if digits != expected:
        raise wrong(
            "/value",
            "digest_length",
            f"The {rdtype} digest has {digits} hexadecimal digits. Expected {expected} for "
            "its kind.",
        )
    if is_certificate and any(n > top for n, top in zip(numbers, _TLSA_LIMITS, strict=True)):
        raise wrong(
            "/value",
            "tlsa_numbers",
            f"Expected usage 0 to 3, selector 0 or 1, and matching type 0 to 2 for {rdtype}.",
        )
    if rdtype == "SSHFP" and (
        numbers[0] not in _SSHFP_ALGORITHMS or numbers[1] not in _SSHFP_LENGTHS
    ):
        raise wrong(
            "/value",
            "sshfp_numbers",
            "Expected algorithm 1 to 4 or 6, and fingerprint type 1 or 2 for SSHFP.",
        )


def parse_fixed(given: Given) -> Rdata:
    """Read the value with the class of its type."""
    return fixed(given, given.value)[0]


def fixed(given: Given, text: str) -> tuple[Rdata, Any]:
    """Read `text` with the class of its type; return dnspython's value beside our own."""
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    if re.search(r"[();\n\r]", outside):
        raise wrong(
            "/value",
            "zone_file_syntax",
            "Parentheses, `;` and line breaks are only allowed in zone files. Remove them.",
        )
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, given.type, text, dns.name.from_text(given.origin), relativize=False
        )
        length = len(rdata.to_wire() or b"")
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise misshapen(given, str(error)) from None
    canonical = presentation(rdata, given.type)
    return Rdata(given.type, canonical, Fields(canonical), length), rdata
