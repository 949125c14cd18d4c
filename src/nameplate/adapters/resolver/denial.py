"""What signed records prove not to be there: NSEC (RFC 4035) and NSEC3 (RFC 5155)."""

import base64
from collections.abc import Iterator, Sequence

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

_MAX_ITERATIONS = 150
"""Zones with more are as those that are not signed (RFC 9276 section 3.2)."""
_MAX_RECORDS = 8
"""A whole proof needs four."""
_OPT_OUT = 1
_BITS = 8
_NS, _SOA, _CNAME, _DNAME, _DS = (
    dns.rdatatype.NS,
    dns.rdatatype.SOA,
    dns.rdatatype.CNAME,
    dns.rdatatype.DNAME,
    dns.rdatatype.DS,
)
_WILDCARD = dns.name.Name([b"*"])


class Unproved(Exception):
    """The records do not prove what they should."""


class OptedOut(Exception):
    """They prove that what is there need not be signed."""


class ProvedAbsence:
    """Signed NSEC or NSEC3 records of one zone. Each question raises `Unproved` or `OptedOut`."""

    def __init__(self, zone: dns.name.Name, rrsets: Sequence[dns.rrset.RRset]) -> None:
        """Take record sets whose signatures hold."""
        self._zone = zone
        chosen = list(rrsets)[:_MAX_RECORDS]
        self._plain = [(one.name, rd) for one in chosen for rd in one if isinstance(rd, NSEC)]
        hashed = [(one.name, rd) for one in chosen for rd in one if isinstance(rd, NSEC3)]
        if any(rd.iterations > _MAX_ITERATIONS for _, rd in hashed):
            raise OptedOut
        kinds = {(rd.algorithm, rd.iterations, rd.salt) for _, rd in hashed}
        self._how = next(iter(kinds)) if len(kinds) == 1 else None
        self._hashed = [(_label(owner), rd) for owner, rd in hashed if owner.parent() == zone]

    def no_ds(self, name: dns.name.Name) -> None:
        """Prove that a delegation has no DS record."""
        types = self._types(name)
        if types is not None:
            if _NS in types and not types & {_DS, _SOA}:
                return
            raise Unproved
        if self._how is None or not self._covering(self._next_closer(name)).flags & _OPT_OUT:
            raise Unproved

    def no_type(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        """Prove that a name has no records of a type, and is no alias."""
        types = self._types(name)
        if types is None:
            if self._is_empty(name):
                return
            closest = self.no_exact(name)
            types = self._types(_WILDCARD.concatenate(closest))
        if types is None or types & {kind, _CNAME}:
            raise Unproved
        if kind == _DS:
            if _SOA in types and name != dns.name.root:
                raise Unproved
        elif _NS in types and _SOA not in types:
            raise Unproved  # the parent's side of a delegation knows only of the DS record

    def no_name(self, name: dns.name.Name) -> None:
        """Prove that there is no such name, and no wildcard for it."""
        wildcard = _WILDCARD.concatenate(self.no_exact(name))
        if self._how is not None:
            self._covering(wildcard)
        elif not any(self._covers(owner, rd, wildcard) for owner, rd in self._plain):
            raise Unproved

    def no_exact(self, name: dns.name.Name) -> dns.name.Name:
        """Prove that there is no such name itself, and return the closest one above it."""
        if self._how is not None:
            next_closer = self._next_closer(name)
            if self._covering(next_closer).flags & _OPT_OUT:
                raise OptedOut
            return next_closer.parent()
        for owner, rd in self._plain:
            if self._covers(owner, rd, name):
                return max(_common(name, owner), _common(name, rd.next), key=len)
        raise Unproved

    def applies_wildcard(self, next_closer: dns.name.Name) -> None:
        """Prove that a wildcard answers rightly: nothing is closer (RFC 5155 section 7.2.6)."""
        if self._how is None:
            self.no_exact(next_closer)
        elif self._covering(next_closer).flags & _OPT_OUT:
            raise OptedOut

    def _types(self, name: dns.name.Name) -> set[int] | None:
        """Return the types of a name that a record is about; None when none is."""
        for owner, rd in self._plain:
            if owner == name:
                return _types(rd)
        if self._how is not None:
            hashed = self._hash(name)
            for label, rd3 in self._hashed:
                if label == hashed:
                    return _types(rd3)
        return None

    def _is_empty(self, name: dns.name.Name) -> bool:
        """Tell whether the name has nothing but names below it."""
        return any(
            rd.next.is_subdomain(name) and self._covers(owner, rd, name)
            for owner, rd in self._plain
        )

    def _covers(self, owner: dns.name.Name, rd: NSEC, name: dns.name.Name) -> bool:
        if name == owner or not name.is_subdomain(self._zone):
            return False
        if name.is_subdomain(owner) and _leads_away(_types(rd)):
            return False
        if rd.next == self._zone or rd.next <= owner:  # the last one of the zone
            return bool(name > owner)
        return bool(owner < name < rd.next)

    def _next_closer(self, name: dns.name.Name) -> dns.name.Name:
        """Return the name below the closest one that exists, on the way to `name`."""
        below = name
        while below != self._zone and below.is_subdomain(self._zone):
            above = below.parent()
            types = self._types(above)
            if types is not None:
                if _leads_away(types):
                    break
                return below
            below = above
        raise Unproved

    def _covering(self, name: dns.name.Name) -> NSEC3:
        hashed = self._hash(name)
        for label, rd in self._hashed:
            following = base64.b32hexencode(rd.next).decode()
            is_last = following <= label
            if label < hashed < following or (is_last and (hashed > label or hashed < following)):
                return rd
        raise Unproved

    def _hash(self, name: dns.name.Name) -> str:
        if self._how is None:
            raise Unproved
        algorithm, iterations, salt = self._how
        try:
            return dns.dnssec.nsec3_hash(name, salt, iterations, algorithm)
        except ValueError:
            raise Unproved from None


def _label(owner: dns.name.Name) -> str:
    return owner.labels[0].decode("ascii", "replace").upper()


def _leads_away(types: set[int]) -> bool:
    return (_NS in types and _SOA not in types) or _DNAME in types


def _types(rd: NSEC | NSEC3) -> set[int]:
    return set(_bits(rd))


def _bits(rd: NSEC | NSEC3) -> Iterator[int]:
    for window, bitmap in rd.windows:
        for place, octet in enumerate(bitmap):
            for bit in range(_BITS):
                if octet & (0x80 >> bit):
                    yield window * 256 + place * _BITS + bit


def _common(one: dns.name.Name, other: dns.name.Name) -> dns.name.Name:
    _, _, number = one.fullcompare(other)
    return dns.name.Name(one.labels[len(one.labels) - number :])
