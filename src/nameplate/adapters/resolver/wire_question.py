"""One question as it is sent, with its random parts, and what of all that comes back answers it."""

import struct
from collections.abc import Collection
from enum import Enum, auto
from functools import cache

import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype

from nameplate.adapters.resolver.chance import Chance
from nameplate.adapters.resolver.query import PAYLOAD
from nameplate.adapters.resolver.reply import ServerReply

_HEADER = struct.Struct("!HHHHHH")
_OPT = b"\0\0\x29" + PAYLOAD.to_bytes(2) + bytes(6)
_LETTERS = bytes(0x20 if chr(one).isalpha() and one < 0x80 else 0 for one in range(256))  # noqa: PLR2004 - ASCII
_QR, _OPCODE, _TC, _RD = 0x8000, 0x7800, 0x0200, int(dns.flags.RD)
_WITHOUT_QUESTION = frozenset(
    int(one) for one in (dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED)
)
_LENGTHS = tuple(bytes((length,)) for length in range(64))


def wire_of(name: dns.name.Name) -> bytes:
    """Return an absolute name as it is sent, in a third of the time that dnspython takes."""
    return b"".join([_LENGTHS[len(label)] + label for label in name.labels])


@cache
def _kind(rdtype: str) -> bytes:
    """Return the type and the class of a question."""
    return struct.pack("!HH", dns.rdatatype.from_text(rdtype), 1)


class Sign(Enum):
    """What a message tells that is no answer to be judged."""

    NOT_OURS = auto()
    ASK_BY_TCP = auto()


class WireQuestion:
    """A random id and random letter case, which must come back (0x20), make forging hard.

    dnspython writes such a message and reads its answer in several times the time.
    """

    __slots__ = ("id", "name", "rdtype", "recursive", "section")

    def __init__(self, name: bytes, rdtype: str, *, recursive: bool) -> None:
        """Draw nothing yet. `name` is that of `wire_of`."""
        self.name = name
        self.rdtype = rdtype
        self.recursive = recursive
        self.section = b""
        """The question section as it was sent."""
        self.id = 0

    def wire(self, chance: Chance, taken: Collection[int] = ()) -> bytes:
        """Return the message, with none of the ids that are `taken`.

        The second time it is the same, so that either answer will do where it arrives.
        """
        if not self.section:
            name = self.name
            if not self.recursive:
                size = len(name)
                letters = int.from_bytes(name.translate(_LETTERS))
                mixed = int.from_bytes(name) ^ (letters & int.from_bytes(chance.octets(size)))
                name = mixed.to_bytes(size)
            self.section = name + _kind(self.rdtype)
            self.id = int.from_bytes(chance.octets(2))
        while self.id in taken:
            self.id = int.from_bytes(chance.octets(2))
        flags = _RD if self.recursive else 0
        return _HEADER.pack(self.id, flags, 1, 0, 0, 1) + self.section + _OPT

    def read(self, wire: bytes) -> ServerReply | Sign:
        """Read a message; what answers another question or cannot be read is not ours."""
        if len(wire) < _HEADER.size:
            return Sign.NOT_OURS
        identity, flags, questions, *_ = _HEADER.unpack_from(wire)
        if identity != self.id or not flags & _QR or flags & _OPCODE:
            return Sign.NOT_OURS
        section = wire[_HEADER.size : _HEADER.size + len(self.section)] if questions == 1 else b""
        is_same = section == self.section
        if not is_same:
            empty = questions == 0 and flags & 0xF in _WITHOUT_QUESTION
            if not empty and (questions != 1 or section.lower() != self.section.lower()):
                return Sign.NOT_OURS
        if flags & _TC or not (is_same or self.recursive):
            return Sign.ASK_BY_TCP
        try:
            return ServerReply.of_wire(wire)
        except dns.exception.DNSException:
            return Sign.NOT_OURS
