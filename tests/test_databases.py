"""A database that is lent to one test after the other comes back without rows, and as it was."""

import pytest
import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.db import engine
from nameplate.models import Model
from tests.conftest import FOLDER
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.servers import mariadb, postgresql
from tests.servers.shared import Shareable, shared

SERVERS: dict[str, type[Shareable]] = {
    "postgresql": postgresql.PostgreSQL,
    "mariadb": mariadb.MariaDB,
}


def _filled(url: str) -> set[str]:
    sessions = sessions_over(url)
    with sessions.begin(PLATFORM) as session:
        filled = {
            name
            for name, table in Model.metadata.tables.items()
            if session.scalar(sa.select(sa.func.count()).select_from(table))
        }
    sessions.dispose()
    return filled


@pytest.mark.parametrize("kind", SERVERS)
def test_it_comes_back_without_rows(
    request: pytest.FixtureRequest, templates: Templates, kind: str
) -> None:
    port = shared(request.config.stash[FOLDER], SERVERS[kind])["port"]
    lend = getattr(templates, kind)
    with lend(port) as first:
        sessions = sessions_over(first)
        with sessions.begin(PLATFORM) as session:
            world.everything(session, world.organization(session))
        assert len(_filled(first)) > 10
        left = sessions.system_engine.connect()  # somebody forgets a transaction
        left.execute(sa.text("SELECT 1"))
    with lend(port) as second:
        assert second == first
        assert _filled(second) == set()
        if kind == "postgresql":
            again = sessions_over(second)
            with again.begin(PLATFORM) as session:
                assert world.organization(session).id == 1
            again.dispose()
    left.invalidate()
    left.close()
    sessions.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE domain_verifications ADD COLUMN more int",
        "ALTER TABLE dns_records ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE dns_records NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE more (id int)",
        "REVOKE SELECT ON dns_records FROM nameplate_app",
        "UPDATE nameplate_version SET version_num = 'x'",
    ],
)
def test_with_another_schema_it_is_not_lent_again(
    request: pytest.FixtureRequest, templates: Templates, change: str
) -> None:
    port = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)["port"]
    with templates.postgresql(port) as first:
        owner = engine(first)
        with owner.begin() as connection:
            connection.execute(sa.text(change))
        owner.dispose()
    with templates.postgresql(port) as second:
        assert second != first
