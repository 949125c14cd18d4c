"""The database refuses numbers out of range and empty names, and mends what it had of them."""

import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world

from nameplate.core.actor import PLATFORM
from nameplate.models import Application, Record, metadata
from nameplate.models.ranges import FILLED, RANGES
from nameplate.usecases.operations import schema

BEFORE = "2026_11_28_1940"
WRONG = [
    *((t, c, n) for t, cs in RANGES.items() for c, (a, b) in cs.items() for n in (a - 1, b + 1)),
    *((table, column, "") for table, columns in FILLED.items() for column in columns),
]


def _rows(session: Session) -> None:
    owner = world.organization(session)
    domain = world.domain(session, owner)
    world.binding(session, world.application(session, owner), domain)
    world.ledger_entry(session, world.account(session, owner), domain)
    world.server(session, owner)
    world.server_group(session, owner)
    world.record(session, domain)
    session.flush()


def test_what_is_out_of_range_is_refused(session: Session) -> None:
    _rows(session)
    refused: list[bool] = []
    for table, column, value in WRONG:
        if value == 2**31 and session.connection().dialect.name != "sqlite":
            continue  # no number of the column's type
        change = sa.update(metadata.tables[table]).values({column: value})
        try:
            with session.connection().begin_nested():
                session.connection().execute(change)
        except sa.exc.DBAPIError as error:
            refused.append(f"{table}_{column}" in str(error.orig))
        else:
            refused.append(False)
        assert all(refused), (table, column, value)


def test_what_was_out_of_range_before_is_mended(migrated_url: str) -> None:
    sessions = sessions_over(migrated_url)
    with sessions.begin(PLATFORM) as made:
        _rows(made)
    schema.downgrade(migrated_url, revision=BEFORE)
    with sessions.begin(PLATFORM) as broken:
        records, applications = metadata.tables["dns_records"], metadata.tables["applications"]
        wrong = sa.update(records).values(priority=70_000, weight=-1, name="")
        broken.connection().execute(wrong)
        broken.connection().execute(sa.update(applications).values(upstream_port=0, name=""))
    schema.upgrade(migrated_url)
    with sessions.begin(PLATFORM) as read:
        record, application = (
            read.scalars(sa.select(Record)).one(),
            read.scalars(sa.select(Application)).one(),
        )
        assert (record.priority, record.weight, record.name) == (65_535, 0, "unnamed")
        assert (application.upstream_port, application.name) == (1, "unnamed")
    sessions.dispose()
