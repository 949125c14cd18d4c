"""Events as readers see them: told by real use cases, numbered without holes, purged in pieces."""

import random
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.certificates import certificate_rig
from tests.usecases.offline import Offline
from tests.usecases.serving import serving_rig

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound
from nameplate.db import Sessions
from nameplate.models import (
    Binding,
    Event,
    EventCounter,
    Organization,
    Server,
    Verification,
)
from nameplate.ports.prober import Failure
from nameplate.usecases import events
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains, verifications
from nameplate.usecases.dns import records
from nameplate.usecases.serving import applications, bindings, probes, servers
from nameplate.usecases.tenants import accounts, organizations, tokens

DAY = timedelta(days=1)
FROM_START = events.EventQuery(since="start")


def read(
    sessions: Sessions, actor: Actor = PLATFORM, query: events.EventQuery = FROM_START
) -> list[Event]:
    """Return every event that a query finds, page by page."""
    events.number(sessions)
    found: list[Event] = []
    while True:
        with sessions.begin(actor, read_only=True) as session:
            page = events.page(session, actor, query, limit=7)
        found += page[:7]
        if len(page) <= 7:
            return found
        query = replace(query, since=shown(page[6]))


def shown(event: Event) -> str:
    assert event.position is not None
    return ids.show("evt", event.position)


def types(sessions: Sessions, actor: Actor = PLATFORM) -> list[str]:
    return [one.type for one in read(sessions, actor)]


def _new(sessions: Sessions, seen: list[str]) -> list[str]:
    """Return the types that came since the last call."""
    every = types(sessions)
    fresh = every[len(seen) :]
    seen += fresh
    return fresh


def test_the_life_of_a_domain(sessions: Sessions) -> None:
    world, seen = Offline(sessions), list[str]()
    acme = world.organization("acme")
    assert _new(sessions, seen) == ["organization.added"]
    now = datetime.now(UTC)
    with sessions.begin(acme) as session:
        domain = domains.add(session, world.tools, acme, name="shop.example.com")
        (proof,) = verifications.page(session, acme, limit=10)
    name, token = "shop.example.com", proof.verification_token
    assert sorted(_new(sessions, seen)) == ["domain.claimed", "verification.requested"]

    def look(after: timedelta = timedelta(0)) -> None:
        lease = world.leased(Verification, proof.id, after=after)
        verifications.reconcile(sessions, world.tools, lease)

    look()
    assert _new(sessions, seen) == []  # a look is no event
    world.method.published[name] = token
    look()
    assert sorted(_new(sessions, seen)) == ["domain.verified", "verification.succeeded"]
    look(after=30 * DAY)
    assert _new(sessions, seen) == []  # proved anew, as every month
    with sessions.begin(acme) as session:
        domains.suspend(session, acme, name, now, "moving")
    assert _new(sessions, seen) == ["domain.suspended"]
    with sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, name, now, "abuse")
    with sessions.begin(PLATFORM) as session:
        domains.resume(session, PLATFORM, name, now)
    with sessions.begin(acme) as session:
        domains.resume(session, acme, name, now)
    assert _new(sessions, seen) == ["domain.suspended", "domain.resumed", "domain.resumed"]
    with sessions.begin(acme) as session:
        domains.update(session, acme, name, now, force_https=False)
    assert _new(sessions, seen) == ["domain.changed"]
    del world.method.published[name]
    look()
    assert _new(sessions, seen) == ["domain.lapsing"]
    look(after=timedelta(hours=1))
    assert _new(sessions, seen) == []
    look(after=8 * DAY)
    assert sorted(_new(sessions, seen)) == [
        "domain.lapsed",
        "verification.failed",
        "verification.requested",
    ]
    _removed_and_restored(world, acme, ids.show("dom", domain.id), seen)
    told = read(sessions, acme)
    assert {one.hostname for one in told if one.type.startswith("domain.")} == {name}
    assert {one.actor.value for one in told} == {"organization", "operator"}
    story = read(sessions, acme, replace(FROM_START, object=ids.show("dom", domain.id)))
    assert {one.type.partition(".")[0] for one in story} == {"domain", "verification"}
    only = read(sessions, acme, replace(FROM_START, types=("domain.*",)))
    assert {one.type.partition(".")[0] for one in only} == {"domain"}


def _removed_and_restored(world: Offline, acme: Actor, reference: str, seen: list[str]) -> None:
    now = datetime.now(UTC)
    with world.sessions.begin(acme) as session:
        domains.remove(session, world.tools, acme, reference, now)
    assert _new(world.sessions, seen) == ["domain.released"]
    with world.sessions.begin(acme) as session:
        domains.restore(session, world.tools, acme, reference, now)
    assert "domain.restored" in _new(world.sessions, seen)


def test_records_tokens_accounts_and_organizations(sessions: Sessions) -> None:
    world, seen = Offline(sessions), list[str]()
    acme, now = world.organization("acme"), datetime.now(UTC)
    with sessions.begin(acme) as session:
        domains.add(session, world.tools, acme, name="example.com")
        row = records.add(session, acme, "example.com", type="A", name="www", value="192.0.2.1",
                          now=now)  # fmt: skip
        reference = ids.show("rec", row.id)
        token, _ = tokens.add(session, acme, name="ci", now=now, random=world.tools.random)
    assert {"record.added", "token.created"} <= set(_new(sessions, seen))
    with sessions.begin(acme) as session:
        records.update(session, acme, reference, now=now, ttl=60)
        tokens.revoke(session, acme, ids.show("tok", token.id), now)
    assert sorted(_new(sessions, seen)) == ["record.changed", "token.revoked"]
    with sessions.begin(acme) as session:
        records.remove(session, acme, reference, now)
    assert _new(sessions, seen) == ["record.removed"]
    with sessions.begin(PLATFORM) as session:
        organizations.update(session, PLATFORM, "acme", is_active=False)
    assert _new(sessions, seen) == ["organization.deactivated"]
    with sessions.begin(PLATFORM) as session:
        organizations.update(session, PLATFORM, "acme", is_active=True, name="Acme 2")
    assert sorted(_new(sessions, seen)) == ["organization.activated", "organization.changed"]
    with sessions.begin(acme) as session:
        made = accounts.add(session, acme, world.tools, kind="dns", provider="memory", name="dns",
                            config={}, credentials={"api_key": "s3cret"})  # fmt: skip
        accounts.update(session, acme, world.tools, ids.show("acct", made.id),
                        credentials={"api_key": "other"})  # fmt: skip
    assert sorted(_new(sessions, seen)) == ["account.added", "account.changed"]
    with sessions.begin(acme) as session:
        server = servers.add(session, world.tools, acme, name="edge", address="192.0.2.9")
        app = applications.add(session, acme, name="Shop", upstream_host="10.0.0.1")
        server_id, app_id = ids.show("srv", server.id), ids.show("app", app.id)
    with sessions.begin(acme) as session:
        servers.update(session, world.tools, acme, server_id, now, address="192.0.2.8")
        applications.update(session, acme, app_id, now, upstream_host="10.0.0.2")
    assert sorted(_new(sessions, seen)) == [
        *("application.added", "application.changed", "server.added", "server.changed"),
    ]
    every = "\n".join(str(one.before) + str(one.after) for one in read(sessions))
    assert "s3cret" not in every


def test_the_life_of_a_certificate(sessions: Sessions) -> None:
    rig = certificate_rig.made(sessions)
    seen = list[str]()
    assert {"domain.claimed", "domain.verified", "certificate.requested"} <= set(
        _new(sessions, seen)
    )
    rig.work()
    assert _new(sessions, seen) == ["certificate.issued"]
    rig.work(after=70 * DAY)
    assert _new(sessions, seen) == ["certificate.renewed"]
    (issued,) = [one for one in read(sessions) if one.type == "certificate.issued"]
    assert issued.hostname == certificate_rig.NAME
    assert issued.after["serial_number"]
    with sessions.begin(rig.actor) as session:
        requests.remove(session, rig.actor, rig.reference, datetime.now(UTC))
    assert _new(sessions, seen) == ["certificate.removed"]


def test_the_life_of_a_binding(sessions: Sessions) -> None:
    rig, seen = serving_rig.bound(sessions), list[str]()
    assert "binding.added" in _new(sessions, seen)

    def sweep() -> None:
        lease = rig.world.leased(Binding, rig.ids[Binding])
        probes.sweep(sessions, rig.world.tools, [lease])

    sweep()
    rig.change(Server, configured_at=datetime.now(UTC) - timedelta(minutes=1))
    rig.change(Binding, served_server_id=rig.ids[Server], served_serial="0a")
    sweep()
    assert sorted(_new(sessions, seen)) == [
        *("binding.activated", "binding.healthy", "domain.activated"),
    ]
    sweep()
    assert _new(sessions, seen) == []  # as healthy as before
    rig.prober.sees = {"failure": Failure.CLOSED, "message": "the connection ended"}
    sweep()
    assert _new(sessions, seen) == ["binding.unhealthy"]
    sweep()
    assert _new(sessions, seen) == []
    with sessions.begin(rig.actor) as session:
        bindings.remove(session, rig.actor, ids.show("bnd", rig.ids[Binding]), datetime.now(UTC))
    assert "binding.removed" in _new(sessions, seen)


def _told(sessions: Sessions, count: int = 1, *, organization: int | None = None) -> int:
    """Tell of that many changes of one organization, each in a transaction of its own."""
    if organization is None:
        with sessions.begin(PLATFORM) as session:
            organization = rows.organization(session).id
        count -= 1
    for number in range(count):
        with sessions.begin(PLATFORM) as session:
            session.get_one(Organization, organization).name = f"name {number}"
    return organization


def test_numbers_are_dense_in_each_organization(sessions: Sessions) -> None:
    one, other = _told(sessions, 3), _told(sessions, 2)
    assert events.number(sessions) == 5
    assert events.number(sessions) == 0
    _told(sessions, 2, organization=one)
    found = read(sessions)
    assert [event.position for event in found] == [1, 2, 3, 4, 5, 6, 7]
    for organization, count in ((one, 5), (other, 2)):
        own = read(sessions, Actor(organization))
        assert [event.sequence for event in own] == list(range(1, count + 1))
        assert {event.organization_id for event in own} == {organization}


def test_a_reader_does_not_pass_what_commits_late(sessions: Sessions) -> None:
    """Ordered by the time of writing, the first transaction's event would be passed over."""
    if sessions.dialect == "sqlite":
        pytest.skip("one transaction writes at a time")
    one, other = _told(sessions), _told(sessions)
    with sessions.begin(PLATFORM) as late:
        late.execute(sa.update(Organization).where(Organization.id == one).values(name="late"))
        _told(sessions, 1, organization=other)
        known = read(sessions)
        ids_ = late.scalars(sa.select(Event.id).where(Event.position.is_(None))).all()
        assert ids_  # it is written, and nobody else sees it
        assert min(ids_) < max(event.id for event in known)
    (after,) = read(sessions, query=events.EventQuery(since=shown(known[-1])))
    assert after.after == {"name": "late"}


def test_a_tailing_reader_misses_nothing_of_concurrent_writers(sessions: Sessions) -> None:
    organizations_ = [_told(sessions) for _ in range(2)]
    writers, changes = (2, 6) if sessions.dialect == "sqlite" else (4, 15)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        chance = random.Random(number)
        try:
            for turn in range(changes):
                with sessions.begin(PLATFORM) as session:
                    owner = organizations_[(number + turn) % 2]
                    rows.application(session, session.get_one(Organization, owner),
                                     name=f"{number}.{turn}")  # fmt: skip
                    names = sa.update(Organization).where(Organization.id == -1)
                    session.execute(names.values(name="nobody"))
                    if sessions.dialect != "sqlite":
                        time.sleep(chance.random() * 0.01)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    seen: dict[Actor, list[Event]] = {Actor(one): [] for one in organizations_}
    while any(thread.is_alive() for thread in threads):
        _follow(sessions, seen)
    _follow(sessions, seen)
    assert not failures
    told = [one for found in seen.values() for one in found if one.type == "application.added"]
    assert sorted(one.after["name"] for one in told) == sorted(
        f"{number}.{turn}" for number in range(writers) for turn in range(changes)
    )
    for found in seen.values():
        assert [one.sequence for one in found] == list(range(1, len(found) + 1))


def _follow(sessions: Sessions, seen: dict[Actor, list[Event]]) -> None:
    for actor, found in seen.items():
        since = shown(found[-1]) if found else "start"
        found.extend(read(sessions, actor, events.EventQuery(since=since)))


def test_another_organization_sees_nothing(sessions: Sessions) -> None:
    mine, theirs = _told(sessions, 3), _told(sessions, 1)
    found = read(sessions, Actor(mine))
    own = read(sessions, Actor(theirs))
    assert len(own) == 1
    with sessions.begin(Actor(theirs), read_only=True) as session:
        with pytest.raises(NotFound):
            events.get(session, Actor(theirs), shown(found[0]))
        assert session.scalars(sa.select(Event.organization_id)).all() == [theirs]
        about = events.EventQuery(since="start", object=ids.show("org", mine))
        assert events.page(session, Actor(theirs), about, limit=10) == []


def test_a_tenant_can_change_and_remove_no_event(sessions: Sessions) -> None:
    mine = _told(sessions, 2)
    if sessions.dialect != "postgresql":
        pytest.skip("row-level security is PostgreSQL's")
    with sessions.begin(Actor(mine)) as session:
        connection = session.connection()
        table: Any = Event.__table__
        assert connection.execute(sa.update(table).values(type="x")).rowcount == 0
        assert connection.execute(sa.delete(table)).rowcount == 0
        assert connection.execute(sa.select(EventCounter.__table__.c.stream)).all() == []


def test_the_newest_come_first_without_a_place(sessions: Sessions) -> None:
    mine = Actor(_told(sessions, 5))
    events.number(sessions)
    with sessions.begin(mine, read_only=True) as session:
        newest = events.page(session, mine, events.EventQuery(), limit=2)
        assert [one.sequence for one in newest] == [5, 4, 3]
        older = events.EventQuery(before=shown(newest[1]))
        assert [one.sequence for one in events.page(session, mine, older, limit=2)] == [3, 2, 1]
        assert events.newest(session, mine) == shown(newest[0])
        assert events.page(session, mine, events.EventQuery(since="now"), limit=2) == ()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "event_reference_invalid"),
        ({"before": "dom_1"}, "event_reference_invalid"),
        ({"types": ("domain.eaten",)}, "event_type_unknown"),
        ({"types": ("*",)}, "event_type_unknown"),
        ({"object": "evt_00000000000000"}, "event_object_invalid"),
        ({"object": "shop.example.com"}, "event_object_invalid"),
    ],
)
def test_a_wrong_question_is_refused(
    migrated_sqlite_url: str, query: dict[str, Any], code: str
) -> None:
    made = sessions_over(migrated_sqlite_url)
    with made.begin(PLATFORM) as session, pytest.raises(Invalid) as refused:
        events.page(session, PLATFORM, events.EventQuery(**query), limit=5)
    assert refused.value.code == code
    made.dispose()


def test_old_events_are_purged_in_pieces(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_OLDEST", events._OLDEST.limit(3))
    monkeypatch.setattr(events, "_PIECE", 3)
    mine = Actor(_told(sessions, 10))
    events.number(sessions)
    with sessions.begin(PLATFORM) as session:
        old = datetime.now(UTC) - 91 * DAY
        session.execute(sa.update(Event).where(Event.position <= 7).values(at=old))
    assert events.tidy(sessions, 90 * DAY) == 7
    left = read(sessions, mine)
    assert [one.sequence for one in left] == [8, 9, 10]
    _told(sessions, 1, organization=mine.organization_id)
    assert [one.sequence for one in read(sessions, mine)] == [8, 9, 10, 11]
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.update(Event).values(at=datetime.now(UTC) - 91 * DAY))
    assert events.tidy(sessions, 90 * DAY) == 4
    _told(sessions, 1, organization=mine.organization_id)
    (after,) = read(sessions, mine)  # numbers go on, though nothing is left
    assert after.sequence == 12
