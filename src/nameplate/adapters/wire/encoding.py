"""Names and values on the wire (RFC 1035 section 3), from canonical text.

The types that zones are made of are written here, all others by dnspython, which is much slower and
also has the last word about what looks odd.
"""

import re
import socket
import struct
from collections.abc import Callable

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass

from nameplate.core.rdata import MAX_LENGTH, octets
from nameplate.core.rdata.location import loc_wire

_PLAIN_NAME = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)+")
_PLAIN_TXT = re.compile(r'"[ !#-\[\]-~]{0,255}"(?: "[ !#-\[\]-~]{0,255}")*')
_PLAIN_CAA = re.compile(r'([0-9]{1,3}) ([a-z0-9]{1,15}) "([ !#-\[\]-~]*)"')
_PLAIN_NUMBER = re.compile(r"[0-9]{1,5}")
_MAX_NAME = 254  # characters, final dot included
_NUMBERS_3 = struct.Struct("!HHH")


class Impossible(Exception):
    """What is wanted cannot be said in this protocol."""


def name(text: str) -> bytes:
    """Return an absolute name (with final dot), uncompressed."""
    try:
        return _host(text)
    except ValueError:
        pass  # odd characters, or no name at all
    try:
        return dns.name.from_text(text, None).to_wire() or b""
    except dns.exception.DNSException as error:
        raise Impossible(f"{text} is not a DNS name: {error}.") from None


def labels(text: str) -> bytes:
    """Return plain labels of at most 63 characters, joined by dots, without an end."""
    return b"".join([len(label).to_bytes(1) + label for label in text.encode().split(b".")])


def rdata(rdtype: str, text: str) -> bytes:
    """Return a canonical value. Raises `Impossible` when it is none."""
    unread = octets(text)
    if unread is not None:
        return _fitting(rdtype, unread)
    write = _WRITERS.get(rdtype)
    if write:
        try:
            return _fitting(rdtype, write(text))
        except (OSError, OverflowError, ValueError, struct.error):
            pass  # not the usual form: dnspython reads it, or says what is wrong
    try:
        wire = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text).to_wire()
    except (dns.exception.DNSException, ValueError) as error:
        raise Impossible(f"{rdtype} cannot be encoded: {error}.") from None
    return _fitting(rdtype, wire or b"")


def _fitting(rdtype: str, wire: bytes) -> bytes:
    if len(wire) > MAX_LENGTH:
        raise Impossible(
            f"The {rdtype} value has {len(wire)} octets. DNS allows at most {MAX_LENGTH}."
        )
    return wire


def _a(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET, text)


def _aaaa(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


def _host(text: str) -> bytes:
    if not _PLAIN_NAME.fullmatch(text) or len(text) > _MAX_NAME:
        raise ValueError(text)
    return labels(text[:-1]) + b"\0"


def _number(text: str) -> int:
    """Return a number in digits alone: `int` takes `1_0`, too."""
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _mx(text: str) -> bytes:
    preference, host = text.split(" ")
    return _number(preference).to_bytes(2) + _host(host)


def _srv(text: str) -> bytes:
    priority, weight, port, host = text.split(" ")
    numbers = _number(priority), _number(weight), _number(port)
    return _NUMBERS_3.pack(*numbers) + _host(host)


def _txt(text: str) -> bytes:
    if not _PLAIN_TXT.fullmatch(text):
        raise ValueError(text)
    strings = text[1:-1].encode().split(b'" "')
    return b"".join([len(string).to_bytes(1) + string for string in strings])


def _caa(text: str) -> bytes:
    plain = _PLAIN_CAA.fullmatch(text)
    if not plain:
        raise ValueError(text)
    flags, tag, value = plain.groups()
    return bytes([int(flags), len(tag)]) + f"{tag}{value}".encode()


_WRITERS: dict[str, Callable[[str], bytes]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CAA": _caa,
    "CNAME": _host,
    "DNAME": _host,
    "LOC": loc_wire,  # exact where dnspython's floating point is a centimetre off
    "MX": _mx,
    "NS": _host,
    "PTR": _host,
    "SRV": _srv,
    "TXT": _txt,
}
