"""SQLite finds rows by the index that is right, whatever it knows of the tables."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, database_now, refresh_statistics
from nameplate.leases import Window, due
from nameplate.models import Domain, Record
from nameplate.models.records import digest
from nameplate.usecases.dns import wanted
from nameplate.worker.handlers import HANDLERS
from tests.databases import sessions_over
from tests.models import world

DOMAINS, RECORDS = 40, 30


def _fill(sessions: Sessions, domains: int, records: int) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        for number in range(domains):
            row = world.domain(session, owner, f"d{number}.example")
            same = {
                "organization_id": owner.id, "organization_domain_id": row.id, "ttl": 300,
                "record_type": "TXT", "value": "x", "value_digest": digest("x"),
            }  # fmt: skip
            names = [{"name": f"n{n}", **same} for n in range(records)]
            session.execute(sa.insert(Record), names)


def _count(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        refresh_statistics(session, database_now(session))


def _ways(sessions: Sessions, look: Callable[[Session], object]) -> str:
    """Return how the rows are searched that `look` asks for."""
    with sessions.begin(PLATFORM) as session:
        ran: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            ran.append((statement, parameters))

        sa.event.listen(session.get_bind(), "before_cursor_execute", note)
        look(session)
        sa.event.remove(session.get_bind(), "before_cursor_execute", note)
        explain = session.connection().exec_driver_sql
        plans = [explain(f"EXPLAIN QUERY PLAN {text}", given) for text, given in ran]
        return "\n".join(step[3] for plan in plans for step in plan)


def _records_of_one(session: Session) -> object:
    row = session.scalars(Domain.visible(PLATFORM).limit(1)).one()
    return wanted.lines(session, row)


def _what_is_due(session: Session) -> object:
    return due(session, tuple(Window(handler.kind, 48) for handler in HANDLERS))


def test_a_domain_is_found_among_many(migrated_sqlite_url: str) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    _fill(sessions, DOMAINS, RECORDS)
    assert "organization_domain_id=?" in _ways(sessions, _records_of_one)
    _count(sessions)
    sessions.dispose()
    assert "organization_domain_id=?" in _ways(sessions, _records_of_one)
    assert "SCAN dns_records" not in _ways(sessions, _what_is_due)


def test_what_is_due_is_never_looked_for_in_whole_tables(migrated_sqlite_url: str) -> None:
    """What is known of a small table would stay known to a connection while the table grows."""
    sessions = sessions_over(migrated_sqlite_url)
    _fill(sessions, 1, 2)
    before = _ways(sessions, _what_is_due)
    assert "SCAN dns_records" not in before
    _count(sessions)
    sessions.dispose()
    assert _ways(sessions, _what_is_due) == before
