"""The snapshot follows the rows, on every database, and knows when it cannot."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa
from tests.databases import sessions_over
from tests.edge.asgi import get
from tests.models import world
from tests.models.world import NOW
from tests.servers import postgresql

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.edge import create
from nameplate.edge.app import App
from nameplate.edge.feed import Feed
from nameplate.models import Application, Binding, Domain, Organization
from nameplate.models.deletion import soft_delete

NAMES = ("acme.com", "shop.acme.com", "*.acme.com")


def populate(sessions: Sessions) -> dict[str, int]:
    """Make one organization that serves three hosts since long ago; return the ids of its rows."""
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        app = world.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
        claim = world.domain(session, owner, status=DomainStatus.ACTIVE)
        active = BindingStatus.ACTIVE
        subdomains = (None, "shop", "*")
        rows = [
            world.binding(session, app, claim, hostname=name, subdomain=label, status=active)
            for name, label in zip(NAMES, subdomains, strict=True)
        ]
        long_ago = database_now(session) - timedelta(hours=1)
        for kind in (Organization, Application, Domain, Binding):
            session.execute(sa.update(kind).values(updated_at=long_ago))
        return {
            "organization": owner.id,
            "application": app.id,
            "domain": claim.id,
            **{row.hostname: row.id for row in rows},
        }


def served(feed: Feed) -> list[str]:
    """Return which of the hosts are routed; the wildcard is asked for by a name below it."""
    snapshot = feed.snapshot
    assert snapshot is not None
    asked = {"acme.com": "acme.com", "shop.acme.com": "shop.acme.com", "*.acme.com": "x.acme.com"}
    return [name for name in NAMES if snapshot.route(asked[name])]


def change(sessions: Sessions, act: Callable[[sa.orm.Session], object]) -> None:
    with sessions.begin(PLATFORM) as session:
        act(session)


REVOCATIONS: dict[str, Callable[[sa.orm.Session, dict[str, int]], object]] = {
    "domain suspended": lambda s, ids: s.get_one(Domain, ids["domain"]).suspend(
        "abuse", NOW, by_platform=True
    ),
    "domain lapsed": lambda s, ids: s.get_one(Domain, ids["domain"]).lapse("proof gone"),
    "domain released": lambda s, ids: soft_delete(s, s.get_one(Domain, ids["domain"]), NOW),
    "application deleted": lambda s, ids: soft_delete(
        s, s.get_one(Application, ids["application"]), NOW
    ),
    "organization deleted": lambda s, ids: soft_delete(
        s, s.get_one(Organization, ids["organization"]), NOW
    ),
    "organization switched off": lambda s, ids: setattr(
        s.get_one(Organization, ids["organization"]), "is_active", False
    ),
    "upstream taken away": lambda s, ids: setattr(
        s.get_one(Application, ids["application"]), "upstream_host", None
    ),
}


def test_every_revocation_is_seen_at_the_next_look(sessions: Sessions) -> None:
    for reason, revoke in REVOCATIONS.items():
        ids = populate(sessions)
        feed = Feed(sessions)
        feed.refresh()
        assert served(feed) == list(NAMES), reason
        change(sessions, lambda s, ids=ids, revoke=revoke: revoke(s, ids))  # type: ignore[misc]  # bound now
        feed.refresh()
        assert served(feed) == [], reason
        assert feed.snapshot is not None
        assert not any(feed.snapshot.ask(name) for name in NAMES), reason
        change(sessions, lambda s, ids=ids: _remove(s, ids))  # type: ignore[misc]  # bound now


def _remove(session: sa.orm.Session, ids: dict[str, int]) -> None:
    session.execute(sa.delete(Organization).where(Organization.id == ids["organization"]))


def test_single_bindings_come_go_and_move(sessions: Sessions) -> None:
    ids = populate(sessions)
    feed = Feed(sessions)
    feed.refresh()
    change(sessions, lambda s: s.get_one(Binding, ids["acme.com"]).disable("off"))
    feed.refresh()
    assert served(feed) == ["shop.acme.com", "*.acme.com"]
    change(sessions, lambda s: soft_delete(s, s.get_one(Binding, ids["*.acme.com"]), NOW))
    change(sessions, lambda s: setattr(s.get_one(Binding, ids["shop.acme.com"]), "port", 9))
    feed.refresh()
    assert served(feed) == ["shop.acme.com"]
    assert feed.snapshot is not None
    match = feed.snapshot.route("shop.acme.com")
    assert match is not None
    assert match.route.targets[0].upstream == "10.0.0.1:9"
    change(sessions, lambda s: s.get_one(Binding, ids["acme.com"]).enable())
    change(sessions, lambda s: s.get_one(Binding, ids["acme.com"]).configure())
    feed.refresh()
    assert served(feed) == ["shop.acme.com"]
    assert feed.snapshot.ask("acme.com")


def test_a_look_without_news_keeps_the_snapshot(sessions: Sessions) -> None:
    ids = populate(sessions)
    feed = Feed(sessions)
    feed.refresh()
    change(sessions, lambda s: s.get_one(Domain, ids["domain"]).fail("x"))
    time.sleep(1.1)
    feed.refresh()
    snapshot = feed.snapshot
    feed.refresh()
    assert feed.snapshot is snapshot


def test_a_full_load_finds_what_nobody_told(migrated_sqlite_url: str) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    ids = populate(sessions)
    feed = Feed(sessions, poll=0.05, reload=0.3)
    feed.start()
    try:
        assert within(5, lambda: feed.snapshot is not None and len(served(feed)) == 3)
        change(sessions, lambda s: _remove(s, ids))  # rows that are gone tell no time
        assert within(5, lambda: served(feed) == [])
    finally:
        feed.stop()
        sessions.dispose()


def test_revoked_within_seconds(sessions: Sessions) -> None:
    ids = populate(sessions)
    edge = create(sessions, secret=Secret("s"))
    headers = ((b"x-nameplate-edge-secret", b"s"),)

    def ask() -> int:
        return get(edge.app, "/edge/ask", b"domain=acme.com", headers=headers)[0]

    assert ask() == 503
    edge.start()
    try:
        assert within(5, lambda: ask() == 200)
        change(
            sessions,
            lambda s: s.get_one(Domain, ids["domain"]).suspend("abuse", NOW, by_platform=True),
        )
        assert within(5, lambda: ask() == 404)
    finally:
        edge.stop()


def test_a_notification_wakes_the_feed(migrated_postgresql_url: str) -> None:
    sessions = sessions_over(migrated_postgresql_url)
    ids = populate(sessions)
    feed = Feed(sessions, poll=60)
    feed.start()
    try:
        _await_listener(migrated_postgresql_url)
        assert within(5, lambda: feed.snapshot is not None and len(served(feed)) == 3)
        time.sleep(0.5)  # past the look that every new listener begins with
        change(
            sessions,
            lambda s: s.get_one(Domain, ids["domain"]).suspend("abuse", NOW, by_platform=True),
        )
        assert within(5, lambda: served(feed) == [])
    finally:
        feed.stop()
        sessions.dispose()


def test_revoked_when_the_notification_is_lost(migrated_postgresql_url: str) -> None:
    sessions = sessions_over(migrated_postgresql_url)
    populate(sessions)
    feed = Feed(sessions)
    feed.start()
    try:
        assert within(5, lambda: feed.snapshot is not None and len(served(feed)) == 3)
        _await_listener(migrated_postgresql_url)
        with _administrator(migrated_postgresql_url) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity" + LISTENING)
            # Written past every session: nobody announces it.
            connection.execute("UPDATE organizations SET is_active = false, updated_at = now()")
        assert within(5, lambda: served(feed) == [])
        _await_listener(migrated_postgresql_url)
    finally:
        feed.stop()
        sessions.dispose()


def test_the_database_goes_away_and_comes_back(migrated_postgresql_url: str) -> None:
    sessions = sessions_over(migrated_postgresql_url)
    ids = populate(sessions)
    skipped = 0.0
    feed = Feed(sessions, poll=0.1, clock=lambda: time.monotonic() + skipped)
    app = App(feed)

    def answers() -> tuple[int, int]:
        ask, route = (
            get(app, "/edge/ask", b"domain=acme.com"),
            get(app, "/edge/route", b"host=acme.com"),
        )
        return ask[0], route[0]

    feed.start()
    try:
        assert within(5, lambda: answers() == (200, 200))
        with _closed(migrated_postgresql_url):
            skipped = 11.0  # as if ten seconds had passed
            time.sleep(0.5)
            assert answers() == (503, 200)
            skipped = 601.0
            assert answers() == (503, 503)
        assert within(10, lambda: answers() == (200, 200))
        change(sessions, lambda s: s.get_one(Binding, ids["acme.com"]).disable("off"))
        assert within(5, lambda: answers() == (404, 404))
    finally:
        feed.stop()
        sessions.dispose()


LISTENING = " WHERE datname = current_database() AND query LIKE 'LISTEN %'"


def _await_listener(url: str) -> None:
    with _administrator(url) as connection:
        count = "SELECT count(*) FROM pg_stat_activity" + LISTENING
        assert within(5, lambda: connection.execute(count).fetchone() == (1,))


@contextmanager
def _closed(url: str) -> Iterator[None]:
    """Take the database away: no connection survives and none is accepted."""
    name = sa.make_url(url).database
    with _administrator(url, "postgres") as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def _administrator(url: str, database: str | None = None):
    place = sa.make_url(url)
    assert place.port is not None
    return postgresql.admin(place.port, database or place.database or "")


def within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
