"""Events are derived from the rows that change, in the transaction that changes them."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.told_rows import Rows

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.origin import ORIGIN, ChangeOrigin
from nameplate.db import Sessions
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    Record,
    Server,
    Verification,
    deletion,
    telling,
)
from nameplate.usecases.dns import writes


@pytest.fixture
def rows(sessions: Sessions) -> Rows:
    return Rows(sessions)


def test_a_transition_is_told_with_what_explains_it(rows: Rows) -> None:
    suspend = rows.on(Domain, lambda one: one.suspend("abuse", world.NOW, by_platform=True))
    (told,) = rows.change(suspend)
    assert (told.type, told.object_type, told.object_id) == (
        "domain.suspended",
        "domain",
        rows.ids[Domain],
    )
    assert (told.organization_id, told.organization_domain_id) == (rows.owner, rows.ids[Domain])
    assert told.hostname == "acme.com"
    assert told.before == {"platform_suspension": None}
    assert told.after == {"platform_suspension": "abuse", "status": "suspended"}
    assert told.position is None
    assert told.sequence is None
    assert told.at is not None


def test_both_sides_of_what_is_watched_are_told(rows: Rows) -> None:
    def change(one: Any) -> None:
        one.ttl, one.proxy_enabled = 60, True

    (told,) = rows.change(rows.on(Record, change))
    assert (told.type, told.hostname) == ("record.changed", "www.acme.com")
    assert told.before == {"ttl": 3600, "proxy_enabled": False}
    assert told.after == {"ttl": 60, "proxy_enabled": True}


def test_a_bulk_statement_tells_the_same_as_the_session(rows: Rows) -> None:
    """Statements pass the session by: what they change was told to nobody."""
    own = Record.id == rows.ids[Record]

    def many(session: Session) -> None:
        session.execute(Record.rewriting(ttl=60, proxy_enabled=True).where(own))

    (told,) = rows.change(many)
    assert (told.type, told.hostname, told.object_id) == (
        "record.changed",
        "www.acme.com",
        rows.ids[Record],
    )
    assert told.before == {"ttl": 3600, "proxy_enabled": False}
    assert told.after == {"ttl": 60, "proxy_enabled": True}
    assert told.organization_domain_id == rows.ids[Domain]
    assert rows.change(many) == []  # nothing is as it was
    assert rows.types(lambda s: s.execute(Record.syncing().where(own))) == []
    assert rows.types(lambda s: s.execute(Record.confirming(world.NOW).where(own))) == [
        "record.published"
    ]
    assert rows.types(lambda s: s.execute(Record.confirming(world.NOW).where(own))) == []
    fail = Record.failing("refused").where(own)
    (failed,) = rows.change(lambda s: s.execute(fail))
    assert (failed.type, failed.after) == ("record.failed", {"error_message": "refused"})
    assert rows.types(lambda s: s.execute(fail)) == []


def test_only_the_rows_that_a_bulk_statement_changes_are_told_of(rows: Rows) -> None:
    def more(session: Session) -> None:
        domain = session.get_one(Domain, rows.ids[Domain])
        for number in range(3):
            world.record(session, domain, name=f"r{number}", ttl=60 + number)

    assert rows.types(more) == ["record.added"] * 3
    statement = Record.rewriting(ttl=61).where(Record.organization_id == rows.owner)
    told = rows.change(lambda s: s.execute(statement))
    assert sorted(one.before["ttl"] for one in told) == [60, 62, 3600]


def test_a_tree_that_is_hidden_and_brought_back_is_told_of_row_by_row(rows: Rows) -> None:
    gone = rows.types(rows.on(Domain, _hide))
    assert sorted(gone) == [
        "binding.removed",
        "certificate.removed",
        "domain.quarantined",
        "domain.released",
        "record.removed",
    ]
    back = rows.types(rows.on(Domain, _bring))
    assert sorted(back) == [
        "binding.restored",
        "certificate.restored",
        "domain.restored",
        "record.restored",
    ]


def _hide(row: Any) -> None:
    session = sa.orm.object_session(row)
    assert session is not None
    deletion.soft_delete(session, row, world.NOW)


def _bring(row: Any) -> None:
    session = sa.orm.object_session(row)
    assert session is not None
    deletion.restore(session, row, world.NOW + timedelta(hours=1))


def test_rows_inserted_past_the_session_are_told_of(rows: Rows) -> None:
    values = {
        "organization_id": rows.owner,
        "organization_domain_id": rows.ids[Domain],
        "record_type": "A",
        "value_digest": "0" * 64,
        "managed_by_system": False,
    }
    made = [
        {**values, "name": f"bulk{n}", "value": f"192.0.2.{n}", "value_digest": f"{n}" * 64}
        for n in range(3)
    ]
    told = rows.change(lambda session: writes.bulk_insert(session, Record, made))
    assert [one.type for one in told] == ["record.added"] * 3
    assert {one.hostname for one in told} == {f"bulk{n}.acme.com" for n in range(3)}
    with rows.sessions.begin(PLATFORM) as session:
        names = {row.id: row.name for row in session.scalars(sa.select(Record))}
    assert all(names[one.object_id] == one.after["name"] for one in told)


def test_what_is_rolled_back_is_not_told(rows: Rows) -> None:
    def tried(session: Session) -> None:
        domain = session.get_one(Domain, rows.ids[Domain])
        domain.force_https = False
        session.flush()
        with session.begin_nested() as lost:
            session.connection()
            domain.hsts_enabled = False
            session.flush()
            lost.rollback()
        with session.begin_nested():
            session.connection()
            domain.ssl_enabled = False

    (told,) = rows.change(tried)
    assert told.after == {"force_https": False, "ssl_enabled": False}


def test_nothing_is_told_by_a_transaction_that_is_taken_back(rows: Rows) -> None:
    def taken_back(session: Session) -> None:
        session.get_one(Domain, rows.ids[Domain]).auto_renew = False
        session.flush()
        session.rollback()

    assert rows.change(taken_back) == []


def test_what_happens_twice_in_a_transaction_is_one_event(rows: Rows) -> None:
    def twice(session: Session) -> None:
        row = session.get_one(Record, rows.ids[Record])
        for ttl in (60, 61, 62):
            row.ttl = ttl
            session.flush()

    (told,) = rows.change(twice)
    assert (told.before, told.after) == ({"ttl": 3600}, {"ttl": 62})


def test_bookkeeping_is_no_event(rows: Rows) -> None:
    def look(session: Session) -> None:
        domain = session.get_one(Domain, rows.ids[Domain])
        domain.last_checked_at = domain.next_action_at = world.NOW
        domain.attempts += 1
        binding = session.get_one(Binding, rows.ids[Binding])
        binding.record_health(HealthStatus.UNKNOWN, world.NOW)
        session.execute(Domain.waking(world.NOW).where(Domain.id == domain.id))
        session.get_one(Verification, rows.ids[Verification]).look({"at": "now"}, world.NOW)

    assert rows.types(look) == []


def test_what_fails_again_and_again_is_told_once(rows: Rows) -> None:
    """A worker tries a binding that is broken every minute."""

    def fail(one: Any) -> None:
        if one.status is BindingStatus.ERROR:
            one.configure()
        one.fail("no answer")
        one.record_health(HealthStatus.UNHEALTHY, world.NOW)

    assert sorted(rows.types(rows.on(Binding, fail))) == ["binding.failed", "binding.unhealthy"]
    for _ in range(3):
        assert rows.types(rows.on(Binding, fail)) == []

    def configure(one: Any) -> None:
        one.configure()

    assert rows.types(rows.on(Binding, configure)) == []
    activate = rows.on(Binding, lambda one: one.activate(world.NOW))
    assert rows.types(activate) == ["binding.activated", "binding.recovered"]

    def renewal(one: Any) -> None:
        one.fail("acme_unreachable", "The authority does not answer.", world.NOW)

    assert rows.types(rows.on(Certificate, renewal)) == ["certificate.failed"]
    assert rows.types(rows.on(Certificate, renewal)) == []


def test_a_slow_step_is_no_failure_of_a_server(rows: Rows) -> None:
    slow = Server.meeting("answer_awaited", "slow", None, world.NOW)
    assert rows.types(lambda s: s.execute(slow.where(Server.id == rows.ids[Server]))) == []
    assert rows.types(rows.on(Server, lambda one: one.overcome())) == []
    meet = rows.on(Server, lambda one: one.meet("proxy_unreachable", "away", None, world.NOW))
    assert rows.types(meet) == ["server.failed"]
    assert rows.types(rows.on(Server, lambda one: one.overcome())) == ["server.recovered"]


def test_who_caused_it(rows: Rows) -> None:
    def touch(one: Any) -> None:
        one.auto_renew = not one.auto_renew

    tenant = Actor(rows.owner, "deploy", 7)
    (own,) = rows.change(rows.on(Domain, touch), tenant)
    assert (own.actor, own.actor_name, own.token_id) == ("organization", "deploy", 7)
    assert own.request_id is None
    token = ORIGIN.set(ChangeOrigin("req_1"))
    (operators,) = rows.change(rows.on(Domain, touch), Actor(None, "ops", 8))
    assert (operators.actor, operators.actor_name, operators.token_id) == ("operator", "ops", 8)
    assert operators.request_id == "req_1"
    assert operators.organization_id == rows.owner
    ORIGIN.set(ChangeOrigin(is_worker=True))
    (background,) = rows.change(rows.on(Domain, touch))
    assert (background.actor, background.actor_name) == ("worker", None)
    ORIGIN.reset(token)


def test_a_tenants_bulk_statement_tells_only_of_its_own(rows: Rows) -> None:
    with rows.sessions.begin(PLATFORM) as session:
        other = world.organization(session)
        world.record(session, world.domain(session, other, "globex.com"), name="www")
    statement = Record.rewriting(ttl=99).where(Record.name == "www")
    told = rows.change(lambda s: s.execute(statement), Actor(rows.owner))
    assert [(one.type, one.organization_id) for one in told] == [("record.changed", rows.owner)]


def test_a_change_that_no_row_shows_is_told_by_name(rows: Rows) -> None:
    def tell(session: Session) -> None:
        row = session.get_one(Domain, rows.ids[Domain])
        telling.tell(session, "domain.challenged", row, by="a newcomer")

    (told,) = rows.change(tell)
    assert (told.type, told.hostname, told.after) == (
        "domain.challenged",
        "acme.com",
        {"by": "a newcomer"},
    )


def test_what_belongs_to_a_domain_nobody_read_has_its_name_all_the_same(rows: Rows) -> None:
    (told,) = rows.change(rows.on(Record, lambda one: setattr(one, "ttl", 5)))
    assert told.hostname == "www.acme.com"
