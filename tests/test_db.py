"""Sessions that know their tenant, leases and locks, on all three databases."""

import multiprocessing
import os
import socket
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from nameplate import db
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotPermitted, Unavailable
from nameplate.db import Sessions, database_now, engine, listen, lock_name, upsert
from nameplate.leases import held, lease, write
from nameplate.models import (
    Account,
    ApiToken,
    Application,
    Domain,
    Event,
    HttpChallenge,
    Model,
    NameHolding,
    NameLock,
    Organization,
    Record,
    Server,
    Verification,
)
from nameplate.models.deletion import soft_delete
from nameplate.usecases import events
from tests.databases import sessions_over
from tests.models import world
from tests.servers import postgresql

OWNED = [m.class_ for m in Model.registry.mappers if "organization_id" in m.local_table.c]


def token(session, owner):
    id_ = owner.id if owner else None
    row = ApiToken(organization_id=id_, name="t", key_id=f"k{id_}", token_hash="h")
    session.add(row)
    session.flush()
    return row


@pytest.fixture
def two(sessions: Sessions):
    """Two organizations with a row in every table, and one shared row where there can be one."""
    with sessions.begin(PLATFORM) as session:
        acme, other = world.organization(session), world.organization(session)
        for owner, name in ((acme, "acme.com"), (other, "other.com")):
            world.everything(session, owner, name)
            token(session, owner)
        world.server(session, None, name="shared")
        world.account(session, None)
        token(session, None)
    events.number(sessions)
    return Actor(acme.id), Actor(other.id)


def test_a_tenant_sees_its_own_rows_only(sessions, two):
    mine, theirs = two
    with sessions.begin(PLATFORM) as session:
        foreign = {
            kind: sa.inspect(session.scalars(_of(kind, theirs)).first()).identity for kind in OWNED
        }
    with sessions.begin(mine) as session:
        for kind in OWNED:
            allowed = {mine.organization_id} | ({None} if kind is Server else set())
            rows = session.scalars(sa.select(kind)).all()
            assert {row.organization_id for row in rows} == allowed
            assert set(session.scalars(sa.select(kind.organization_id))) == allowed
            assert set(session.scalars(sa.select(aliased(kind).organization_id))) == allowed
            assert {row.organization_id for row in session.scalars(kind.visible(mine))} == allowed
            inside = sa.exists().where(kind.organization_id == theirs.organization_id)
            assert session.scalars(sa.select(Organization.id).where(inside)).all() == []
            counted = session.scalar(sa.select(sa.func.count()).select_from(kind))
            assert counted == len(rows)
            assert session.get(kind, foreign[kind]) is None


def _of(kind, actor):
    return sa.select(kind).where(kind.organization_id == actor.organization_id)


def test_a_tenant_changes_and_deletes_its_own_rows_only(sessions, two):
    mine, theirs = two

    def foreign():
        with sessions.begin(PLATFORM) as session:
            for kind in OWNED:
                table = kind.__table__
                owner = table.c.organization_id
                beyond = sa.or_(owner == theirs.organization_id, owner.is_(None))
                rows = session.connection().execute(sa.select(table).where(beyond)).all()
                assert rows
                yield kind, rows

    def run(statement):
        with sessions.begin(mine) as session:
            options = {"synchronize_session": False}
            return session.execute(statement, execution_options=options).rowcount

    before = dict(foreign())
    for kind in OWNED:
        key = getattr(kind, next(iter(kind.__table__.primary_key)).name)
        assert run(sa.update(kind).values({key: key})) == _changeable(sessions, mine, kind)
    assert dict(foreign()) == before
    for kind in OWNED:
        most = _changeable(sessions, mine, kind)
        assert run(sa.delete(kind)) <= most
    assert dict(foreign()) == before


def _changeable(sessions, actor, kind):
    """Return how many rows of a kind are the tenant's to change: of events on PostgreSQL none."""
    if kind is not Event:
        return 1
    if sessions.dialect == "postgresql":
        return 0
    with sessions.begin(actor) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Event))


def test_a_tenant_sees_and_changes_its_own_organization_only(sessions, two):
    mine, theirs = two
    with sessions.begin(mine) as session:
        assert session.scalars(sa.select(Organization.id)).all() == [mine.organization_id]
        assert session.get(Organization, theirs.organization_id) is None
        session.execute(sa.update(Organization).values(name="Mine"))
    with pytest.raises(NotPermitted), sessions.begin(mine) as session:
        session.add(Organization(name="New", slug="new"))
    with sessions.begin(PLATFORM) as session:
        assert session.get(Organization, theirs.organization_id).name == "Acme"
        assert session.get(Organization, mine.organization_id).name == "Mine"


def _insert(mine, theirs):
    return lambda s: s.add(Application(organization_id=theirs.organization_id, name="x"))


def _insert_shared(mine, theirs):
    return lambda s: s.add(Server(name="x", address="192.0.2.1"))


def _insert_platform_account(mine, theirs):
    return lambda s: world.account(s, None)


def _move(mine, theirs):
    def act(session):
        row = session.scalars(sa.select(Application)).one()
        row.organization_id = theirs.organization_id

    return act


def _move_all(mine, theirs):
    change = sa.update(Application).values(organization_id=theirs.organization_id)
    return lambda s: s.execute(change)


def _update_by_key(mine, theirs):
    return lambda s: s.execute(sa.update(Application), [{"id": 1, "name": "x"}])


def _insert_in_bulk(mine, theirs):
    row = {"organization_id": theirs.organization_id, "name": "x"}
    return lambda s: s.execute(sa.insert(Application), [row])


def _raw(mine, theirs):
    return lambda s: s.execute(sa.text("SELECT * FROM applications"))


def _raw_part(mine, theirs):
    return lambda s: s.scalars(sa.select(Application).where(sa.text("1 = 1")))


def _bare_table(mine, theirs):
    return lambda s: s.execute(sa.select(Application.__table__))


def _bare_column(mine, theirs):
    return lambda s: s.execute(sa.select(Domain.id, Application.__table__.c.id))


def _change_shared(mine, theirs):
    def act(session):
        row = session.scalars(sa.select(Server).where(Server.organization_id.is_(None))).one()
        row.name = "taken over"

    return act


def _delete_shared(mine, theirs):
    def act(session):
        row = session.scalars(sa.select(Server).where(Server.organization_id.is_(None))).one()
        session.delete(row)

    return act


ATTEMPTS = (
    _insert,
    _insert_shared,
    _insert_platform_account,
    _move,
    _move_all,
    _update_by_key,
    _insert_in_bulk,
    _raw,
    _raw_part,
    _bare_table,
    _bare_column,
    _change_shared,
    _delete_shared,
)


def test_what_reaches_beyond_the_tenant_is_refused(sessions, two):
    for attempt in ATTEMPTS:
        act = attempt(*two)
        with pytest.raises(NotPermitted), sessions.begin(two[0]) as session:
            act(session)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_postgresql_keeps_tenants_apart_by_itself(migrated_url, two):
    mine, theirs = (actor.organization_id for actor in two)
    app = engine(postgresql.role_url(migrated_url, postgresql.APP))
    tables = [kind.__table__.name for kind in OWNED]
    with app.connect() as connection:

        def run(statement, **values):
            return connection.execute(sa.text(statement), values)

        for name in tables:
            assert (
                run(f"SELECT count(*) FROM {name} WHERE organization_id IS NOT NULL").scalar() == 0
            )
        connection.rollback()
        context = "SELECT set_config('nameplate.organization_id', :id, true)"
        for name in tables:
            run(context, id=str(mine))
            seen = set(run(f"SELECT organization_id FROM {name}").scalars())
            assert seen == ({mine, None} if name == "servers" else {mine}), name
            if name == "events":  # its own tests see that a tenant changes and removes none
                connection.rollback()
                continue
            assert run(f"UPDATE {name} SET organization_id = organization_id").rowcount == 1
            for change in (
                f"UPDATE {name} SET organization_id = {theirs}",
                f"UPDATE {name} SET organization_id = NULL",
            ):
                with pytest.raises(sa.exc.DBAPIError):
                    run(change)
                connection.rollback()
                run(context, id=str(mine))
            assert run(f"DELETE FROM {name} WHERE organization_id = {theirs}").rowcount == 0
            assert run(f"DELETE FROM {name} WHERE organization_id IS NULL").rowcount == 0
            connection.rollback()
        # After the transaction the setting is '' and nothing is seen: nothing leaks into the next.
        assert run("SELECT count(*) FROM organizations").scalar() == 0
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            run("INSERT INTO organizations (name, slug) VALUES ('x', 'x')")
    app.dispose()


def test_the_context_ends_with_the_transaction(sessions, two):
    for actor in (*two, PLATFORM, *two):
        with sessions.begin(actor) as session:
            found = session.scalars(sa.select(Domain.organization_id)).all()
        assert (len(found) == 2) if actor.is_platform else (found == [actor.organization_id])


def test_an_exception_rolls_everything_back(sessions):
    with pytest.raises(ZeroDivisionError), sessions.begin(PLATFORM) as session:
        assert 1 / (world.organization(session).id - world.organization(session).id + 1)
    with sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(Organization)).all() == []


def test_what_is_there_twice_is_a_conflict(sessions):
    def add(session):
        session.add(Organization(name="Twice", slug="twice"))

    sessions.run(PLATFORM, add)
    with pytest.raises(Conflict) as caught:
        sessions.run(PLATFORM, add)
    assert caught.value.code == "conflict"
    with pytest.raises(sa.exc.IntegrityError), sessions.begin(PLATFORM) as session:
        session.add(Domain(organization_id=9_999, domain_name="lost.com"))


def test_an_unreachable_database_is_unavailable():
    for url in ("postgresql://u:p@127.0.0.1:1/x", "mariadb://u:p@127.0.0.1:1/x"):
        sessions = Sessions(engine(url))
        with pytest.raises(Unavailable) as caught, sessions.begin(PLATFORM) as session:
            session.scalars(sa.select(Organization)).all()
        assert caught.value.code == "database_unavailable"
        sessions.dispose()


def _due(sessions, count):
    with sessions.begin(PLATFORM) as session:
        claim = world.domain(session, world.organization(session))
        now = database_now(session)
        for number in range(count):
            at = now - timedelta(seconds=count - number)
            world.verification(session, claim, next_action_at=at)


def test_a_lease_takes_the_oldest_due_rows_once(sessions):
    _due(sessions, 5)
    with sessions.begin(PLATFORM) as session:
        first = lease(session, Verification, limit=3, seconds=30)
    with sessions.begin(PLATFORM) as session:
        second = lease(session, Verification, limit=9, seconds=30)
        rows = session.scalars(sa.select(Verification).order_by(Verification.next_action_at))
        touched = [row.updated_at != row.created_at for row in rows]
    assert len(first) == 3
    assert len(second) == 2
    assert max(one.id for one in first) < min(one.id for one in second)
    assert {one.fence for one in (*first, *second)} == {1}
    assert touched == [False] * 5
    with sessions.begin(PLATFORM) as session:
        later = database_now(session) + timedelta(seconds=31)
        again = lease(session, Verification, limit=9, seconds=30, now=later)
        assert {one.fence for one in again} == {2}
        assert held(session, Verification, first[0]) is None
        assert held(session, Verification, again[0]) is not None


def test_a_leases_clock_goes_on_from_where_both_were_read(sessions):
    """Between the reading and the lease can be a long transaction: that time has passed too."""
    _due(sessions, 1)
    with sessions.begin(PLATFORM) as session:
        tick, now = time.monotonic(), database_now(session)
        time.sleep(0.2)
        (one,) = lease(session, Verification, limit=1, seconds=30, now=now, tick=tick)
    assert one.now() - now >= timedelta(seconds=0.2)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_connection_that_died_at_rest_is_replaced(sessions, monkeypatch):
    def kill_and_use():
        with sessions.begin(PLATFORM) as session:
            driver = session.connection().connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        with sessions.begin(PLATFORM) as session:
            database_now(session)

    monkeypatch.setattr(db, "RESTED", 60.0)
    with pytest.raises(Unavailable):
        kill_and_use()
    monkeypatch.setattr(db, "RESTED", 0.0)
    kill_and_use()


@pytest.fixture(scope="module")
def processes():
    """Three processes, ready to work: `processes(act, url)` returns what each came to."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=context) as pool:

        def run(act, url):
            return [one.result(60) for one in [pool.submit(act, url) for _ in range(3)]]

        yield run


def _lease_all(url):
    sessions = sessions_over(url)
    taken = []
    while True:
        part = sessions.run(PLATFORM, lambda s: lease(s, Verification, limit=3, seconds=60))
        if not part:
            break
        taken += [one.id for one in part]
    sessions.dispose()
    return taken


def test_processes_share_the_rows_and_none_gets_another_ones(sessions, migrated_url, processes):
    _due(sessions, 40)
    taken = processes(_lease_all, migrated_url)
    everything = [id_ for part in taken for id_ in part]
    assert len(everything) == len(set(everything)) == 40


def _hold(url):
    sessions = sessions_over(url)
    held_for = []
    for number in range(10):

        def work(session, number=number):
            lock_name(session, "acme.com")
            begun = time.monotonic()
            names = session.scalars(sa.select(NameLock.base)).all()
            assert names == ["acme.com"]
            time.sleep(0.002)
            return begun, time.monotonic()

        held_for.append(sessions.run(PLATFORM, work))
    sessions.dispose()
    return held_for


def test_one_process_at_a_time_decides_about_a_name(migrated_url, processes):
    spans = sorted(span for part in processes(_hold, migrated_url) for span in part)
    assert len(spans) == 30
    for (_, ended), (begun, _) in pairwise(spans):
        assert ended <= begun


@pytest.mark.parametrize("migrated_url", ["postgresql", "mariadb"], indirect=True)
def test_locks_of_different_names_do_not_wait(sessions):  # SQLite has one writer at a time
    with sessions.begin(PLATFORM) as first, sessions.begin(PLATFORM) as second:
        lock_name(first, "acme.com")
        lock_name(second, "acme.net")


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_child_can_be_added_while_its_parent_is_being_worked_on(sessions):
    # Only PostgreSQL locks rows without locking their keys.
    with sessions.begin(PLATFORM) as session:
        claim = world.domain(session, world.organization(session))
        claim.wake(database_now(session))
    with sessions.begin(PLATFORM) as worker:
        (one,) = lease(worker, Domain, limit=1, seconds=30)
        held(worker, Domain, one)
        with sessions.begin(PLATFORM) as session:
            session.connection().execute(sa.text("SET LOCAL lock_timeout = '2s'"))
            world.record(session, claim)
            assert len(session.scalars(sa.select(Record)).all()) == 1


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_row_is_read_as_it_is_when_its_domain_is_free(sessions):
    """Domain and row are locked by one statement, whose view of the database is older than the wait."""
    _due(sessions, 1)
    with sessions.begin(PLATFORM) as session:
        (one,) = lease(session, Verification, limit=1, seconds=30)
    found = []

    def wait():
        with sessions.begin(PLATFORM) as session:
            row = held(session, Verification, one)
            found.append(None if row is None else row.attempts)

    with sessions.begin(PLATFORM) as session:
        session.scalars(sa.select(Domain).with_for_update(key_share=True)).one()
        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join(0.5)
        assert waiter.is_alive()
        session.execute(sa.update(Verification).values(attempts=7))
    waiter.join(10)
    assert found == [7]


def test_holdings_are_freed_with_their_domain(sessions):
    with sessions.begin(PLATFORM) as session:
        claim = world.domain(session, world.organization(session))
        world.holding(session, claim)
        session.delete(claim)
        session.flush()
        assert session.scalars(sa.select(NameHolding)).all() == []
        assert session.scalars(sa.select(Account)).all() == []


def test_a_row_is_written_under_the_fence_without_being_read(sessions):
    _due(sessions, 1)
    change = sa.update(Model.metadata.tables["domain_verifications"]).values(
        attempts=sa.bindparam("tries")
    )
    with sessions.begin(PLATFORM) as session:
        (one,) = lease(session, Verification, limit=1, seconds=30)
    with sessions.begin(PLATFORM) as session:
        assert write(session, Verification, one, change, {"tries": 3})
        row = session.get_one(Verification, one.id)
        assert row.attempts == 3
        assert row.next_action_at == row.lease_until >= one.until
        row.next_action_at = woken = one.taken_at
    with sessions.begin(PLATFORM) as session:
        assert write(session, Verification, one, change, {"tries": 4})
        row = session.get_one(Verification, one.id)
        assert (row.attempts, row.next_action_at) == (4, woken)  # who woke it is not forgotten
        later = database_now(session) + timedelta(seconds=61)
        (_,) = lease(session, Verification, limit=1, seconds=30, now=later)
        assert not write(session, Verification, one, change, {"tries": 5})
        session.expire_all()
        assert session.get_one(Verification, one.id).attempts == 4


def test_rows_are_inserted_over_those_with_their_key(sessions):
    with sessions.begin(PLATFORM) as session:
        row = world.certificate(session, world.domain(session, world.organization(session)))
        owner = {"ssl_certificate_id": row.id, "organization_id": row.organization_id}
        for answer in ("one", "two"):
            rows = [
                {"token": f"t{n}", "hostname": "a.example", "key_authorization": answer, **owner}
                for n in range(3)
            ]
            upsert(session, HttpChallenge, rows)
        found = session.scalars(sa.select(HttpChallenge)).all()
        assert [one.key_authorization for one in found] == ["two"] * 3


def test_the_platform_looks_without_a_transaction(sessions):
    _due(sessions, 1)
    with sessions.look() as session:
        before = session.scalar(sa.select(sa.func.max(Verification.attempts)))
        if sessions.dialect == "postgresql":
            with sessions.begin(PLATFORM) as other:
                other.execute(sa.update(Verification).values(attempts=7))
            assert session.scalar(sa.select(sa.func.max(Verification.attempts))) == 7
    assert before == 0


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("channel", ["nameplate_hosts", "nameplate_work"])
def test_a_removal_of_many_rows_is_announced(sessions: Sessions, channel: str) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = Organization(name="Acme", slug="acme")
        session.add(acme)
        session.flush()
        session.add(Domain(organization_id=acme.id, domain_name="example.com"))
    heard, stopping = threading.Event(), threading.Event()
    first = threading.Event()

    def hear() -> None:
        (heard if first.is_set() else first).set()

    ear = threading.Thread(target=listen, args=(sessions, channel, hear, stopping))
    ear.start()
    assert first.wait(10)
    with sessions.begin(PLATFORM) as session:
        soft_delete(session, session.get_one(Organization, acme.id), database_now(session))
    assert heard.wait(5)
    stopping.set()
    ear.join(10)
