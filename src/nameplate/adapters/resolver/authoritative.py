"""Asking every authoritative server of a name's zone directly, without a cache."""

import re
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import dns.exception
import dns.name

from nameplate.adapters.resolver import delegation
from nameplate.adapters.resolver.asking import Asking, in_threads
from nameplate.adapters.resolver.event_loop import EventLoop
from nameplate.adapters.resolver.lookup import Lookup
from nameplate.adapters.resolver.public import PublicResolvers
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.servers import MAX_SERVERS, Servers
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import (
    Answer,
    AnswerKind,
    Delegation,
    DnsQuestion,
    Ended,
    Inquiry,
    LookupResult,
)

_MAX_QUERIES = 50
T = TypeVar("T")
_PLAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LONGEST = 253
"""Characters of a name without final dot."""


class AuthoritativeResolver:
    """Implements `WideResolver`. Threads may share it; every look-up is bounded and independent.

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
        self._event_loop = EventLoop(self._asking, seconds)

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        """Ask every authoritative server of the name's zone directly, without a cache."""
        budget = QueryBudget(self._seconds, _MAX_QUERIES)
        look = self._lookup(name, rdtype, budget, delegated=delegated)
        if isinstance(look, LookupResult):
            return look
        with ThreadPoolExecutor(MAX_SERVERS) as threads:
            return in_threads(look.find(), threads)

    def inquire(self, inquiries: Sequence[tuple[Inquiry[T], Hashable]], ended: Ended[T]) -> None:
        """Ask for all of them in one event loop, with the same steps as `authoritative`."""
        self._event_loop.begin(inquiries, ended)

    def _asking(self, question: DnsQuestion, budget: QueryBudget) -> Asking[LookupResult]:
        look = self._lookup(question.name, question.rdtype, budget)
        return _known(look) if isinstance(look, LookupResult) else look.find()

    def _lookup(
        self, name: str, rdtype: str, budget: QueryBudget, *, delegated: bool = False
    ) -> Lookup | LookupResult:
        """Return what asks for a name, or what is known of one that cannot be asked for."""
        try:
            question = _canonical(name)
        except dns.exception.DNSException:
            never = Answer(AnswerKind.NXDOMAIN, "", detail="the name is not a valid DNS name")
            return LookupResult("", (never,))
        listed = self._listed if delegated else None
        return Lookup(self._servers, question, rdtype, budget, listed=listed)

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
            known = self._servers.overridden(_canonical(name)) is not None
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
                found += in_threads(self._recursor.addresses(name, rdtype, budget))
            except Unanswered:
                continue
        return tuple(dict.fromkeys(found))


def _known(result: LookupResult) -> Asking[LookupResult]:
    """Return what is known without asking."""
    return result
    yield  # a look-up that asks nothing


def _canonical(name: str) -> dns.name.Name:
    """Return a name; `dns.exception.DNSException` when it is none."""
    if len(name) <= _LONGEST and _PLAIN.fullmatch(name):  # nearly all: there is nothing to check
        found = dns.name.Name.__new__(dns.name.Name)
        object.__setattr__(found, "labels", (*name.encode().split(b"."), b""))
        return found
    return dns.name.from_text(name).canonicalize()
