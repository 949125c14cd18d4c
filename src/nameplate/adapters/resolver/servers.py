"""Which servers a zone has, at which addresses, and which of those may be asked."""

from collections.abc import Mapping, Sequence

import dns.exception
import dns.message
import dns.name

from nameplate.adapters.resolver.asking import Asking, ServerQuestion
from nameplate.adapters.resolver.query import NOT_DNS, NameServer, QueryBudget, Unanswered, ask
from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.reply import Alias, Referral, read
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Answer, AnswerKind

MAX_SERVERS = 13
_MAX_KEPT = 10_000

Candidate = tuple[NameServer, ...]
"""One server with its addresses, to be tried in turn."""
Candidates = tuple[Candidate, ...]
Zone = tuple[dns.name.Name, Candidates]


class Servers:
    """Finds servers and says what to ask them. Threads may share it.

    A recursive resolver is trusted only to find a zone's servers. Their addresses come from
    strangers, so the egress policy decides which are asked.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        recursor: Recursor,
        overrides: Mapping[str, Sequence[tuple[str, str, int]]],
        port: int,
    ) -> None:
        self._policy = policy
        self._recursor = recursor
        self._overrides: dict[tuple[bytes, ...], Zone] = {}
        for text, servers in overrides.items():
            zone = dns.name.from_text(text).canonicalize()
            known = tuple((NameServer(*server),) for server in servers)
            self._overrides[zone.labels] = zone, known
        self._lengths = sorted({len(labels) for labels in self._overrides}, reverse=True)
        self._port = port
        self._refusals: dict[str, str | None] = {}

    def overridden(self, name: dns.name.Name) -> Zone | None:
        """Return the closest zone above a canonical name whose servers the operator gave, if any."""
        for length in self._lengths:
            found = self._overrides.get(name.labels[-length:])
            if found is not None:
                return found
        return None

    def above(self, name: dns.name.Name, budget: QueryBudget) -> Asking[Zone]:
        """Return the closest zone at or above `name` and its servers; raise `Unanswered`."""
        known = self.overridden(name)
        if known is not None:
            return known
        zone, names = yield from self._recursor.zone_servers(name, budget)
        return zone, (yield from self.candidates(names, {}, budget))

    def named(
        self, name: dns.name.Name, budget: QueryBudget
    ) -> Asking[tuple[dns.name.Name, tuple[str, ...]]]:
        """Return the closest zone at or above `name` and its servers' names; raise `Unanswered`."""
        return self._recursor.zone_servers(name, budget)

    def candidates(
        self, names: Sequence[str], glue: Mapping[str, Sequence[str]], budget: QueryBudget
    ) -> Asking[Candidates]:
        """Return each server with the addresses by which it may be tried."""
        found = []
        for name in names[:MAX_SERVERS]:
            addresses = glue.get(name) or (yield from self._addresses(name, budget))
            found.append(
                tuple(NameServer(name, address, self._port) for address in addresses)
                or (NameServer(name, "no address", self._port),)
            )
        return tuple(found)

    def _addresses(self, name: str, budget: QueryBudget) -> Asking[Sequence[str]]:
        for rdtype in ("A", "AAAA"):
            try:
                found = yield from self._recursor.addresses(name, rdtype, budget)
            except Unanswered:
                return ()
            if found:
                return found
        return ()

    def ask(
        self,
        candidate: Candidate,
        name: dns.name.Name,
        rdtype: str,
        zone: dns.name.Name,
        budget: QueryBudget,
    ) -> Asking[Answer | Alias | Referral]:
        """Ask one server of `zone` at its first address that answers."""
        result = Answer(AnswerKind.TIMEOUT, "")
        for server in candidate:
            refusal = self._refusal(server, zone)
            if refusal:
                result = Answer(AnswerKind.REFUSED, str(server), detail=f"is not asked: {refusal}")
                continue
            try:
                reply = yield ServerQuestion(server, name, rdtype, budget)
                return read(reply, name, rdtype, zone, server)
            except Unanswered as error:
                result = Answer(error.kind, str(server), detail=error.detail)
            except dns.exception.DNSException:  # a part that is read only when it matters
                result = Answer(AnswerKind.SERVFAIL, str(server), detail=NOT_DNS)
        return result

    def signed(
        self,
        candidate: Candidate,
        name: dns.name.Name,
        rdtype: str,
        zone: dns.name.Name,
        budget: QueryBudget,
    ) -> dns.message.Message:
        """Return the message of one server of `zone` with the signatures; raise `Unanswered`."""
        failure = Unanswered(AnswerKind.TIMEOUT, "has no address")
        for server in candidate:
            refusal = self._refusal(server, zone)
            if refusal:
                failure = Unanswered(AnswerKind.REFUSED, f"is not asked: {refusal}")
                continue
            try:
                return ask(server, name, rdtype, budget, signatures=True)
            except Unanswered as error:
                failure = error
        raise failure

    def _refusal(self, server: NameServer, zone: dns.name.Name) -> str | None:
        """Return why a server must not be asked, or None.

        The operator's own may, for the zones that the operator gave them: others may be delegated
        to them by anybody.
        """
        own = self.overridden(zone)
        if own is not None and (server,) in own[1]:
            return None
        if server.address not in self._refusals:
            if len(self._refusals) >= _MAX_KEPT:
                self._refusals.clear()
            self._refusals[server.address] = self._policy.refusal(server.address)
        return self._refusals[server.address]
