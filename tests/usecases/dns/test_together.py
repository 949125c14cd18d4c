"""Many domains of one zone in one step: it is read once, changed once, and each stands for itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.proof import prove
from tests.usecases.dns.zone_rig import APEX, NS, SOA, Provider, Rig, made

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import RecordStatus
from nameplate.leases import DueRow, Lease
from nameplate.models import Domain, LedgerEntry, LedgerState, Record
from nameplate.ports.dns import Zone
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import records, together, zones
from nameplate.worker.shares import grouped

LABELS = ("one", "two", "three")


@dataclass
class Counting:
    """The provider of the rig, which notes what it is asked."""

    inner: Provider
    asked: list[str] = field(default_factory=list)

    def zones(self) -> Any:
        self.asked.append("zones")
        return self.inner.zones()

    def records(self, zone: Zone) -> Any:
        self.asked.append("records")
        return self.inner.records(zone)

    def apply(self, zone: Zone, changes: Any) -> Any:
        self.asked.append("apply")
        return self.inner.apply(zone, changes)


@dataclass
class Shops:
    """Claims below one zone, each with a record that is not at the provider yet."""

    rig: Rig
    provider: Counting
    ids: list[int]

    def leases(self) -> list[Lease]:
        return [self.rig.offline.leased(Domain, one) for one in self.ids]

    def step(self, leases: list[Lease]) -> Any:
        return together.reconcile(self.rig.offline.sessions, self.rig.offline.tools, leases)

    def published(self) -> set[str]:
        return {name.removesuffix(f".{APEX}") for name, _ in self.rig.zone} & set(LABELS)


@pytest.fixture
def shops(migrated_sqlite_url: str) -> Iterator[Shops]:
    sessions = sessions_over(migrated_sqlite_url)
    rig = made(sessions)
    rig.provider = Provider({APEX: [SOA, NS]})
    counting = Counting(rig.provider)
    rig.provider_is(counting)
    found = []
    for label in LABELS:
        with sessions.begin(rig.actor) as session:
            name = f"{label}.{APEX}"
            row = domains.add(session, rig.offline.tools, rig.actor, name=name, account="dns")
            found.append(row.id)
        with sessions.begin(PLATFORM) as session:
            prove(session, session.get_one(Domain, row.id), datetime.now(UTC))
        with sessions.begin(rig.actor) as session:
            records.add(
                session, rig.actor, name, type="A", name="@", value="192.0.2.7",
                ttl=300, now=datetime.now(UTC),
            )  # fmt: skip
    yield Shops(rig, counting, found)
    sessions.dispose()


def test_the_zone_is_read_once_and_changed_once(shops: Shops) -> None:
    assert shops.step(shops.leases()) == ([], [])
    assert shops.provider.asked == ["zones", "records", "apply"]
    assert shops.published() == set(LABELS)
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        rows = session.scalars(Record.visible(PLATFORM)).all()
        assert {row.status for row in rows} == {RecordStatus.ACTIVE}
        states = session.scalars(LedgerEntry.visible(PLATFORM)).all()
        assert {row.state for row in states} == {LedgerState.PRESENT}
        assert all(session.get_one(Domain, one).lease_until is None for one in shops.ids)


def test_domains_without_an_account_rest_together(shops: Shops) -> None:
    """Those of several organizations too, in as many statements however many they are."""
    offline = shops.rig.offline
    ids = []
    for number in range(8):
        actor = offline.organization(f"o{number}")
        with offline.sessions.begin(actor) as session:
            ids.append(domains.add(session, offline.tools, actor, name=f"n{number}.org").id)
    sent: list[str] = []
    sa.event.listen(
        offline.sessions.system_engine, "before_cursor_execute", lambda *args: sent.append(args[2])
    )
    numbers = []
    for some in (ids[:2], ids[2:]):
        leases = [offline.leased(Domain, one) for one in some]
        sent.clear()
        assert shops.step(leases) == ([], [])
        numbers.append(len(sent))
    assert numbers[0] == numbers[1], sent
    with offline.sessions.begin(PLATFORM) as session:
        rows = [session.get_one(Domain, one) for one in ids]
        assert {(row.lease_until, row.next_action_at) for row in rows} == {(None, None)}
        due = [DueRow(row.id, row.organization_id, datetime.now(UTC), None, None) for row in rows]
    assert len(grouped(due, lambda row: zones.company(row, lambda _: None), 12)) == 1
    assert {zones.peer(row, lambda _: None) for row in due} == {None}, "no peer holds them up"


def test_what_is_refused_for_one_is_done_for_the_others(shops: Shops) -> None:
    shops.rig.provider.refused = "two"
    outcomes, left = shops.step(shops.leases())
    assert [(one.code, one.row_id) for one in outcomes] == [("provider_refuses", shops.ids[1])]
    assert left == []
    assert shops.published() == {"one", "three"}


def test_a_domain_that_somebody_else_has_taken_is_left_alone(shops: Shops) -> None:
    leases = shops.leases()
    leases[0] = replace(leases[0], fence=leases[0].fence - 1)
    assert shops.step(leases) == ([], [])
    assert shops.published() == {"two", "three"}
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, shops.ids[0]).lease_until is not None


def test_one_that_is_taken_before_the_provider_hears_of_it_is_not_written(shops: Shops) -> None:
    """Its new owner may have other plans: what it meant to do is its own matter."""

    def checkpoint(point: str) -> None:
        if point == "records:intended":
            with shops.rig.offline.sessions.begin(PLATFORM) as session:
                session.get_one(Domain, shops.ids[2]).fence += 1

    shops.rig.offline.tools = replace(shops.rig.offline.tools, checkpoint=checkpoint)
    shops.step(shops.leases())
    assert shops.published() == {"one", "two"}


def test_a_removed_domain_gets_a_step_of_its_own(shops: Shops) -> None:
    shops.step(shops.leases())
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, shops.ids[0]).deleted_at = datetime.now(UTC)
    leases = shops.leases()
    assert shops.step(leases) == ([], [leases[0]])


def _apart(shops: Shops) -> None:
    """Give each claim a zone of its own at the provider."""
    own = {}
    for label in LABELS:
        apex = f"{label}.{APEX}"
        own[apex] = [SOA._replace(name=apex), NS._replace(name=apex)]
    shops.provider.inner = Provider({APEX: [SOA, NS], **own})


def _held_in(provider: Provider) -> set[str]:
    """Return the claims whose own zone has their address."""
    there = {label: provider.records(Zone(f"{label}.{APEX}")) for label in LABELS}
    return {label for label, found in there.items() if any(one.type == "A" for one in found)}


def test_what_is_written_of_several_zones_is_written_together(shops: Shops) -> None:
    """Two transactions, one before the provider hears of it and one after, however many zones."""
    _apart(shops)
    leases = shops.leases()
    commits: list[sa.Connection] = []
    sa.event.listen(shops.rig.offline.sessions.system_engine, "commit", commits.append)
    assert shops.step(leases) == ([], [])
    assert shops.provider.asked == ["zones", *["records"] * 3, *["apply"] * 3]
    assert _held_in(shops.provider.inner) == set(LABELS)
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        rows = session.scalars(Record.visible(PLATFORM)).all()
        assert {row.status for row in rows} == {RecordStatus.ACTIVE}
    writing = [one for one in commits if not one.get_execution_options().get("nameplate_read_only")]
    assert len(writing) == 3, "before, after, and the one above"


@dataclass
class Failing(Counting):
    """One that fails in some zones."""

    call: str = "records"
    labels: tuple[str, ...] = ()

    def records(self, zone: Zone) -> Any:
        self._refuse(zone, "records")
        return super().records(zone)

    def apply(self, zone: Zone, changes: Any) -> Any:
        self._refuse(zone, "apply")
        return super().apply(zone, changes)

    def _refuse(self, zone: Zone, asked: str) -> None:
        if asked == self.call and zone.name.removesuffix(f".{APEX}") in self.labels:
            raise Unavailable("dns_unreachable", "The provider does not answer.")


@pytest.mark.parametrize("call", ["records", "apply"])
def test_a_zone_that_fails_takes_nothing_from_the_others(shops: Shops, call: str) -> None:
    _apart(shops)
    shops.rig.provider_is(Failing(shops.provider.inner, call=call, labels=("two",)))
    leases = shops.leases()
    assert shops.step(leases) == ([], [leases[1]])
    assert _held_in(shops.provider.inner) == {"one", "three"}
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        rows = session.scalars(Record.visible(PLATFORM)).all()
        assert [row.status for row in rows].count(RecordStatus.ACTIVE) == 2
        leased = [session.get_one(Domain, one).lease_until is not None for one in shops.ids]
    assert leased == [False, True, False]


@pytest.mark.parametrize("call", ["records", "apply"])
def test_a_second_zone_that_fails_ends_the_step(shops: Shops, call: str) -> None:
    _apart(shops)
    shops.rig.provider_is(Failing(shops.provider.inner, call=call, labels=("two", "three")))
    with pytest.raises(Unavailable):
        shops.step(shops.leases())
    assert _held_in(shops.provider.inner) == {"one"}
    with shops.rig.offline.sessions.begin(PLATFORM) as session:
        leased = [session.get_one(Domain, one).lease_until is not None for one in shops.ids]
    assert leased == [False, True, True]


def test_what_was_read_is_not_left_to_age(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    _apart(shops)
    monkeypatch.setattr(together, "MAX_READING", -1.0)
    assert shops.step(shops.leases()) == ([], [])
    assert shops.provider.asked == [
        "zones",
        "records",
        "records",
        "apply",
        "records",
        "apply",
        "apply",
    ]
