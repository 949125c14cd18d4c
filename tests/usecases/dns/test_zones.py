"""A domain's zone under its worker: read, plan, store the intent, apply, settle."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.usecases.dns.zone_rig import APEX, NS, SOA, ZONE, Rig, a, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.plan import plan
from nameplate.core.records import Change
from nameplate.models import Domain, LedgerState, Record
from nameplate.ports.dns import Zone
from nameplate.usecases import work
from nameplate.usecases.dns import desired, records, zones

WWW = f"www.{APEX}"
STEPS = ["records:read", "records:intended", "records:applied", "records:recorded"]


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[Rig]:
    sessions = sessions_over(migrated_sqlite_url)
    yield made(sessions)
    sessions.dispose()


def _add(rig: Rig, label: str = "www", last: int = 1) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(
            session, rig.actor, rig.name, type="A", name=label, value=f"192.0.2.{last}",
            ttl=300, now=datetime.now(UTC),
        )  # fmt: skip


def _passing(rig: Rig, at: str = "", act: Any = None) -> list[str]:
    """Note the crash points as they are passed, and do `act` once at one of them."""
    passed: list[str] = []

    def checkpoint(point: str) -> None:
        passed.append(point)
        if point == at and passed.count(at) == 1:
            act()

    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    return passed


@contextmanager
def _statements(rig: Rig) -> Iterator[list[str]]:
    engine, texts = rig.offline.sessions.system_engine, []

    def statement(_c: Any, _cur: Any, text: str, *_: Any) -> None:
        texts.append(text)

    sa.event.listen(engine, "before_cursor_execute", statement)
    yield texts
    sa.event.remove(engine, "before_cursor_execute", statement)


def _wait_of(rig: Rig) -> timedelta:
    at = rig.domain().next_action_at
    assert at is not None
    return at - datetime.now(UTC)


def test_a_record_arrives_step_by_step(rig: Rig) -> None:
    _add(rig)
    seen: list[Any] = []
    passed = _passing(rig, "records:intended", lambda: seen.extend((rig.ledger(), rig.zone)))
    rig.work()
    assert passed == STEPS
    assert seen[0] == {f"{WWW} 192.0.2.1": LedgerState.INTENDED}
    assert (WWW, "A") not in seen[1], "the intent is stored before the provider hears of it"
    assert rig.zone[WWW, "A"] == a("www", 1)
    assert rig.ledger() == {f"{WWW} 192.0.2.1": LedgerState.PRESENT}
    (row,) = rig.rows().values()
    assert row.status is RecordStatus.ACTIVE
    assert rig.domain().dns.zone == APEX
    assert timedelta(minutes=54) <= _wait_of(rig) <= timedelta(minutes=66), (
        "then drift is looked for"
    )


def test_nothing_to_change_stores_no_intent(rig: Rig) -> None:
    _add(rig)
    rig.work()
    passed = _passing(rig)
    with _statements(rig) as texts:
        rig.work()
    assert passed == ["records:read", "records:recorded"]
    assert not [text for text in texts if text.startswith(("INSERT", "DELETE"))]


def test_nothing_wanted_asks_no_provider(rig: Rig) -> None:
    def unreachable(_account: Any) -> Any:
        raise AssertionError

    rig.offline.tools = replace(rig.offline.tools, dns_provider=unreachable)
    rig.work()
    assert rig.domain().next_action_at is None


def _reads(texts: list[str]) -> int:
    return sum(t.startswith("SELECT") and "FROM dns_records" in t for t in texts)


def test_what_was_read_for_the_plan_serves_to_settle(rig: Rig) -> None:
    """A domain's records are read once, and again only when somebody has woken it since."""
    _add(rig)
    with _statements(rig) as undisturbed:
        rig.work()

    def wake() -> None:
        with rig.offline.sessions.begin(PLATFORM) as session:
            session.get_one(Domain, rig.domain_id).wake(datetime.now(UTC))

    _add(rig, "api", 2)
    _passing(rig, "records:applied", wake)
    with _statements(rig) as disturbed:
        rig.work()
    assert _reads(disturbed) == 2 * _reads(undisturbed) > 0
    assert {row.status for row in rig.rows().values()} == {RecordStatus.ACTIVE}


def test_what_is_wanted_meanwhile_is_due_at_once(rig: Rig) -> None:
    _add(rig)
    passed = _passing(rig, "records:applied", lambda: _add(rig, "late", 3))
    rig.work()
    assert passed == STEPS
    assert _wait_of(rig) <= timedelta(0)
    assert {name: row.status for (name, _), row in rig.rows().items()} == {
        "www": RecordStatus.ACTIVE, "late": RecordStatus.PENDING,
    }  # fmt: skip
    rig.work()
    assert (f"late.{APEX}", "A") in rig.zone


@pytest.mark.parametrize("point", STEPS)
def test_a_worker_that_dies_is_followed_by_another(rig: Rig, point: str) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    _add(rig)
    _passing(rig, point, die)
    with pytest.raises(Died):
        rig.work()
    rig.work(after=timedelta(minutes=3))
    assert rig.zone[WWW, "A"] == a("www", 1)
    assert rig.ledger() == {f"{WWW} 192.0.2.1": LedgerState.PRESENT}
    assert [row.status for row in rig.rows().values()] == [RecordStatus.ACTIVE]


def test_who_lost_the_domain_does_not_act(rig: Rig) -> None:
    def lose() -> None:
        with rig.offline.sessions.begin(PLATFORM) as session:
            session.get_one(Domain, rig.domain_id).fence += 1

    _add(rig)
    _passing(rig, "records:intended", lose)
    with pytest.raises(work.Superseded):
        rig.work()
    assert (WWW, "A") not in rig.zone


def test_a_part_that_is_refused_says_why_and_is_asked_again(rig: Rig) -> None:
    _add(rig)
    _add(rig, "api", 2)
    rig.provider.refused = "www"
    rig.work()
    found = {name: row for (name, _), row in rig.rows().items()}
    assert {name: row.status for name, row in found.items()} == {
        "www": RecordStatus.ERROR, "api": RecordStatus.ACTIVE,
    }  # fmt: skip
    assert found["www"].error_message == "quota reached"
    assert rig.ledger() == {f"api.{APEX} 192.0.2.2": LedgerState.PRESENT}
    assert _wait_of(rig) <= zones.AGAIN_AFTER_REFUSAL
    rig.provider.refused = ""
    rig.work()
    assert {row.status for row in rig.rows().values()} == {RecordStatus.ACTIVE}


def test_a_lost_answer_is_read_again_soon(rig: Rig) -> None:
    _add(rig)
    rig.provider.lost = True
    rig.work()
    assert rig.ledger() == {f"{WWW} 192.0.2.1": LedgerState.INTENDED}
    assert _wait_of(rig) <= timedelta(seconds=2)
    rig.provider.lost = False
    rig.work()
    assert rig.ledger() == {f"{WWW} 192.0.2.1": LedgerState.PRESENT}


def test_a_provider_that_says_no_is_told_on_the_records(rig: Rig) -> None:
    class Closed:
        def zones(self) -> Any:
            raise Refused("credential_refused", "the provider refuses the key")

    _add(rig)
    rig.provider_is(Closed())
    lease = rig.offline.leased(Domain, rig.domain_id)
    told = zones.reconcile(rig.offline.sessions, rig.offline.tools, lease)
    assert told == "credential_refused", "the log and the metrics say so too"
    (row,) = rig.rows().values()
    assert (row.status, row.error_message) == (RecordStatus.ERROR, "the provider refuses the key")
    assert rig.domain().error_message == "the provider refuses the key"
    assert _wait_of(rig) <= work.WATCH_REFUSAL, "the provider may take the key again"


def _desired(rig: Rig, zone: str | None) -> desired.DesiredZone:
    with rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        domain.dns = replace(domain.dns, zone=zone)
        found = desired.read_desired(session, domain, rig.offline.tools, datetime.now(UTC))
    assert found is not None
    return found


def test_the_longest_zone_that_fits_is_read(rig: Rig) -> None:
    parent = type(rig.provider)({"example.com": [SOA], "com": [SOA]})
    rig.provider_is(parent)
    assert zones.visit(rig.offline.tools, _desired(rig, None)).zone.name == "example.com"
    with pytest.raises(Refused) as caught:
        zones.visit(rig.offline.tools, _desired(rig, APEX))
    assert caught.value.code == "zone_not_found"
    assert "com, example.com" in caught.value.detail


def test_what_moved_to_another_account_is_looked_at_anew(rig: Rig) -> None:
    _add(rig)
    site = zones.LiveZone(rig.provider, 4711, ZONE, [SOA, NS])
    push = zones.Push(site, plan(site.live, [], set(), apex=APEX))
    lease = rig.offline.leased(Domain, rig.domain_id)
    zones.settle(rig.offline.sessions, rig.offline.tools, lease, push, ())
    assert _wait_of(rig) <= timedelta(0)
    assert [row.status for row in rig.rows().values()] == [RecordStatus.PENDING]


def test_a_provider_is_asked_once_for_each_step(rig: Rig) -> None:
    calls: list[str] = []

    class Counting(type(rig.provider)):  # type: ignore[misc]  # whatever the rig has
        def zones(self) -> Any:
            calls.append("zones")
            return super().zones()

        def records(self, zone: Zone) -> Any:
            calls.append("records")
            return super().records(zone)

        def apply(self, zone: Zone, changes: Any) -> Any:
            calls.append("apply")
            return super().apply(zone, changes)

    _add(rig)
    rig.provider_is(Counting({APEX: [SOA, NS]}))
    rig.work()
    assert calls == ["zones", "records", "apply"]


def _theirs(rig: Rig, last: int) -> None:
    """Put another value in the place of `www`, as somebody does at the provider."""
    rig.provider.apply(ZONE, [Change(rig.zone[WWW, "A"], a("www", last))])


def test_a_foreign_change_right_after_our_write_stays(rig: Rig) -> None:
    """Whether the reading lags or somebody was quick: our value is not put beside theirs."""
    _add(rig)
    rig.work()
    _theirs(rig, 66)
    _add(rig, "other", 2)  # leads a worker there again
    rig.work()
    assert rig.zone[WWW, "A"] == a("www", 66)
    assert rig.zone[f"other.{APEX}", "A"] == a("other", 2)
    assert rig.domain().drift is None
    assert rig.rows()["www", "192.0.2.1"].status is RecordStatus.ACTIVE
    assert _wait_of(rig) <= zones.UNSEEN_EVERY, "the next reading may tell"
    rig.work(after=timedelta(minutes=6))
    assert rig.zone[WWW, "A"] == a("www", 66)
    told = rig.domain().drift
    assert told is not None
    assert told.records[0].observed is not None
    assert told.records[0].observed.values == ("192.0.2.66",)


def test_a_reading_that_lags_behind_our_write_is_waited_out(rig: Rig) -> None:
    _add(rig)
    before = rig.provider.records(ZONE)
    rig.work()
    rig.provider.lagging = list(before)
    rig.work()
    assert _wait_of(rig) <= zones.UNSEEN_EVERY
    rig.provider.lagging = None
    rig.work(after=timedelta(seconds=30))
    assert rig.zone[WWW, "A"] == a("www", 1)
    assert (rig.domain().drift, rig.domain().error_message) == (None, None)
    assert _wait_of(rig) > timedelta(minutes=50)


def test_a_foreign_change_between_our_reading_and_our_write_stays(rig: Rig) -> None:
    _add(rig)
    rig.work()
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(sa.select(Record)).all()
        records.update(
            session, rig.actor, ids.show("rec", row.id), now=datetime.now(UTC), value="192.0.2.5"
        )
    _passing(rig, "records:intended", lambda: _theirs(rig, 66))
    rig.work()
    for _ in range(3):
        rig.work(after=timedelta(minutes=6))
        assert rig.zone[WWW, "A"] == a("www", 66)
        assert rig.rows()["www", "192.0.2.5"].drifted_at is not None
