"""One question on the wire: its random parts, and what of all that comes back answers it."""

import random
import socket
import struct
from collections.abc import Callable, Collection, Hashable
from enum import Enum, auto

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from nameplate.adapters.resolver.asking import ServerQuestion
from nameplate.adapters.resolver.query import CUT_OFF, NOT_DNS, PAYLOAD, Unanswered
from nameplate.adapters.resolver.reply import ServerReply
from nameplate.ports.resolver import AnswerKind

_HEADER = struct.Struct("!HHHHHH")
_OPT = b"\0\0\x29" + PAYLOAD.to_bytes(2) + bytes(6)
_LETTERS = bytes(0x20 if chr(one).isalpha() and one < 0x80 else 0 for one in range(256))  # noqa: PLR2004 - ASCII
_QR, _OPCODE, _TC = 0x8000, 0x7800, 0x0200
_WITHOUT_QUESTION = frozenset({
    dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED,
})  # fmt: skip

Answered = Callable[[ServerReply | Unanswered], None]
Key = tuple[str, int, bytes, bool]
"""Server, words of the question, and whether it is for a recursive resolver."""


class Sign(Enum):
    """What a message tells that is no answer to be judged."""

    NOT_OURS = auto()
    ASK_BY_TCP = auto()


class Asked:
    """One question, from when it is asked until it is answered or given up."""

    __slots__ = ("answered", "id", "key", "party", "port", "question", "section", "tries", "until")

    def __init__(
        self, key: Key, question: ServerQuestion, party: Hashable, answered: Answered
    ) -> None:
        """Take whom to tell first; nothing is sent yet."""
        self.key = key
        self.question = question
        self.party = party
        self.answered: list[Answered] | None = [answered]
        """Whom to tell; None when it is over."""
        self.section = b""
        """The question section as it was sent."""
        self.id = 0
        self.tries = 0
        self.until = 0.0
        self.port: Port | None = None
        """Where its answer is waited for; None in a queue, or while it is asked by TCP."""

    def wire(self, generator: random.Random, taken: Collection[int]) -> bytes:
        """Return the message, with none of the ids that are `taken`.

        The second time it is the same, so that either answer will do where it arrives.
        """
        question = self.question
        if not self.section:
            name = question.name.to_wire() or b""
            if not question.recursive:
                letters = int.from_bytes(name.translate(_LETTERS))
                mixed = int.from_bytes(name) ^ (letters & generator.getrandbits(8 * len(name)))
                name = mixed.to_bytes(len(name))
            kind = dns.rdatatype.from_text(question.rdtype)
            self.section = name + struct.pack("!HH", kind, 1)
            self.id = generator.getrandbits(16)
        while self.id in taken:
            self.id = generator.getrandbits(16)
        flags = dns.flags.RD if question.recursive else 0
        return _HEADER.pack(self.id, flags, 1, 0, 0, 1) + self.section + _OPT

    def read(self, wire: bytes) -> ServerReply | Sign:
        """Read a message with our id; what answers another question or cannot be read is not ours."""
        if len(wire) < _HEADER.size:
            return Sign.NOT_OURS
        _, flags, questions, *_ = _HEADER.unpack_from(wire)
        if not flags & _QR or flags & _OPCODE:
            return Sign.NOT_OURS
        section = wire[_HEADER.size : _HEADER.size + len(self.section)] if questions == 1 else b""
        is_same = section == self.section
        if not is_same:
            empty = questions == 0 and flags & 0xF in _WITHOUT_QUESTION
            if not empty and (questions != 1 or section.lower() != self.section.lower()):
                return Sign.NOT_OURS
        if flags & _TC or not (is_same or self.question.recursive):
            return Sign.ASK_BY_TCP
        try:
            return ServerReply.of_wire(wire)
        except dns.exception.DNSException:
            return Sign.NOT_OURS

    async def by_tcp(self, seconds: float) -> ServerReply | Unanswered:
        """Ask once more by TCP, with an id of its own."""
        question = self.question
        query = dns.message.make_query(question.name, question.rdtype, use_edns=0, payload=PAYLOAD)
        if not question.recursive:
            query.flags &= ~dns.flags.RD
        try:
            server = question.server
            message = await dns.asyncquery.tcp(query, server.address, seconds, server.port)
            if message.flags & dns.flags.TC:
                return Unanswered(AnswerKind.SERVFAIL, CUT_OFF)
            return ServerReply.of(message)
        except (dns.exception.Timeout, OSError, EOFError):
            return Unanswered(AnswerKind.TIMEOUT, "did not answer by TCP")
        except Exception:  # noqa: BLE001 - whatever a stranger's message leads to, it ends here
            return Unanswered(AnswerKind.SERVFAIL, NOT_DNS)


class Port:
    """A port of ours, connected to one server."""

    __slots__ = ("party", "server", "socket", "used", "waiting")

    def __init__(self, server: tuple[str, int], party: Hashable) -> None:
        """Open it for the first question, of this party; raises `OSError`."""
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.server = server
        self.party = party
        self.waiting: dict[int, Asked] = {}
        self.used = 0
