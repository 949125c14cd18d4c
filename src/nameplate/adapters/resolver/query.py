"""One question to one server, within the budget of one look-up."""

import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query

from nameplate.ports.resolver import AnswerKind

T = TypeVar("T")

TRIES = (1.5, 2.5)
"""Seconds to wait for an answer by UDP, the first and the second time."""
NOT_DNS = "sent an answer that is not DNS"
CUT_OFF = "sent a truncated answer by TCP"
PAYLOAD = 1232
"""Bytes that pass unfragmented nearly everywhere (DNS flag day 2020)."""
_MAX_MESSAGE = 65_535
_A, _Z, _CASE = ord("a"), ord("z"), 0x20
"""Small letters, and the bit that makes them capital (RFC 1035 section 2.3.3)."""


@dataclass(frozen=True, slots=True, order=True)
class NameServer:
    """A name server at one address."""

    name: str
    address: str
    port: int = 53

    def __str__(self) -> str:
        """Return name and address, as people want to see who said something."""
        return f"{self.name} ({self.address})"


class Unanswered(Exception):
    """No usable answer came; carries the kind to report and why."""

    def __init__(self, kind: AnswerKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class QueryBudget:
    """How long one look-up may take, in seconds, and how many queries it may send. Thread-safe."""

    def __init__(self, seconds: float, queries: int) -> None:
        self._end = time.monotonic() + seconds
        self._queries = queries
        self._lock = threading.Lock()

    def spend(self, seconds: float) -> float:
        """Count one query and return how long it may wait, at most `seconds`.

        Raises `Unanswered` when the budget is used up.
        """
        with self._lock:
            self._queries -= 1
            if self._queries < 0:
                raise Unanswered(AnswerKind.TIMEOUT, "too many queries were needed")
        return self.left(seconds)

    def left(self, seconds: float) -> float:
        """Return how long a query may wait, at most `seconds`, counting none.

        Raises `Unanswered` when the time is over.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise Unanswered(AnswerKind.TIMEOUT, "the lookup took too long")
        return min(left, seconds)


def ask(
    server: NameServer,
    name: dns.name.Name,
    rdtype: str,
    budget: QueryBudget,
    *,
    recursive: bool = False,
    signatures: bool = False,
) -> dns.message.Message:
    """Ask as `asking.in_threads` does, and return all that is said.

    `signatures` asks for those of DNSSEC beside the records. Raises `Unanswered`.
    """
    sent = name if recursive else _mixed_case(name)
    query = message_of(sent, rdtype, recursive=recursive, signatures=signatures)

    def read(wire: bytes) -> dns.message.Message | None:
        try:
            reply = dns.message.from_wire(wire, raise_on_truncation=True)
        except dns.message.Truncated as error:
            reply = error.kwargs["message"]
        if not query.is_response(reply):
            return None
        if reply.flags & dns.flags.TC or not (recursive or _same_case(reply, query)):
            raise AskByTcp
        return reply

    found = by_udp(server, query.to_wire(), budget, read)
    return by_tcp(server, query, budget) if found is None else found


def message_of(
    name: dns.name.Name, rdtype: str, *, recursive: bool, signatures: bool = False
) -> dns.message.Message:
    """Return the question as dnspython sends it."""
    query = dns.message.make_query(
        name, rdtype, use_edns=0, payload=PAYLOAD, want_dnssec=signatures
    )
    if not recursive:
        query.flags &= ~dns.flags.RD
    return query


class AskByTcp(Exception):
    """The answer by UDP was cut off, or its letters are not ours."""


def by_udp(
    server: NameServer, wire: bytes, budget: QueryBudget, read: Callable[[bytes], T | None]
) -> T | None:
    """Send a question, twice when nothing comes, from a random port; None: ask by TCP.

    `read` returns None for what is no answer to it, and raises `AskByTcp`. Raises `Unanswered`.
    """
    for seconds in TRIES:
        try:
            return _sent(server, wire, budget.spend(seconds), read)
        except TimeoutError:
            continue
        except OSError:
            raise Unanswered(AnswerKind.TIMEOUT, "cannot be reached") from None
        except AskByTcp:
            return None
    raise Unanswered(AnswerKind.TIMEOUT, "did not answer")


def _sent(server: NameServer, wire: bytes, seconds: float, read: Callable[[bytes], T | None]) -> T:
    """Send once and return the first answer of this server; the rest is passed over.

    dnspython's own takes four times as long: it makes a selector for each wait. Raises `TimeoutError`
    and `OSError`.
    """
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    until = time.monotonic() + seconds
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(wire, (server.address, server.port))
        there = _packed(family, server.address), server.port
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            received, sender = sock.recvfrom(_MAX_MESSAGE)
            if (_packed(family, sender[0]), sender[1]) != there:
                continue
            try:
                reply = read(received)
            except AskByTcp:
                raise
            except Exception:  # noqa: BLE001, S112 - whatever somebody sent is no answer
                continue
            if reply is not None:
                return reply
    raise TimeoutError


def _packed(family: socket.AddressFamily, address: str) -> bytes:
    return socket.inet_pton(family, address.partition("%")[0])


def by_tcp(
    server: NameServer, query: dns.message.Message, budget: QueryBudget
) -> dns.message.Message:
    """Ask by TCP. Raises `Unanswered`."""
    try:
        reply = dns.query.tcp(query, server.address, budget.spend(sum(TRIES)), server.port)
    except (dns.exception.Timeout, OSError, EOFError):
        raise Unanswered(AnswerKind.TIMEOUT, "did not answer by TCP") from None
    except dns.exception.DNSException:
        raise Unanswered(AnswerKind.SERVFAIL, NOT_DNS) from None
    if reply.flags & dns.flags.TC:
        raise Unanswered(AnswerKind.SERVFAIL, CUT_OFF)
    return reply


def _mixed_case(name: dns.name.Name) -> dns.name.Name:
    """Return the name with the case of each letter left to chance, which an answer repeats."""
    return dns.name.Name([_shuffled(label) for label in name.labels])


def _shuffled(label: bytes) -> bytes:
    chance = secrets.token_bytes(len(label))
    return bytes(
        char ^ bits & _CASE if _A <= char | _CASE <= _Z else char
        for char, bits in zip(label, chance, strict=True)
    )


def _same_case(reply: dns.message.Message, query: dns.message.Message) -> bool:
    return [q.name.labels for q in reply.question] == [q.name.labels for q in query.question]
