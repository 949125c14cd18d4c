"""Statements for many rows at once, and equal changes of several domains in one of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import RecordStatus
from nameplate.db import Sessions
from nameplate.models import Domain, DomainReadiness, Record
from nameplate.usecases.dns import writes
from nameplate.usecases.dns.writes import Writes


@pytest.fixture
def domains(session: Session) -> list[Domain]:
    owner = world.organization(session)
    return [world.domain(session, owner, f"shop{n}.com") for n in range(3)]


@contextmanager
def updates(session: Session) -> Iterator[list[str]]:
    found: list[str] = []

    def seen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE dns_records"):
            found.append(statement)

    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        event.remove(bind, "before_cursor_execute", seen)


def test_equal_changes_of_several_domains_are_one_statement(
    session: Session, domains: list[Domain]
) -> None:
    rows = [world.record(session, domain, name="www") for domain in domains]
    session.flush()
    with updates(session) as made, Writes(session) as gathered:
        for domain, row in zip(domains, rows, strict=True):
            gathered.change(Record.confirming, NOW, of=domain.id, ids=[row.id])
        assert not made, "nothing is written before the end"
    assert len(made) == 1
    session.expire_all()
    assert {row.status for row in rows} == {RecordStatus.ACTIVE}


def test_each_domain_is_worked_out_anew(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        made = [world.domain(session, owner, f"shop{n}.com") for n in range(3)]
        records = {one.id: world.record(session, one, name="www").id for one in made[:2]}
        session.flush()
    with sessions.begin(PLATFORM) as session:
        session.connection().execute(sa.update(DomainReadiness).values(changes=0))
    with sessions.begin(PLATFORM) as session, Writes(session) as gathered:
        for domain_id, record_id in records.items():
            gathered.change(Record.confirming, NOW, of=domain_id, ids=[record_id])
    with sessions.begin(PLATFORM) as session:
        own = DomainReadiness.organization_domain_id
        counted = session.execute(sa.select(own, DomainReadiness.changes)).all()
    assert {row[0]: row[1] for row in counted} == {**dict.fromkeys(records, 1), made[2].id: 0}


def test_changes_that_differ_are_statements_of_their_own_in_their_order(
    session: Session, domains: list[Domain]
) -> None:
    row = world.record(session, domains[0], name="www")
    session.flush()
    with Writes(session) as gathered:
        gathered.change(Record.confirming, NOW, of=domains[0].id, ids=[row.id])
        gathered.change(Record.failing, "No.", of=domains[0].id, ids=[row.id])
        gathered.change(Record.failing, "Nobody's.", of=domains[0].id, ids=[])
    session.expire_all()
    assert (row.status, row.error_message) == (RecordStatus.ERROR, "No.")


def test_nothing_is_written_after_a_failure(session: Session, domains: list[Domain]) -> None:
    row = world.record(session, domains[0], name="www")
    session.flush()

    def fail() -> None:
        with Writes(session) as gathered:
            gathered.change(Record.confirming, NOW, of=domains[0].id, ids=[row.id])
            raise LookupError

    with updates(session) as made, pytest.raises(LookupError):
        fail()
    assert not made


def test_ids_in_a_row_are_one_range(session: Session, domains: list[Domain]) -> None:
    many = [world.record(session, domains[0], name=f"n{n}").id for n in range(120)]
    left = {many[60], many[118]}
    ids = [id_ for id_ in many if id_ not in left]
    assert len(list(writes._runs(ids))) == 3
    writes.each(session, sa.update(Record).values(notes="x"), Record.id, ids)
    session.expire_all()
    marked = session.scalars(sa.select(Record.id).where(Record.notes == "x")).all()
    assert set(marked) == set(ids)
