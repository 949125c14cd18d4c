"""The resolvers that the operator trusts: only for finding servers and ordinary addresses."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import dns.exception
import dns.message
import dns.name

from nameplate.adapters.resolver.asking import Asking, ServerQuestion
from nameplate.adapters.resolver.query import NameServer, QueryBudget, Unanswered
from nameplate.adapters.resolver.reply import ServerReply, values
from nameplate.ports.resolver import AnswerKind

_MAX_RECURSORS = 3


class Recursor:
    """One or more recursive resolvers, asked in turn until one answers."""

    def __init__(self, servers: Iterable[tuple[str, int]] | None = None) -> None:
        """Ask these addresses and ports; None means those of /etc/resolv.conf, read at the first question."""
        self._given = None if servers is None else tuple(servers)

    @cached_property
    def _servers(self) -> Sequence[NameServer]:
        chosen = _system() if self._given is None else self._given
        return [NameServer("recursor", *server) for server in chosen][:_MAX_RECURSORS]

    def zone_servers(
        self, name: dns.name.Name, budget: QueryBudget
    ) -> Asking[tuple[dns.name.Name, tuple[str, ...]]]:
        """Return the closest zone at or above `name` and the names of its servers.

        Raises `Unanswered` when no recursor answers.
        """
        for zone in _upwards(name):
            reply = yield from self._ask(zone, "NS", budget)
            owner = zone.canonicalize().to_text(omit_final_dot=True)
            names, _ = reply.data(owner, "NS")
            if names:
                return zone, tuple(value.removesuffix(".") for value in names)
        raise Unanswered(AnswerKind.NXDOMAIN, "no zone was found above the name")

    def addresses(self, name: str, rdtype: str, budget: QueryBudget) -> Asking[tuple[str, ...]]:
        """Return the A or AAAA addresses at the end of the name's aliases; empty when none.

        Raises `Unanswered` when no recursor answers.
        """
        reply = yield from self._ask(dns.name.from_text(name), rdtype, budget)
        try:
            message = reply.whole()
            if not isinstance(message, dns.message.QueryMessage):
                return ()
            found = message.resolve_chaining().answer
        except dns.exception.DNSException:
            return ()
        return () if found is None else values(found)

    def _ask(self, name: dns.name.Name, rdtype: str, budget: QueryBudget) -> Asking[ServerReply]:
        for server in self._servers:
            try:
                reply: ServerReply = yield ServerQuestion(
                    server, name, rdtype, budget, recursive=True
                )
            except Unanswered:
                continue
            return reply
        raise Unanswered(AnswerKind.TIMEOUT, "the configured resolvers do not answer")


def _upwards(name: dns.name.Name) -> Iterator[dns.name.Name]:
    while True:
        yield name
        if name == dns.name.root:
            return
        name = name.parent()


def _system() -> list[tuple[str, int]]:
    from dns.resolver import Resolver  # noqa: PLC0415 - where no recursor is configured

    try:
        system = Resolver(configure=True)
    except dns.exception.DNSException:
        return []
    return [(str(address), system.port) for address in system.nameservers]
