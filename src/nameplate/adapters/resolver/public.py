"""Public resolvers: what somebody with an old answer in the cache still sees, and for how long."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.message
import dns.name
import dns.rcode

from nameplate.adapters.resolver.query import NameServer, QueryBudget, Unanswered, ask
from nameplate.adapters.resolver.reply import values
from nameplate.ports.resolver import Answer, AnswerKind

_SECONDS = 4.0
_QUERIES = 3
_PATIENCE = 3
"""Silences in a row after which a resolver is left alone for a while."""
_REST = 60.0
"""Seconds; a resolver that a firewall keeps away must not slow every look down."""
_DNS_PORT = 53


class PublicResolvers:
    """Asks each resolver the same question at once. Threads may share it."""

    def __init__(self, servers: Sequence[tuple[str, int]]) -> None:
        self._resolvers = [_Resolver(*server) for server in servers]

    def ask(self, name: dns.name.Name, rdtype: str) -> tuple[Answer, ...]:
        """Return one answer for each resolver, in their order."""
        if not self._resolvers:
            return ()
        with ThreadPoolExecutor(len(self._resolvers)) as threads:
            return tuple(threads.map(lambda one: one.ask(name, rdtype), self._resolvers))


class _Resolver:
    """One resolver, and whether it answered lately."""

    def __init__(self, address: str, port: int) -> None:
        self._server = NameServer("public", address, port)
        self._shown = address if port == _DNS_PORT else f"{address}:{port}"
        self._lock = threading.Lock()
        self._silences = 0
        self._rests_until = 0.0

    def ask(self, name: dns.name.Name, rdtype: str) -> Answer:
        if time.monotonic() < self._rests_until:
            return Answer(AnswerKind.TIMEOUT, self._shown, detail="has not answered recently")
        budget = QueryBudget(_SECONDS, _QUERIES)
        try:
            message = ask(self._server, name, rdtype, budget, recursive=True)
        except Unanswered as error:
            self._note(silent=error.kind is AnswerKind.TIMEOUT)
            return Answer(error.kind, self._shown, detail=error.detail)
        self._note(silent=False)
        return _read(message, self._shown, rdtype)

    def _note(self, *, silent: bool) -> None:
        with self._lock:
            self._silences = self._silences + 1 if silent else 0
            if self._silences >= _PATIENCE:
                self._rests_until = time.monotonic() + _REST
                self._silences = 0


def _read(message: dns.message.Message, server: str, rdtype: str) -> Answer:
    """Classify a recursive answer: at the end of the aliases, with the shortest TTL on the way."""
    rcode = message.rcode()
    if rcode == dns.rcode.REFUSED:
        return Answer(AnswerKind.REFUSED, server, detail="refuses to answer")
    broken = Answer(AnswerKind.SERVFAIL, server, detail=f"answers {dns.rcode.to_text(rcode)}")
    known = rcode in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    if not known or not isinstance(message, dns.message.QueryMessage):
        return broken
    try:
        chain = message.resolve_chaining()
    except dns.exception.DNSException:
        return Answer(AnswerKind.SERVFAIL, server, detail="sent an answer that cannot be read")
    ttl = chain.minimum_ttl  # RFC 2308 section 5 where there is nothing
    if chain.answer is not None:
        return Answer(AnswerKind.DATA, server, values(chain.answer), ttl)
    if rcode == dns.rcode.NXDOMAIN:
        return Answer(AnswerKind.NXDOMAIN, server, (), ttl, "the name does not exist")
    return Answer(AnswerKind.NODATA, server, (), ttl, f"the name has no {rdtype}")
