"""What an event costs the transaction that tells of it: one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models.told_rows import Rows

from nameplate.db import Sessions
from nameplate.models import Domain, Record, telling_many


@pytest.fixture
def rows(sessions: Sessions) -> Rows:
    return Rows(sessions)


@contextmanager
def counted(sessions: Sessions) -> Iterator[list[str]]:
    """Collect the statements that are sent to the database."""
    sent: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    sa.event.listen(sessions.system_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sessions.system_engine, "before_cursor_execute", note)


def test_it_costs_one_statement(rows: Rows) -> None:
    def change(session: Session) -> None:
        for row in session.scalars(sa.select(Domain)):
            row.auto_renew = not row.auto_renew
        for record in session.scalars(sa.select(Record)):
            record.ttl += 1
        session.flush()

    with counted(rows.sessions) as sent:
        rows.change(change)
    mine = [one for one in sent if "events" in one and "max(" not in one]
    assert [one.split()[0] for one in mine] == ["INSERT", "SELECT"]  # the second is the test's

    def without(session: Session) -> None:
        session.execute(sa.update(Record).values(ttl=Record.ttl + 1))

    with counted(rows.sessions) as sent:
        rows.change(without)
    assert len([one for one in sent if one.startswith("INSERT INTO events")]) == 1


def test_statements_of_one_form_tell_their_own_values(rows: Rows) -> None:
    own = rows.ids[Record]

    def told(row_ids: list[int], ttl: int, reason: str) -> list[tuple[str, Any, Any]]:
        def change(session: Session) -> None:
            where = Record.id.in_(row_ids), Record.value.like(f"%{reason[:0]}")
            session.execute(sa.update(Record).where(*where).values(ttl=ttl, error_message=reason))
            session.execute(sa.update(Record).where(*where).values(error_message=None))

        return [(one.type, one.before, one.after) for one in rows.change(change)]

    failed = "record.failed"
    first = told([own], 301, "one")
    assert [one[0] for one in first] == [failed, "record.changed"]
    assert first[1][1:] == ({"ttl": 3600}, {"ttl": 301})
    again = told([own, 0], 302, "two")
    assert again[0][2]["error_message"] == "two"
    assert again[1][1:] == ({"ttl": 301}, {"ttl": 302})
    assert [one[0] for one in told([own], 302, "three")] == [failed]  # the same time to live
    assert told([0], 303, "four") == []
    assert told([], 303, "five") == []


def test_the_statement_of_one_form_is_made_once(rows: Rows) -> None:
    made: list[int] = []

    def change(session: Session) -> None:
        where = Record.id == rows.ids[Record]
        for ttl in range(400, 404):
            session.execute(sa.update(Record).where(where).values(ttl=ttl))
            made.append(len(telling_many._KNOWN))

    assert len(rows.change(change)) == 4
    assert len(set(made)) == 1
