"""One question to one server, within the budget of one look-up."""

import random
import threading
import time
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query

from nameplate.ports.resolver import AnswerKind

_TRIES = (1.5, 2.5)
"""Seconds to wait for an answer by UDP, the first and the second time."""
_PAYLOAD = 1232
"""Bytes that pass unfragmented nearly everywhere (DNS flag day 2020)."""


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
        left = self._end - time.monotonic()
        with self._lock:
            self._queries -= 1
            if self._queries < 0:
                raise Unanswered(AnswerKind.TIMEOUT, "too many queries were needed")
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
    """Ask by UDP, twice when nothing comes, and by TCP when the answer is truncated or suspicious.

    Random port, random id, and random letter case that must come back (0x20) make forging hard.
    `signatures` asks for those of DNSSEC beside the records. Raises `Unanswered`.
    """
    sent = name if recursive else _mixed_case(name)
    query = dns.message.make_query(
        sent, rdtype, use_edns=0, payload=_PAYLOAD, want_dnssec=signatures
    )
    if not recursive:
        query.flags &= ~dns.flags.RD
    for seconds in _TRIES:
        try:
            reply = dns.query.udp(
                query,
                server.address,
                budget.spend(seconds),
                server.port,
                ignore_unexpected=True,
                ignore_errors=True,
                raise_on_truncation=True,
            )
        except dns.exception.Timeout:
            continue
        except OSError:
            raise Unanswered(AnswerKind.TIMEOUT, "cannot be reached") from None
        except dns.message.Truncated:
            break
        except dns.exception.DNSException:
            raise Unanswered(AnswerKind.SERVFAIL, "sent an answer that is not DNS") from None
        if recursive or _same_case(reply, query):
            return reply
        break
    else:
        raise Unanswered(AnswerKind.TIMEOUT, "did not answer")
    return _by_tcp(server, query, budget)


def _by_tcp(
    server: NameServer, query: dns.message.Message, budget: QueryBudget
) -> dns.message.Message:
    try:
        return dns.query.tcp(query, server.address, budget.spend(sum(_TRIES)), server.port)
    except (dns.exception.Timeout, OSError, EOFError):
        raise Unanswered(AnswerKind.TIMEOUT, "did not answer by TCP") from None
    except dns.exception.DNSException:
        raise Unanswered(AnswerKind.SERVFAIL, "sent an answer that is not DNS") from None


def _mixed_case(name: dns.name.Name) -> dns.name.Name:
    bits = random.SystemRandom()
    text = (char.upper() if bits.getrandbits(1) else char for char in name.to_text())
    return dns.name.from_text("".join(text))


def _same_case(reply: dns.message.Message, query: dns.message.Message) -> bool:
    return [q.name.labels for q in reply.question] == [q.name.labels for q in query.question]
