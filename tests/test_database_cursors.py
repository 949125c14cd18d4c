"""The lazy description of psycopg's cursor, against the one that it replaces."""

import psycopg
import pytest
import sqlalchemy as sa

from nameplate.database_cursors import LazyCursor
from nameplate.db import engine

STATEMENTS = {
    "typed columns": "SELECT 1 AS id, 'a'::text AS name, now() AS at, '{\"k\": 1}'::jsonb AS data",
    "names twice": "SELECT 1 AS x, 2 AS x",
    "no rows": "SELECT 1 AS id WHERE false",
    "no columns": "SELECT",
    "no result": "SET LOCAL lock_timeout = 0",
}


@pytest.fixture
def connection(postgresql_url):
    url = sa.make_url(postgresql_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as opened:
        yield opened


def described(cursor):
    columns = cursor.description
    return None if columns is None else (len(columns), [tuple(column) for column in columns])


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_it_describes_what_psycopg_describes(connection, statement):
    assert described(LazyCursor(connection).execute(statement)) == described(
        psycopg.Cursor(connection).execute(statement)
    )


def test_rows_carry_their_names_through_sqlalchemy(postgresql_url):
    made = engine(postgresql_url)
    with made.connect() as opened:
        row = opened.execute(sa.text(STATEMENTS["typed columns"])).mappings().one()
        assert (row["id"], row["name"], row["data"]) == (1, "a", {"k": 1})
        assert opened.execute(sa.text(STATEMENTS["no rows"])).all() == []
        assert not opened.execute(sa.text(STATEMENTS["no result"])).returns_rows
    made.dispose()
