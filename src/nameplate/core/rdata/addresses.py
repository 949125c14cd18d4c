"""A and AAAA."""

import ipaddress
import re

import dns.ipv6

from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_QUAD = re.compile(r"\d+\.\d+\.\d+\.\d+")
_OCTETS_4 = 4
_OCTETS_6 = 16


def parse_a(given: Given) -> Rdata:
    """Read A (RFC 1035 section 3.4.1): four decimal numbers, none with leading zeros."""
    text = given.value.strip()
    if ":" in text and not _QUAD.match(text):
        raise wrong("/value", "address_family", f"`{text}` is an IPv6 address. Use an AAAA record.")
    if re.search(r"(?:^|\.)0\d", text) and _QUAD.fullmatch(text):
        raise wrong(
            "/value",
            "leading_zero",
            f"`{text}` has leading zeros, which some programs read as octal. Remove them.",
        )
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise wrong(
            "/value", "address_invalid", f"`{text}` is not an IPv4 address such as 192.0.2.1."
        ) from None
    _refuse_unusable(address)
    return Rdata("A", text, Fields(text), _OCTETS_4)


def parse_aaaa(given: Given) -> Rdata:
    """Read AAAA (RFC 3596); the canonical form is that of RFC 5952."""
    text = given.value.strip().strip("[]")
    if _QUAD.fullmatch(text):
        raise wrong("/value", "address_family", f"`{text}` is an IPv4 address. Use an A record.")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise wrong(
            "/value", "address_invalid", f"`{text}` is not an IPv6 address such as 2001:db8::1."
        ) from None
    if address.scope_id:
        raise wrong(
            "/value", "address_scoped", f"`{text}` has an interface name after `%`. Remove it."
        )
    if address.ipv4_mapped:
        raise wrong(
            "/value", "address_mapped", f"`{text}` contains an IPv4 address. Use an A record."
        )
    _refuse_unusable(address)
    canonical = dns.ipv6.inet_ntoa(address.packed)
    return Rdata("AAAA", canonical, Fields(canonical), _OCTETS_6)


def _refuse_unusable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Refuse what no host can have. Private addresses are the owner's business."""
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise wrong(
            "/value",
            "address_unusable",
            f"No host can have the address {address}. Use a public address.",
        )
