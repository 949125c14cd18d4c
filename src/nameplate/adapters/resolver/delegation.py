"""Finding a zone from above: what the parent's servers say, and whether it is true."""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import dns.name

from nameplate.adapters.resolver.asking import Asking, Together, in_threads
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.reply import Alias, Referral
from nameplate.adapters.resolver.servers import MAX_SERVERS, Candidates, Servers, Zone
from nameplate.ports.resolver import Answer, AnswerKind, Delegation

_MAX_QUERIES = 100
_MAX_CUTS = 8
_PARENTS = 3
"""Servers of a parent zone that are asked: they belong to a registry, and agree."""

_KEPT = 60.0
"""Seconds for which the servers of a zone are not looked for again: registries are asked sparingly."""
_MAX_KEPT = 10_000

Step = Answer | Alias | Referral


def find(servers: Servers, name: dns.name.Name, seconds: float) -> Delegation:
    """Return the zone at or above `name`, found by the referrals of the zones above it."""
    budget = QueryBudget(seconds, _MAX_QUERIES)
    with ThreadPoolExecutor(MAX_SERVERS) as threads:
        try:
            return in_threads(_Descent(servers, budget).find(name), threads)
        except Unanswered:
            return Delegation("", (), ())


class ListedServers:
    """Every server that a zone or its parent names, kept for a minute. Threads may share it."""

    def __init__(self, servers: Servers, seconds: float) -> None:
        self._servers = servers
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: dict[dns.name.Name, tuple[float, Future[Candidates]]] = {}

    def of(self, zone: dns.name.Name) -> Candidates:
        """Return the servers of the zone; empty when its parent's side could not be seen.

        Whoever asks first searches, others wait for that search.
        """
        with self._lock:
            until, found = self._found.get(zone, (0.0, Future()))
            mine = until <= time.monotonic()
            if mine:
                if len(self._found) >= _MAX_KEPT:
                    self._found.clear()
                found = Future()
                self._found[zone] = time.monotonic() + _KEPT, found
        if mine:
            try:
                found.set_result(self._search(zone))
            except BaseException as error:
                found.set_exception(error)  # or those who wait would wait for ever
                raise
        return found.result()

    def _search(self, zone: dns.name.Name) -> Candidates:
        budget = QueryBudget(self._seconds, _MAX_QUERIES)
        with ThreadPoolExecutor(MAX_SERVERS) as threads:
            try:
                return in_threads(_Descent(self._servers, budget).listed(zone), threads)
            except Unanswered:
                return ()


class _Descent:
    """One way down, from a zone above the name to the one that holds it."""

    def __init__(self, servers: Servers, budget: QueryBudget) -> None:
        self._servers = servers
        self._budget = budget
        self._parent: tuple[str, ...] = ()

    def find(self, name: dns.name.Name) -> Asking[Delegation]:
        zone, servers = yield from self._zone(name)
        told = yield from self._told(zone, servers)
        return Delegation(zone.to_text(omit_final_dot=True), self._parent, tuple(told))

    def listed(self, zone: dns.name.Name) -> Asking[Candidates]:
        found, servers = yield from self._zone(zone)
        if found != zone or not self._parent:
            return ()
        told = yield from self._told(zone, servers)
        own = {value.removesuffix(".") for one in told for value in one.values}
        more = sorted(own - set(self._parent))
        return servers + (yield from self._servers.candidates(more, {}, self._budget))

    def _zone(self, name: dns.name.Name) -> Asking[Zone]:
        """Return the zone at or above the name, and the servers to which it is delegated."""
        private = self._servers.overridden(name)
        if private is not None:
            return (yield from self._down(name, *private))
        closest, names = yield from self._servers.named(name, self._budget)
        if closest == dns.name.root:
            raise Unanswered(AnswerKind.NXDOMAIN, "no zone was found above the name")
        above = yield from self._servers.above(closest.parent(), self._budget)
        zone, servers = yield from self._down(name, *above)
        if closest != zone and closest.is_subdomain(zone):
            own = yield from self._without_referral(closest, names, zone, servers)
            return closest, own
        return zone, servers

    def _down(self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates) -> Asking[Zone]:
        """Follow referrals until servers answer for the name themselves, or not at all."""
        for _ in range(_MAX_CUTS):
            steps = yield from self._ask(name, zone, servers[:_PARENTS])
            referrals = [step for step in steps if isinstance(step, Referral)]
            if not referrals:
                break
            zone = max((referral.zone for referral in referrals), key=len)
            same = [referral for referral in referrals if referral.zone == zone]
            glue: dict[str, list[str]] = {}
            for server, address in sorted({pair for one in same for pair in one.glue}):
                glue.setdefault(server, []).append(address)
            self._parent = _united(one.servers for one in same)
            servers = yield from self._servers.candidates(self._parent, glue, self._budget)
        return zone, servers

    def _without_referral(
        self,
        zone: dns.name.Name,
        names: Sequence[str],
        above: dns.name.Name,
        servers: Candidates,
    ) -> Asking[Candidates]:
        """Return the servers of a zone whose parent lives on the same ones, or does not answer."""
        steps = yield from self._ask(zone, above, servers[:_PARENTS])
        self._parent = _united(
            (value.removesuffix(".") for value in step.values)
            for step in steps
            if isinstance(step, Answer) and step.kind is AnswerKind.DATA
        )
        return (yield from self._servers.candidates(self._parent or names, {}, self._budget))

    def _told(self, zone: dns.name.Name, servers: Candidates) -> Asking[list[Answer]]:
        """Return what each server says of the zone's NS."""
        steps = yield from self._ask(zone, zone, servers)
        return sorted(
            {step for step in steps if isinstance(step, Answer)}, key=lambda one: one.server
        )

    def _ask(
        self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates
    ) -> Asking[list[Step]]:
        ways = [self._servers.ask(one, name, "NS", zone, self._budget) for one in servers]
        steps: list[Step] = yield Together(ways)
        return steps


def _united(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))
