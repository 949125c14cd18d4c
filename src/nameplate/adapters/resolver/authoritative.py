"""Asking every authoritative server of a name's zone directly, without a cache."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dns.exception
import dns.name

from nameplate.adapters.resolver import delegation
from nameplate.adapters.resolver.public import PublicResolvers
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.reply import Alias, Referral
from nameplate.adapters.resolver.servers import MAX_SERVERS, Candidates, Servers, Zone
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Answer, AnswerKind, Delegation, LookupResult

_MAX_ALIASES = 8
_MAX_QUERIES = 50


class AuthoritativeResolver:
    """Implements `Resolver`. Threads may share it; every look-up is bounded and independent.

    At most 13 servers, 8 aliases and 50 queries for one look-up (100 for a delegation).
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        recursor: tuple[str, int] | None = None,
        overrides: Mapping[str, Sequence[tuple[str, str, int]]] | None = None,
        port: int = 53,
        seconds: float = 10.0,
        public: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Ask `recursor` (address, port; None: /etc/resolv.conf) for the servers of a zone.

        `overrides` maps a zone to its servers (name, address, port), given by the operator for
        private zones and asked whatever the policy says. `public` are the resolvers of `public()`.
        """
        self._recursor = Recursor(None if recursor is None else (recursor,))
        self._servers = Servers(policy, self._recursor, overrides or {}, port)
        self._listed = delegation.ListedServers(self._servers, seconds)
        self._public = PublicResolvers(public)
        self._seconds = seconds

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        """Ask every authoritative server of the name's zone directly, without a cache."""
        try:
            question = dns.name.from_text(name).canonicalize()
        except dns.exception.DNSException:
            never = Answer(AnswerKind.NXDOMAIN, "", detail="the name is not a valid DNS name")
            return LookupResult("", (never,))
        budget = QueryBudget(self._seconds, _MAX_QUERIES)
        with ThreadPoolExecutor(MAX_SERVERS) as threads:
            listed = self._listed if delegated else None
            look = _Lookup(self._servers, listed, rdtype, budget, threads, question=question)
            return look.find()

    def public(self, name: str, rdtype: str) -> tuple[Answer, ...]:
        """Ask the public resolvers; none for names in private zones, which they cannot know."""
        try:
            question = dns.name.from_text(name).canonicalize()
        except dns.exception.DNSException:
            return ()
        return () if self._servers.overridden(question) else self._public.ask(question, rdtype)

    def delegation(self, name: str) -> Delegation:
        """Find the zone at or above the name by the referrals of its parents."""
        try:
            question = dns.name.from_text(name).canonicalize()
        except dns.exception.DNSException:
            return Delegation("", (), ())
        return delegation.find(self._servers, question, self._seconds)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return A and AAAA addresses by ordinary resolution, IPv4 first; empty when none."""
        try:
            known = self._servers.overridden(dns.name.from_text(name)) is not None
        except dns.exception.DNSException:
            return ()
        found: list[str] = []
        budget = QueryBudget(self._seconds, _MAX_QUERIES)
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


class _Lookup:
    """One question on its way: through aliases and referrals, within one budget."""

    def __init__(
        self,
        servers: Servers,
        listed: delegation.ListedServers | None,
        rdtype: str,
        budget: QueryBudget,
        threads: ThreadPoolExecutor,
        *,
        question: dns.name.Name,
    ) -> None:
        self._servers = servers
        self._listed = listed
        self._question = question
        self._rdtype = rdtype
        self._budget = budget
        self._threads = threads
        self._aliases: list[dns.name.Name] = []
        self._zone: dns.name.Name | None = None

    def find(self) -> LookupResult:
        # Two ways may lead to one server; what it says twice counts once.
        answers = sorted(set(self._start(self._question)), key=_order)
        zone = "" if self._zone is None else self._zone.to_text(omit_final_dot=True)
        return LookupResult(zone, tuple(answers))

    def _start(self, name: dns.name.Name) -> list[Answer]:
        # A DS lives on the parent's side of the cut (RFC 4035 section 3.1.4.1).
        held_at = name.parent() if self._rdtype == "DS" and name != dns.name.root else name
        try:
            zone, servers = self._above(held_at)
        except Unanswered as error:
            return [Answer(error.kind, "", detail=error.detail)]
        return self._ask_all(name, zone, servers)

    def _above(self, name: dns.name.Name) -> Zone:
        """Return the closest zone and its servers; with `listed` those that its parent names too."""
        if self._listed is None or self._servers.overridden(name):
            return self._servers.above(name, self._budget)
        zone, names = self._servers.named(name, self._budget)
        listed = self._listed.of(zone)
        return zone, listed or self._servers.candidates(names, {}, self._budget)

    def _ask_all(
        self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates
    ) -> list[Answer]:
        if not self._aliases:
            self._zone = zone
        ask = partial(
            self._servers.ask, name=name, rdtype=self._rdtype, zone=zone, budget=self._budget
        )
        several = len(servers) > 1  # one needs no thread of its own
        steps = list(self._threads.map(ask, servers) if several else map(ask, servers))
        answers = [step for step in steps if isinstance(step, Answer)]
        # Servers that lead elsewhere usually agree; where they do not, all ways are looked at.
        for step in dict.fromkeys(step for step in steps if not isinstance(step, Answer)):
            if isinstance(step, Alias):
                answers += self._alias(step)
            else:
                answers += self._refer(name, step)
        return answers

    def _alias(self, alias: Alias) -> list[Answer]:
        if alias.target in self._aliases or len(self._aliases) >= _MAX_ALIASES:
            detail = "its aliases (CNAME) form a loop or a chain of more than 8"
            return [Answer(AnswerKind.SERVFAIL, "", detail=detail)]
        if self._leads_inside(alias.target):
            detail = "its alias (CNAME) leads into a private zone of this installation"
            return [Answer(AnswerKind.REFUSED, "", detail=detail)]
        self._aliases.append(alias.target)
        return self._start(alias.target)

    def _leads_inside(self, target: dns.name.Name) -> bool:
        """Tell whether an alias leads from somewhere else into a zone that only we can see.

        Whoever may write the alias may not read there: what stands there is not ours to show.
        """
        private = self._servers.overridden(target)
        return private is not None and not self._question.is_subdomain(private[0])

    def _refer(self, name: dns.name.Name, referral: Referral) -> list[Answer]:
        glue: dict[str, list[str]] = {}
        for server, address in referral.glue:
            glue.setdefault(server, []).append(address)
        servers = self._servers.candidates(referral.servers, glue, self._budget)
        return self._ask_all(name, referral.zone, servers)


def _order(answer: Answer) -> tuple[str, str, tuple[str, ...]]:
    return answer.server, answer.kind, answer.values
