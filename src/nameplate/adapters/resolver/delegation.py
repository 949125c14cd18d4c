"""Finding a zone from above: what the parent's servers say, and whether it is true."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dns.name

from nameplate.adapters.resolver.query import Budget, Unanswered
from nameplate.adapters.resolver.reply import Alias, Referral
from nameplate.adapters.resolver.servers import MAX_SERVERS, Candidates, Servers
from nameplate.ports.resolver import Answer, AnswerKind, Delegation

_MAX_QUERIES = 100
_MAX_CUTS = 8
_PARENTS = 3
"""Servers of a parent zone that are asked: they belong to a registry, and agree."""

Step = Answer | Alias | Referral


def find(servers: Servers, name: dns.name.Name, seconds: float) -> Delegation:
    """Return the zone at or above `name`, found by the referrals of the zones above it."""
    budget = Budget(seconds, _MAX_QUERIES)
    with ThreadPoolExecutor(MAX_SERVERS) as threads:
        try:
            return _Descent(servers, budget, threads).find(name)
        except Unanswered:
            return Delegation("", (), ())


class _Descent:
    """One way down, from a zone above the name to the one that holds it."""

    def __init__(self, servers: Servers, budget: Budget, threads: ThreadPoolExecutor) -> None:
        self._servers = servers
        self._budget = budget
        self._threads = threads
        self._parent: tuple[str, ...] = ()

    def find(self, name: dns.name.Name) -> Delegation:
        private = self._servers.overridden(name)
        if private is not None:
            return self._seen(*self._down(name, *private))
        closest, names = self._servers.named(name, self._budget)
        if closest == dns.name.root:
            return Delegation("", (), ())
        zone, servers = self._down(name, *self._servers.above(closest.parent(), self._budget))
        if closest != zone and closest.is_subdomain(zone):
            zone, servers = closest, self._without_referral(closest, names, zone, servers)
        return self._seen(zone, servers)

    def _down(
        self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates
    ) -> tuple[dns.name.Name, Candidates]:
        """Follow referrals until servers answer for the name themselves, or not at all."""
        for _ in range(_MAX_CUTS):
            steps = self._ask(name, zone, servers[:_PARENTS])
            referrals = [step for step in steps if isinstance(step, Referral)]
            if not referrals:
                break
            zone = max((referral.zone for referral in referrals), key=len)
            same = [referral for referral in referrals if referral.zone == zone]
            glue: dict[str, list[str]] = {}
            for server, address in sorted({pair for one in same for pair in one.glue}):
                glue.setdefault(server, []).append(address)
            self._parent = _united(one.servers for one in same)
            servers = self._servers.candidates(self._parent, glue, self._budget)
        return zone, servers

    def _without_referral(
        self,
        zone: dns.name.Name,
        names: Sequence[str],
        above: dns.name.Name,
        servers: Candidates,
    ) -> Candidates:
        """Return the servers of a zone whose parent lives on the same ones, or does not answer."""
        steps = self._ask(zone, above, servers[:_PARENTS])
        self._parent = _united(
            (value.removesuffix(".") for value in step.values)
            for step in steps
            if isinstance(step, Answer) and step.kind is AnswerKind.DATA
        )
        return self._servers.candidates(self._parent or names, {}, self._budget)

    def _seen(self, zone: dns.name.Name, servers: Candidates) -> Delegation:
        steps = self._ask(zone, zone, servers)
        answers = sorted(
            {step for step in steps if isinstance(step, Answer)}, key=lambda one: one.server
        )
        return Delegation(zone.to_text(omit_final_dot=True), self._parent, tuple(answers))

    def _ask(self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates) -> list[Step]:
        ask = partial(self._servers.ask, name=name, rdtype="NS", zone=zone, budget=self._budget)
        return list(self._threads.map(ask, servers))


def _united(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))
