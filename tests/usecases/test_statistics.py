"""A domain's records are found by the domain, however many others its organization has."""

import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world

from nameplate.core.actor import PLATFORM
from nameplate.db import count_again, database_now
from nameplate.models import Domain, Record
from nameplate.models.records import digest
from nameplate.usecases import wanted

DOMAINS, RECORDS = 40, 25


def test_sqlite_learns_how_many_records_a_domain_has(migrated_sqlite_url):
    sessions = sessions_over(migrated_sqlite_url)
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        for number in range(DOMAINS):
            row = world.domain(session, owner, f"d{number}.example")
            same = {
                "organization_id": owner.id, "organization_domain_id": row.id, "ttl": 300,
                "record_type": "TXT", "value": "x", "value_digest": digest("x"),
            }  # fmt: skip
            names = [{"name": f"n{n}", **same} for n in range(RECORDS)]
            session.execute(sa.insert(Record), names)
    assert "organization_domain_id=?" not in _way(sessions), "nothing to learn"
    with sessions.begin(PLATFORM) as session:
        count_again(session, database_now(session))
    sessions.dispose()
    assert "organization_domain_id=?" in _way(sessions)


def _way(sessions):
    """Return how the records of one domain are searched."""
    with sessions.begin(PLATFORM) as session:
        row = session.scalars(Domain.visible(PLATFORM).limit(1)).one()
        ran = []

        def note(_connection, _cursor, statement, parameters, *_):
            ran.append((statement, parameters))

        sa.event.listen(session.get_bind(), "before_cursor_execute", note)
        assert len(wanted.lines(session, row)) == RECORDS
        sa.event.remove(session.get_bind(), "before_cursor_execute", note)
        (found,) = [one for one in ran if "FROM dns_records" in one[0]]
        explained = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {found[0]}", found[1])
        return " ".join(step[3] for step in explained)
