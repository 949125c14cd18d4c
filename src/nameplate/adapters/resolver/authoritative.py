"""Asking every authoritative server of a name's zone directly, without a cache."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.name

from nameplate.adapters.resolver.query import Budget, Server, Unanswered, ask
from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.reply import Alias, Referral, read
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Answer, AnswerKind, Finding

_MAX_SERVERS = 13
_MAX_ALIASES = 8
_MAX_QUERIES = 50

Candidates = tuple[tuple[Server, ...], ...]
"""The servers of a zone; each with its addresses, to be tried in turn."""


class AuthoritativeResolver:
    """Implements `Resolver`. Threads may share it; every look-up is bounded and independent.

    A recursive resolver is trusted only to find a zone's servers. Their addresses come from
    strangers, so the egress policy decides which are asked. At most 13 servers, 8 aliases and 50
    queries for one look-up.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        recursor: tuple[str, int] | None = None,
        overrides: Mapping[str, Sequence[tuple[str, str, int]]] | None = None,
        port: int = 53,
        seconds: float = 10.0,
    ) -> None:
        """Take a recursor (address, port; None: /etc/resolv.conf) and zones with known servers.

        `overrides` maps a zone to its servers (name, address, port), given by the operator for
        private zones and asked whatever the policy says.
        """
        self._policy = policy
        self._recursor = Recursor(None if recursor is None else (recursor,))
        self._overrides: dict[dns.name.Name, Candidates] = {
            dns.name.from_text(zone).canonicalize(): tuple((Server(*server),) for server in servers)
            for zone, servers in (overrides or {}).items()
        }
        self._port = port
        self._seconds = seconds

    def authoritative(self, name: str, rdtype: str) -> Finding:
        """Ask every authoritative server of the name's zone directly, without a cache."""
        try:
            question = dns.name.from_text(name).canonicalize()
        except dns.exception.DNSException:
            never = Answer(AnswerKind.NXDOMAIN, "", detail="no name that DNS can carry")
            return Finding("", (never,))
        budget = Budget(self._seconds, _MAX_QUERIES)
        with ThreadPoolExecutor(_MAX_SERVERS) as threads:
            return _Lookup(self, rdtype, budget, threads).find(question)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return A and AAAA addresses by ordinary resolution, IPv4 first; empty when none."""
        try:
            known = self.overridden(dns.name.from_text(name)) is not None
        except dns.exception.DNSException:
            return ()
        found: list[str] = []
        budget = Budget(self._seconds, _MAX_QUERIES)
        for rdtype in ("A", "AAAA"):
            if known:
                for answer in self.authoritative(name, rdtype).answers:
                    found += answer.values
                continue
            try:
                found += self._recursor.addresses(name, rdtype, budget)
            except Unanswered:
                continue
        return tuple(dict.fromkeys(found))

    def overridden(self, name: dns.name.Name) -> tuple[dns.name.Name, Candidates] | None:
        """Return the closest zone above `name` whose servers the operator gave, if any."""
        zones = [zone for zone in self._overrides if name.is_subdomain(zone)]
        if not zones:
            return None
        zone = max(zones, key=len)
        return zone, self._overrides[zone]

    def servers_above(
        self, name: dns.name.Name, budget: Budget
    ) -> tuple[dns.name.Name, Candidates]:
        """Return the closest zone at or above `name` and its servers; raise `Unanswered`."""
        known = self.overridden(name)
        if known is not None:
            return known
        zone, names = self._recursor.zone_servers(name, budget)
        return zone, self.candidates(names, {}, budget)

    def candidates(
        self, names: Sequence[str], glue: Mapping[str, Sequence[str]], budget: Budget
    ) -> Candidates:
        """Return each server with the addresses by which it may be tried."""
        found = []
        for name in names[:_MAX_SERVERS]:
            addresses = glue.get(name) or self._server_addresses(name, budget)
            found.append(
                tuple(Server(name, address, self._port) for address in addresses)
                or (Server(name, "no address", self._port),)
            )
        return tuple(found)

    def _server_addresses(self, name: str, budget: Budget) -> tuple[str, ...]:
        for rdtype in ("A", "AAAA"):
            try:
                found = self._recursor.addresses(name, rdtype, budget)
            except Unanswered:
                return ()
            if found:
                return found
        return ()

    def refusal(self, server: Server) -> str | None:
        """Return why a server must not be asked, or None. The operator's own servers always may."""
        if any((server,) in servers for servers in self._overrides.values()):
            return None
        return self._policy.refusal(server.address)


class _Lookup:
    """One question on its way: through aliases and referrals, within one budget."""

    def __init__(
        self,
        resolver: AuthoritativeResolver,
        rdtype: str,
        budget: Budget,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._resolver = resolver
        self._rdtype = rdtype
        self._budget = budget
        self._threads = threads
        self._aliases: list[dns.name.Name] = []
        self._zone: dns.name.Name | None = None

    def find(self, name: dns.name.Name) -> Finding:
        # Two ways may lead to one server; what it says twice counts once.
        answers = sorted(set(self._start(name)), key=_order)
        zone = "" if self._zone is None else self._zone.to_text(omit_final_dot=True)
        return Finding(zone, tuple(answers))

    def _start(self, name: dns.name.Name) -> list[Answer]:
        try:
            zone, servers = self._resolver.servers_above(name, self._budget)
        except Unanswered as error:
            return [Answer(error.kind, "", detail=error.detail)]
        return self._ask_all(name, zone, servers)

    def _ask_all(
        self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates
    ) -> list[Answer]:
        if not self._aliases:
            self._zone = zone
        steps = list(self._threads.map(lambda addresses: self._ask(name, zone, addresses), servers))
        answers = [step for step in steps if isinstance(step, Answer)]
        # Servers that lead elsewhere usually agree; where they do not, all ways are looked at.
        for step in dict.fromkeys(step for step in steps if not isinstance(step, Answer)):
            if isinstance(step, Alias):
                answers += self._alias(step)
            else:
                answers += self._refer(name, step)
        return answers

    def _ask(
        self, name: dns.name.Name, zone: dns.name.Name, addresses: tuple[Server, ...]
    ) -> Answer | Alias | Referral:
        """Ask one server at its first address that answers."""
        result = Answer(AnswerKind.TIMEOUT, "")
        for server in addresses:
            refusal = self._resolver.refusal(server)
            if refusal:
                result = Answer(AnswerKind.REFUSED, str(server), detail=f"is not asked: {refusal}")
                continue
            try:
                message = ask(server, name, self._rdtype, self._budget)
            except Unanswered as error:
                result = Answer(error.kind, str(server), detail=error.detail)
            else:
                return read(message, name, self._rdtype, zone, server)
        return result

    def _alias(self, alias: Alias) -> list[Answer]:
        if alias.target in self._aliases or len(self._aliases) >= _MAX_ALIASES:
            detail = "its aliases (CNAME) form a loop or a chain of more than 8"
            return [Answer(AnswerKind.SERVFAIL, "", detail=detail)]
        self._aliases.append(alias.target)
        return self._start(alias.target)

    def _refer(self, name: dns.name.Name, referral: Referral) -> list[Answer]:
        glue: dict[str, list[str]] = {}
        for server, address in referral.glue:
            glue.setdefault(server, []).append(address)
        servers = self._resolver.candidates(referral.servers, glue, self._budget)
        return self._ask_all(name, referral.zone, servers)


def _order(answer: Answer) -> tuple[str, str, tuple[str, ...]]:
    return answer.server, answer.kind, answer.values
