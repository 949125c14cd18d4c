"""Messages of RFC 2136: what must be so, and what shall become of it."""

import struct
from collections.abc import Iterable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.renderer
import dns.tsig

from nameplate.adapters.changes.batch import length
from nameplate.adapters.wire import encoding
from nameplate.adapters.wire.encoding import Impossible
from nameplate.adapters.wire.refusals import Refusal, refusal
from nameplate.core.records import Action, Change, RRset
from nameplate.ports.dns import Zone

LIMIT = 48_000  # octets of text; a message over TCP has 65,535 on the wire
_MAX_LENGTH = 65_535
_UNKNOWN_HERE = frozenset({"ALIAS", "ANAME"})
_HEADER = 12
_ZONE = b"\xc0\x0c"  # a pointer to the question, which is the zone (RFC 1035 section 4.1.4)
_POINTER, _REACH = 0xC000, 0x4000
_FIXED = struct.Struct("!HHIH")
_FUDGE = 300  # seconds that the clocks may differ (RFC 8945 section 10)
_RENDERER: Any = dns.renderer.Renderer  # dnspython has no types here
_IN, _NONE, _ANY = dns.rdataclass.IN, dns.rdataclass.NONE, dns.rdataclass.ANY


class Update:
    """One message in the making, prerequisites first; each record set by owner and type."""

    def __init__(self, zone: str) -> None:
        self._suffix = f".{zone}"
        self._zone = encoding.name(f"{zone}.")
        self._places = {zone: _ZONE}
        self._counts = [0, 0]
        self._section = 0
        self._wire = bytearray(_HEADER)
        self._wire += self._zone + struct.pack("!HH", dns.rdatatype.SOA, _IN)

    def absent(self, name: str, rdtype: str) -> None:
        """Demand that there is no such record set."""
        self._put(0, name, rdtype, _NONE)

    def exists(self, name: str, rdtype: str) -> None:
        """Demand that there is such a record set, whatever its values."""
        self._put(0, name, rdtype, _ANY)

    def present(self, rrset: RRset) -> None:
        """Demand exactly these values; a prerequisite has TTL 0 (RFC 2136 section 2.4.2)."""
        for rdata in _values(rrset):
            self._put(0, rrset.name, rrset.type, _IN, rdata=rdata)

    def delete(self, name: str, rdtype: str) -> None:
        """Delete a whole record set."""
        self._put(1, name, rdtype, _ANY)

    def delete_value(self, name: str, rdtype: str, value: str) -> None:
        """Delete one value."""
        self._put(1, name, rdtype, _NONE, rdata=encoding.rdata(rdtype, value))

    def add(self, rrset: RRset) -> None:
        """Add the values of a record set."""
        for rdata in _values(rrset):
            self._put(1, rrset.name, rrset.type, _IN, ttl=rrset.ttl, rdata=rdata)

    def to_wire(self, key: dns.tsig.Key | None) -> tuple[bytes, bytes]:
        """Return the message, signed by dnspython when there is a key, and its signature.

        Raises `dns.exception.TooBig`.
        """
        flags = dns.opcode.to_flags(dns.opcode.UPDATE)
        renderer = _RENDERER(flags=flags, max_size=_MAX_LENGTH)
        renderer.counts = [1, *self._counts, 0]
        renderer.output.write(self._wire[_HEADER:])
        renderer.write_header()
        mac = b""
        if key:
            renderer.add_tsig(key.name, key, _FUDGE, renderer.id, 0, b"", b"", key.algorithm)
            mac = _mac(
                renderer.get_wire(), len(self._wire) + len(key.name.to_wire() or b"") + _FIXED.size
            )
        wire: bytes = renderer.get_wire()
        if len(wire) > _MAX_LENGTH:
            raise dns.exception.TooBig
        return wire, mac

    def _put(
        self,
        section: int,
        name: str,
        rdtype: str,
        rdclass: int,
        *,
        ttl: int = 0,
        rdata: bytes = b"",
    ) -> None:
        if section < self._section:
            raise ValueError("prerequisites come before updates")
        self._section = section
        self._counts[section] += 1
        self._wire += self._owner(name)
        self._wire += _FIXED.pack(_number(rdtype), rdclass, ttl, len(rdata))
        self._wire += rdata

    def _owner(self, name: str) -> bytes:
        """Return an owner name, shortened to a pointer where it or the zone stands already."""
        known = self._places.get(name)
        if known:
            return known
        at = len(self._wire)
        if at < _REACH:
            self._places[name] = (_POINTER | at).to_bytes(2)
        whole = encoding.name(f"{name}.")
        if name.endswith(self._suffix):
            return whole[: -len(self._zone)] + _ZONE
        return whole


def _mac(wire: bytes, at: int) -> bytes:
    """Return the signature out of the TSIG whose rdata begin at an offset."""
    tsig: Any = dns.rdata.from_wire(_ANY, dns.rdatatype.TSIG, wire, at, len(wire) - at)
    mac: bytes = tsig.mac
    return mac


def _number(rdtype: str) -> int:
    if rdtype in _UNKNOWN_HERE:
        raise Impossible(f"This provider does not support {rdtype} records.")
    number = _NUMBERS.get(rdtype)
    if number is None:
        number = _NUMBERS[rdtype] = int(dns.rdatatype.from_text(rdtype))
    return number


_NUMBERS: dict[str, int] = {}


def _values(rrset: RRset) -> list[bytes]:
    if rrset.proxied:
        raise Impossible("This provider does not proxy records.")
    try:
        return [encoding.rdata(rrset.type, value) for value in rrset.values]
    except Impossible as error:
        raise Impossible(f"{rrset.name}: {error}") from None


def is_large(change: Change) -> bool:
    """Tell whether one message cannot hold both the old values and the new ones."""
    return change.action is Action.UPDATE and length(change) > LIMIT


def update(zone: Zone, changes: Iterable[Change]) -> Update:
    """Return one message: everything as it was seen, deletions, then additions."""
    message = Update(zone.name)
    ordered = sorted(changes, key=lambda change: change.action is not Action.DELETE)
    for change in ordered:
        if change.before is None:
            message.absent(*change.key)
        elif is_large(change):
            message.exists(*change.key)
        else:
            message.present(change.before)
    for change in ordered:
        before, after = change.before, change.after
        if change.key == (zone.name, "NS") and before is not None and after is not None:
            # Servers ignore the deletion of all NS at the apex (RFC 2136 section 3.4.2.3).
            message.add(after)
            for value in set(before.values) - set(after.values):
                message.delete_value(*change.key, value)
            continue
        if before is not None:
            message.delete(*change.key)
        if after is not None:
            message.add(after)
    return message


def probe(zone: Zone, changes: Iterable[Change]) -> Update:
    """Return a message of prerequisites alone, which says whether the changes took effect.

    What was not there and is there now is ours, whatever its values; that a server exchanges values
    of a record set half-way is not allowed to it, but at the apex NS (RFC 2136 section 3.4.2).
    """
    message = Update(zone.name)
    for change in changes:
        if change.after is None:
            message.absent(*change.key)
        elif change.key == (zone.name, "NS"):
            message.present(change.after)
        elif change.action is Action.CREATE:
            message.exists(*change.key)
    return message


class KeyRefused(Exception):
    """The server judges the signature of the message, and has done nothing else."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry what the server says of the key and the clocks."""
        super().__init__(str(refusal))
        self.refusal = refusal


def code(asked: bytes, mac: bytes, key: dns.tsig.Key | None, answer: bytes) -> str:
    """Return the code of the answer to a message, whose signature is checked.

    Raises `KeyRefused`, or the exceptions of dnspython.
    """
    is_ours = answer[:2] == asked[:2]
    no = refusal(answer) if is_ours else None
    if no and no.tsig:
        raise KeyRefused(no)
    try:
        parsed = dns.message.from_wire(answer, keyring=key, request_mac=mac)
    except dns.exception.FormError:
        # Knot does not sign when the zone is not its own. Nobody gains by forging that.
        if no and no.code == "NOTAUTH":
            return "NOTAUTH"
        raise
    is_response = parsed.flags & dns.flags.QR and parsed.opcode() == dns.opcode.UPDATE
    if not is_response or not is_ours:
        raise dns.query.BadResponse
    return dns.rcode.to_text(parsed.rcode())


def forbidden(zone: Zone) -> Update:
    """Return an update that needs every right and cannot happen: its zone has no SOA.

    Servers judge rights first, or tell `YXRRSET`.
    """
    message = Update(zone.name)
    message.absent(zone.name, "SOA")
    message.add(RRset(f"_nameplate-test.{zone.name}", "TXT", 60, ('"test"',)))
    return message
