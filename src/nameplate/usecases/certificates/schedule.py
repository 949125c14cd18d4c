"""When the first certificates of many names can be ordered, before the first of them is.

Limits make thousands of names take days. The schedule says for each certificate when its order is
possible, from what the budgets hold now; nothing is reserved, and other organizations' orders delay it.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.budget import free_at
from nameplate.core.errors import Invalid, Problem
from nameplate.core.names import Hostname
from nameplate.db import Sessions
from nameplate.models import Account, Budget
from nameplate.usecases.certificates import budgets, requests
from nameplate.usecases.certificates.budgets import Bucket
from nameplate.usecases.tenants import ca_accounts, organizations
from nameplate.usecases.tools import Tools

MAX_CERTIFICATES = 20_000
_KEYS = 500
"""Budgets that are read in one statement."""


@dataclass(frozen=True, slots=True)
class ScheduledCertificate:
    """One certificate of a schedule."""

    hosts: tuple[str, ...]
    order_at: datetime
    """When its order is possible."""
    waits_for: str | None
    """The limit that it waits for, None when there is nothing to wait for."""


def plan(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    certificates: Sequence[Sequence[str]],
    organization: str | None = None,
) -> Sequence[ScheduledCertificate]:
    """Return when each certificate of an organization can be ordered, in order of time.

    Raises `Invalid` with a problem for each name that is none, `too_many_certificates`, `Refused`
    `ca_account_missing`.
    """
    if len(certificates) > MAX_CERTIFICATES:
        raise Invalid(
            "too_many_certificates",
            f"A schedule has at most {MAX_CERTIFICATES} certificates. Split the list.",
        )
    parsed = _parsed(certificates, special_use=tools.special_use)
    with sessions.begin(actor, read_only=True) as session:
        owner = organizations.acting(session, actor, organization).id
    with sessions.begin(PLATFORM, read_only=True) as session:
        account = ca_accounts.authority_account(session, owner)
        simulation = _Simulation(account, owner, parsed, tools.clock())
        simulation.levels = _levels(session, simulation.keys())
    return list(simulation.run())


def _parsed(
    certificates: Sequence[Sequence[str]], *, special_use: bool
) -> list[tuple[Hostname, ...]]:
    parsed, problems = [], []
    known: set[frozenset[str]] = set()
    for number, hosts in enumerate(certificates):
        found = []
        if not 1 <= len(hosts) <= requests.MAX_NAMES:
            detail = f"Expected 1 to {requests.MAX_NAMES} names in a certificate."
            problems.append(Problem(f"/certificates/{number}", "too_many_names", detail))
        for place, host in enumerate(hosts):
            try:
                found.append(names.parse(host, wildcard=True, special_use=special_use))
            except Invalid as error:
                where = f"/certificates/{number}/names/{place}"
                problems.append(Problem(where, error.code, error.detail))
        exact = frozenset(one.name for one in found)
        if found and exact in known:
            detail = "These names are in the list already. Remove the repetition."
            problems.append(Problem(f"/certificates/{number}", "names_repeated", detail))
        known.add(exact)
        parsed.append(tuple(found))
    if problems:
        raise Invalid("names_invalid", "Some names cannot be certified.", problems)
    return parsed


def _levels(session: Session, keys: Sequence[str]) -> dict[str, datetime]:
    """Return what these buckets hold now."""
    found: dict[str, datetime] = {}
    for start in range(0, len(keys), _KEYS):
        some = Budget.key.in_(keys[start : start + _KEYS])
        query = sa.select(Budget.key, Budget.arrival_at).where(some)
        found.update((key, at) for key, at in session.execute(query))
    return found


class _Simulation:
    """Orders one certificate after another as the budgets allow it, by a clock of its own."""

    def __init__(
        self,
        account: Account,
        organization_id: int,
        certificates: Sequence[tuple[Hostname, ...]],
        now: datetime,
    ) -> None:
        self.levels: dict[str, datetime] = {}
        self._began_at = self._now = now
        self._shared = list(budgets.of_account(account, organization_id))
        self._hosts = [tuple(one.name for one in hosts) for hosts in certificates]
        self._own = [
            list(budgets.of_names(account, [one.registrable for one in parsed], hosts))
            for parsed, hosts in zip(certificates, self._hosts, strict=True)
        ]
        self._bases = [
            ",".join(sorted({one.registrable for one in parsed})) for parsed in certificates
        ]
        self._queues: dict[str, deque[int]] = defaultdict(deque)

    def keys(self) -> list[str]:
        """Return the buckets that matter."""
        return sorted({one.key for own in (self._shared, *self._own) for one in own})

    def run(self) -> Iterator[ScheduledCertificate]:
        """Return the orders: of the domains that may have one, that which is first in the list."""
        # Only the limit of its exact names tells certificates of one domain apart.
        for number in sorted(range(len(self._own)), key=lambda one: self._free(self._own[one])[0]):
            self._queues[self._bases[number]].append(number)
        waiting = [self._waiting(base) for base in self._queues]
        heapq.heapify(waiting)
        ready: list[tuple[int, str]] = []
        while waiting or ready:
            shared, of_all = self._free(self._shared)
            self._now = max(self._now, shared)
            if not ready:
                self._now = max(self._now, waiting[0][0])
            while waiting and waiting[0][0] <= self._now:
                _, number, base = heapq.heappop(waiting)
                heapq.heappush(ready, (number, base))
            number, base = heapq.heappop(ready)
            self._queues[base].popleft()
            _, of_names = self._free(self._own[number])
            yield self._ordered(number, of_names or of_all)
            if self._queues[base]:
                heapq.heappush(waiting, self._waiting(base))

    def _waiting(self, base: str) -> tuple[datetime, int, str]:
        number = self._queues[base][0]
        at, _ = self._free(self._own[number])
        return at, number, base

    def _free(self, buckets: Sequence[Bucket]) -> tuple[datetime, Bucket | None]:
        """Return when all of these may be taken from, and which made that later than the beginning."""
        last, limit = self._began_at, None
        for bucket in buckets:
            level = self.levels.get(bucket.key, self._began_at)
            at = free_at(level, bucket.limit, bucket.kept)
            if at > last:
                last, limit = at, bucket
        return last, limit

    def _ordered(self, number: int, limit: Bucket | None) -> ScheduledCertificate:
        for bucket in (*self._shared, *self._own[number]):
            level = max(self.levels.get(bucket.key, self._now), self._now)
            self.levels[bucket.key] = level + bucket.limit.interval
        hosts = self._hosts[number]
        waits_for = None if limit is None or self._now == self._began_at else limit.what
        return ScheduledCertificate(hosts, self._now, waits_for)
