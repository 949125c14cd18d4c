"""One question of the event loop, from when it is asked until it is over, and the port it waits at."""

import socket
from collections.abc import Callable, Hashable

import dns.asyncquery
import dns.exception
import dns.flags

from nameplate.adapters.resolver.asking import ServerQuestion
from nameplate.adapters.resolver.query import CUT_OFF, NOT_DNS, Unanswered, message_of
from nameplate.adapters.resolver.reply import ServerReply
from nameplate.adapters.resolver.wire_question import WireQuestion
from nameplate.ports.resolver import AnswerKind

Answered = Callable[[ServerReply | Unanswered], None]
Key = tuple[str, int, bytes, str, bool]
"""Server, name and type of the question, and whether it is for a recursive resolver."""


class Asked(WireQuestion):
    """One question, from when it is asked until it is answered or given up."""

    __slots__ = ("answered", "key", "party", "port", "question", "tries", "until")

    def __init__(
        self, key: Key, question: ServerQuestion, party: Hashable, answered: Answered
    ) -> None:
        """Take whom to tell first; nothing is sent yet."""
        super().__init__(key[2], question.rdtype, recursive=question.recursive)
        self.key = key
        self.question = question
        self.party = party
        self.answered: list[Answered] | None = [answered]
        """Whom to tell; None when it is over."""
        self.tries = 0
        self.until = 0.0
        self.port: Port | None = None
        """Where its answer is waited for; None in a queue, or while it is asked by TCP."""

    async def by_tcp(self, seconds: float) -> ServerReply | Unanswered:
        """Ask once more by TCP, with an id of its own."""
        server = self.question.server
        query = message_of(self.question.name, self.rdtype, recursive=self.recursive)
        try:
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

    __slots__ = ("number", "party", "receive", "send", "server", "socket", "used", "waiting")

    def __init__(self, server: tuple[str, int], party: Hashable) -> None:
        """Open it for the first question, of this party; raises `OSError`."""
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.number = self.socket.fileno()
        self.send, self.receive = self.socket.send, self.socket.recv
        self.server = server
        self.party = party
        self.waiting: dict[int, Asked] = {}
        self.used = 0
