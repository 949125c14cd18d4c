"""Bringing what many domains want to the zones of one account: each is read once and changed once.

Every domain keeps its own plan, ledger and lease, as in `zones.py`. Where many names of one zone are
claimed at once, reading it again for each would cost more than all the rest; and where they are in
many zones, what is written down before and after is written for all of them at once.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

from sqlalchemy.orm import Session

from nameplate.core.errors import NameplateError
from nameplate.core.names import is_below
from nameplate.core.plan import Key
from nameplate.db import Sessions
from nameplate.leases import Lease, current, seen_together
from nameplate.models import Domain
from nameplate.ports.dns import DnsProvider, Outcome, Zone
from nameplate.usecases import work
from nameplate.usecases.dns import cdn, late_acts, shelter, zones
from nameplate.usecases.dns.desired import DesiredZone, read_together
from nameplate.usecases.dns.ledger import Report
from nameplate.usecases.dns.writes import Writes
from nameplate.usecases.dns.zones import LiveZone, Push
from nameplate.usecases.tools import Tools

WIDTH = 12
"""Domains that one step takes at most: their locks are held together."""
MAX_READING = 0.5
"""Seconds for which zones are read before something is done: what was read is not left to age."""


@dataclass(slots=True)
class _Left:
    """Domains that are left to a step of their own."""

    leases: list[Lease] = field(default_factory=list)
    error: NameplateError | None = None
    """What the first zone that failed has failed with."""

    def fail(self, error: NameplateError, leases: Iterable[Lease]) -> None:
        """Leave the domains of a zone that failed, or raise: when a second one does, it is not the zone.

        Zones of one account may be those of several organizations: none waits for another's, and none is told
        what another's has come to.
        """
        if self.error is not None:
            raise error
        self.error = error
        self.leases += leases


@dataclass(frozen=True, slots=True)
class _Domain:
    """One domain on its way to the provider."""

    lease: Lease
    whole: DesiredZone
    push: Push


def reconcile(
    sessions: Sessions, tools: Tools, leases: Sequence[Lease]
) -> tuple[list[work.StepOutcome], list[Lease]]:
    """Bring the values of domains of one account to its provider, or have those without one rest.

    Returns what stands in the way of some, and which are left to a step of their own: those that are
    hosted, released, follow a plan of a person, meet another one in a record set, or are in a zone that
    cannot be read or changed.
    """
    outcomes: list[work.StepOutcome] = []
    left = _Left()
    plain = _read(sessions, tools, leases, left)
    for domains in _gathered(_planned(tools, plain, left)):
        tools.checkpoint("records:read")
        begun = _begin(sessions, tools, domains)
        acted: dict[Lease, Sequence[Outcome]] = {}
        try:
            for of_zone in _by_zone(begun):
                try:
                    acted |= _apply(sessions, tools, of_zone)
                except NameplateError as error:
                    left.fail(error, [one.lease for one in of_zone if not one.push.todo.is_empty])
        finally:  # what was done is recorded, whatever the next zone comes to
            outcomes += _settle(sessions, tools, begun, acted)
    return outcomes, left.leases


def _gathered(planned: Iterator[_Domain]) -> Iterator[list[_Domain]]:
    """Yield the domains of several zones together, as long as reading those is quick.

    A provider that cannot be read ends the step when what was read before it is done.
    """
    some: list[_Domain] = []
    began = time.monotonic()
    try:
        for one in planned:
            if some and one.push.site is not some[-1].push.site and _is_old(began):
                yield some
                some, began = [], time.monotonic()
            some.append(one)
    except NameplateError:
        if some:
            yield some
        raise
    if some:
        yield some


def _is_old(began: float) -> bool:
    return time.monotonic() - began > MAX_READING


def _by_zone(domains: Iterable[_Domain]) -> Iterator[list[_Domain]]:
    """Yield the domains of each zone, which follow one another."""
    for _, of_zone in groupby(domains, lambda one: id(one.push.site)):
        yield list(of_zone)


def _read(
    sessions: Sessions, tools: Tools, leases: Sequence[Lease], left: _Left
) -> list[tuple[Lease, DesiredZone]]:
    """Return what is wanted of each zone, and leave the domains that are no everyday case.

    Those of which nothing is wanted rest.
    """
    plain: list[tuple[Lease, DesiredZone]] = []
    idle: list[Lease] = []
    with sessions.look() as session:
        seen = seen_together(session, Domain, leases)
        usual = [row for _, row in seen if row.deleted_at is None and row.dns.hosted is None]
        found = read_together(session, usual, tools, leases[0].now())
        for lease, row in seen:
            if row.deleted_at is not None or row.dns.hosted is not None:
                left.leases.append(lease)
                continue
            desired = found.get(row.id)
            if desired is None or desired.is_empty:
                idle.append(lease)
            elif desired.is_free or desired.plan_id:
                left.leases.append(lease)
            else:
                plain.append((lease, desired))
    work.record_together(sessions, Domain, idle, _rest, release=lambda _: True)
    return plain


def _rest(_session: Session, leased: Sequence[tuple[Lease, Domain]]) -> list[None]:
    for lease, row in leased:
        zones.idle(row, lease.now())
    return [None] * len(leased)


def _planned(
    tools: Tools, plain: Iterable[tuple[Lease, DesiredZone]], left: _Left
) -> Iterator[_Domain]:
    """Yield the domains with their plans, those of one zone after each other."""
    for site, of_zone in _visited(tools, plain, left):
        yield from _apart(site, of_zone, left)


def _visited(
    tools: Tools, plain: Iterable[tuple[Lease, DesiredZone]], left: _Left
) -> Iterator[tuple[LiveZone, list[tuple[Lease, DesiredZone]]]]:
    """Yield each zone as it is now, with the domains that live in it."""
    by_account: dict[int, list[tuple[Lease, DesiredZone]]] = {}
    for lease, desired in plain:
        by_account.setdefault(desired.account.id, []).append((lease, desired))
    for account_id, of_account in by_account.items():
        provider = tools.dns_provider(of_account[0][1].account)
        known = {zone.name: zone for zone in provider.zones()}
        by_zone: dict[str, list[tuple[Lease, DesiredZone]]] = {}
        for lease, desired in of_account:
            found = zones.zone_of(known, desired)
            if found is None:
                left.leases.append(lease)
            else:
                by_zone.setdefault(found.name, []).append((lease, desired))
        for name, of_zone in by_zone.items():
            lines = chain.from_iterable(desired.lines for _, desired in of_zone)
            kind = of_zone[0][1].account.provider
            try:
                site = _live(provider, account_id, known, name)
                origins = cdn.look(tools, kind, provider, site.zone, lines)
            except NameplateError as error:
                left.fail(error, [lease for lease, _ in of_zone])
                continue
            yield replace(site, origins=origins), of_zone


def _live(provider: DnsProvider, account_id: int, known: Mapping[str, Zone], name: str) -> LiveZone:
    nested = [other for other in known if is_below(other, name)]
    return LiveZone(provider, account_id, known[name], provider.records(known[name]), nested)


def _apart(
    site: LiveZone, of_zone: Iterable[tuple[Lease, DesiredZone]], left: _Left
) -> Iterator[_Domain]:
    """Yield the domains with their plans; of two that change one record set the second is left."""
    taken: set[Key] = set()
    for lease, desired in of_zone:
        whole = shelter.sheltered(desired.spelled_as(site.live), site.live, site.zone.name)
        push = zones.planned(whole, site)
        if taken.isdisjoint(push.todo.keys):
            taken |= push.todo.keys
            yield _Domain(lease, whole, push)
        else:
            left.leases.append(lease)


def _begin(sessions: Sessions, tools: Tools, domains: Sequence[_Domain]) -> list[_Domain]:
    """Commit what is about to be done; return the domains that nobody else has taken."""
    acting = {one.lease: one for one in domains if not one.push.todo.is_empty}
    if not acting:
        return list(domains)

    def change(session: Session, leased: Sequence[tuple[Lease, Domain]]) -> list[None]:
        with Writes(session) as writes:
            for lease, row in leased:
                zones.intend(writes, row, acting[lease].whole, acting[lease].push)
        return [None] * len(leased)

    kept = work.record_together(sessions, Domain, list(acting), change, release=lambda _: False)
    tools.checkpoint("records:intended")
    mine = {lease for lease, _ in kept}
    return [one for one in domains if one.lease in mine or one.lease not in acting]


def _apply(
    sessions: Sessions, tools: Tools, of_zone: Sequence[_Domain]
) -> dict[Lease, Sequence[Outcome]]:
    """Have the provider make all changes of a zone at once; return what it says of those of each domain."""
    site = of_zone[0].push.site
    acting = [one for one in of_zone if not one.push.todo.is_empty]
    with sessions.look() as session:
        mine = set(current(session, Domain, [one.lease for one in acting]))
    changes = [change for one in acting if one.lease in mine for change in one.push.todo.changes]
    if not changes:
        return {}
    with work.kept(sessions, Domain, *mine):
        outcomes = site.provider.apply(site.zone, changes)
    tools.checkpoint("records:applied")
    done = {outcome.change.key: outcome for outcome in outcomes}
    return {
        one.lease: [done[key.key] for key in one.push.todo.changes if key.key in done]
        for one in acting
        if one.lease in mine
    }


def _settle(
    sessions: Sessions,
    tools: Tools,
    domains: Sequence[_Domain],
    acted: Mapping[Lease, Sequence[Outcome]],
) -> list[work.StepOutcome]:
    """Record of each domain what the provider has now; return what stands in the way."""
    reports = {
        one.lease: Report.of(one.push.todo, one.push.site.live, acted.get(one.lease, ()))
        for one in domains
        if len(acted.get(one.lease, ())) == len(one.push.todo.changes)
    }
    pushes = {one.lease: one.push for one in domains if one.lease in reports}

    def change(session: Session, leased: Sequence[tuple[Lease, Domain]]) -> list[str | None]:
        now = leased[0][0].now()
        with Writes(session) as writes:
            for lease, row in leased:
                zones.settle_row(writes, row, pushes[lease], reports[lease], tools=tools, now=now)
        return [zones.told(pushes[lease], reports[lease]) for lease, _ in leased]

    settled = work.record_together(
        sessions, Domain, list(pushes), change, release=lambda _code: True
    )
    for lost in pushes.keys() - {lease for lease, _ in settled}:
        site = pushes[lost].site
        late_acts.note(sessions, lost, site.account_id, site.zone, acted.get(lost, ()))
    tools.checkpoint("records:recorded")
    return [work.StepOutcome(code, row_id=lease.id) for lease, code in settled if code]
