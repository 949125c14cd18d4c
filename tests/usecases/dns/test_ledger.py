"""The ledger: what an act makes of what is known to be ours."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.plan import Blocked, Plan
from nameplate.core.records import Change, RRset
from nameplate.models import Account, Domain, LedgerEntry, LedgerPurpose, LedgerState, Record
from nameplate.ports.dns import Outcome, Result, Zone
from nameplate.usecases.dns import ledger, wanted
from nameplate.usecases.dns.ledger import SETTLING, Report
from nameplate.usecases.dns.wanted import Value, Want
from nameplate.usecases.dns.writes import Writes

ZONE = Zone("acme.com")
OLD = RRset("www.acme.com", "A", 300, ("192.0.2.1",))
NEW = RRset("www.acme.com", "A", 300, ("192.0.2.2",))
WHERE: Value = ("www.acme.com", "A", "192.0.2.1")
KEY = OLD.key


def plan(*changes: Change, blocked: tuple[Blocked, ...] = ()) -> Plan:
    return Plan("acme.com", changes, blocked, (), (), 0)


def report(live: list[RRset], *outcomes: Outcome, todo: Plan | None = None) -> Report:
    return Report.of(todo or plan(*(one.change for one in outcomes)), live, outcomes)


CHANGE = Change(OLD, NEW)


def test_what_was_done_is_in_the_state() -> None:
    found = report([OLD], Outcome(CHANGE, Result.APPLIED, external_ids={"192.0.2.2": "id-2"}))
    assert found.state == {KEY: NEW}
    assert found.removed == {WHERE}
    assert found.external_ids == {("www.acme.com", "A", "192.0.2.2"): "id-2"}
    assert found.is_complete
    assert found.shows(("www.acme.com", "A", "192.0.2.2"))
    assert not found.shows(WHERE)


def test_what_was_refused_has_its_reason_and_what_is_unknown_is_read_again() -> None:
    refused = report([OLD], Outcome(CHANGE, Result.REFUSED, "quota"))
    assert (refused.reasons, refused.shows(WHERE), refused.is_complete) == (
        {KEY: "quota"},
        True,
        False,
    )
    unknown = report([OLD], Outcome(CHANGE, Result.UNKNOWN, ""))
    assert unknown.unknown == {KEY}
    assert not unknown.is_complete


def test_what_was_held_back_has_its_reason() -> None:
    blocked = Blocked("www.acme.com", "A", "taken", "Somebody has that.")
    assert report([], todo=plan(blocked=(blocked,))).reasons == {KEY: "Somebody has that."}


class Books:
    """A domain with one record at an account."""

    def __init__(self, session: Session) -> None:
        self.session = session
        owner = world.organization(session)
        self.account: Account = world.account(session, owner)
        self.domain: Domain = world.domain(session, owner)
        self.record: Record = world.record(
            session, self.domain, name="www", value="192.0.2.1", ttl=300
        )

    def entry(self, **columns: Any) -> LedgerEntry:
        given = {"name": "www.acme.com", "dns_record_id": self.record.id, **columns}
        return world.ledger_entry(self.session, self.account, self.domain, **given)

    def states(self) -> list[tuple[str, LedgerState]]:
        self.session.expire_all()
        rows = self.session.scalars(LedgerEntry.visible(PLATFORM).order_by(LedgerEntry.id))
        return [(row.value, row.state) for row in rows]

    def settle(
        self, wanted_: frozenset[Value], found: Report, after: timedelta = timedelta(0)
    ) -> bool:
        entries = wanted.ledger(self.session, self.domain)
        with Writes(self.session) as writes:
            return ledger.settle(
                writes, self.domain, wanted_, entries, found, now=NOW + after, settling=SETTLING
            )

    def confirm(self, found: Report) -> Record:
        lines = wanted.lines(self.session, self.domain)
        with Writes(self.session) as writes:
            ledger.confirm(writes, self.domain, lines, found, NOW)
        self.session.expire_all()
        return self.record


@pytest.fixture
def books(session: Session) -> Books:
    return Books(session)


def test_an_act_is_written_down_before_it_happens(books: Books) -> None:
    books.entry()
    new: Value = ("www.acme.com", "A", "192.0.2.2")
    wants = {new: Want(new, 300, LedgerPurpose.RECORD, books.record.id)}
    with Writes(books.session) as writes:
        ledger.intend(
            writes, books.domain, books.account.id, ZONE,
            todo=plan(CHANGE), wants=wants, entries=wanted.ledger(books.session, books.domain),
        )  # fmt: skip
    assert books.states() == [
        ("192.0.2.1", LedgerState.LEAVING),
        ("192.0.2.2", LedgerState.INTENDED),
    ]
    assert books.record.status is RecordStatus.SYNCING


def test_what_arrived_is_present(books: Books) -> None:
    books.entry(state=LedgerState.INTENDED)
    entries = wanted.ledger(books.session, books.domain)
    assert ledger.lingers(entries, report([]))
    assert not ledger.lingers(entries, report([OLD]))
    assert books.settle(frozenset({WHERE}), report([OLD])) is False
    assert books.states() == [("192.0.2.1", LedgerState.PRESENT)]


def test_what_was_never_put_there_is_forgotten_when_refused(books: Books) -> None:
    books.entry(state=LedgerState.INTENDED)
    refused = report([], Outcome(Change(None, OLD), Result.REFUSED, "quota"))
    books.settle(frozenset({WHERE}), refused)
    assert books.states() == []


def test_what_left_is_forgotten_when_that_is_certain(books: Books) -> None:
    books.entry(state=LedgerState.LEAVING)
    unknown = report([OLD], Outcome(Change(OLD, None), Result.UNKNOWN, ""))
    books.settle(frozenset(), unknown)
    assert books.states() == [("192.0.2.1", LedgerState.LEAVING)]
    assert books.settle(frozenset(), report([])) is True, "one reading may lag"
    assert books.settle(frozenset(), report([]), SETTLING - timedelta(seconds=1)) is True
    assert len(books.states()) == 1
    assert books.settle(frozenset(), report([]), SETTLING) is False
    assert books.states() == []


def test_a_removal_that_was_confirmed_needs_no_reading(books: Books) -> None:
    books.entry(state=LedgerState.LEAVING)
    done = report([OLD], Outcome(Change(OLD, None), Result.APPLIED))
    assert books.settle(frozenset(), done) is False
    assert books.states() == []


def test_a_value_that_is_seen_again_is_not_absent(books: Books) -> None:
    books.entry(state=LedgerState.LEAVING, absent_at=NOW)
    books.settle(frozenset(), report([OLD]))
    books.session.expire_all()
    row = books.session.scalars(LedgerEntry.visible(PLATFORM)).one()
    assert (row.state, row.absent_at) == (LedgerState.LEAVING, None)


def test_records_are_told_what_the_provider_has(books: Books) -> None:
    row = books.confirm(report([OLD]))
    assert (row.status, row.last_synced_at) == (RecordStatus.ACTIVE, NOW)
    prove(books.session, books.domain, NOW)
    refused = report([], Outcome(Change(None, OLD), Result.REFUSED, "quota"))
    row = books.confirm(refused)
    assert (row.status, row.error_message) == (RecordStatus.ERROR, "quota")


def test_a_providers_own_id_is_kept(books: Books) -> None:
    done = Outcome(Change(None, OLD), Result.APPLIED, external_ids={"192.0.2.1": "id-1"})
    assert books.confirm(report([], done)).external_record_id == "id-1"


def test_waiting_records_are_refused_together(books: Books) -> None:
    books.record.confirm(NOW)
    waiting = world.record(books.session, books.domain, name="x").id
    ledger.refuse(books.session, wanted.lines(books.session, books.domain), "No zone.")
    books.session.expire_all()
    assert books.record.status is RecordStatus.ACTIVE
    assert books.session.get_one(Record, waiting).error_message == "No zone."


def test_what_is_adopted_and_disowned(books: Books) -> None:
    ledger.adopt(
        books.session, books.domain, books.account.id, ZONE,
        [Want(WHERE, 300, LedgerPurpose.RECORD)],
    )  # fmt: skip
    assert books.states() == [("192.0.2.1", LedgerState.PRESENT)]
    ids = [one.id for one in wanted.ledger(books.session, books.domain).values()]
    ledger.disown(books.session, ids)
    assert books.states() == []
