"""What an event costs the transaction that tells of it: one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models.told_rows import Rows

from nameplate.db import Sessions
from nameplate.models import Domain, Record


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
