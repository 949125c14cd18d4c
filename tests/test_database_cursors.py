"""The lazy description of psycopg's cursor, and what it keeps of statements, against what they replace."""

import psycopg
import pytest
import sqlalchemy as sa

from nameplate import database_cursors
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


@pytest.mark.parametrize("text", ["", "x" * 5000], ids=["short", "longer than psycopg keeps"])
def test_a_statement_that_comes_again_has_its_new_parameters(connection, text):
    statement = f"SELECT %(b)s::int, %(a)s::int, %(b)s::int, '100%%', '{text}'"
    cursor = LazyCursor(connection)
    for a, b in ((1, 2), (3, 4), (None, 5)):
        row = cursor.execute(statement, {"a": a, "b": b}).fetchone()
        assert row == (b, a, b, "100%", text)
    with pytest.raises(psycopg.ProgrammingError, match="missing: b"):
        cursor.execute(statement, {"a": 1})


def test_parameters_by_position_are_as_psycopg_has_them(connection):
    cursor = LazyCursor(connection)
    for pair in ((1, 2), (3, 4)):
        assert cursor.execute("SELECT %s::int, %s::int", pair).fetchone() == pair
    assert cursor.execute("SELECT '100%'").fetchone() == ("100%",)


def test_statements_that_are_kept_are_not_more_and_more(connection, monkeypatch):
    monkeypatch.setattr("nameplate.database_cursors._MOST", 3)
    cursor = LazyCursor(connection)
    for number in range(10):
        row = cursor.execute(f"SELECT {number}, %(a)s::int", {"a": number}).fetchone()
        assert row == (number, number)
        assert len(database_cursors._KEPT) <= 3
