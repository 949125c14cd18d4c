"""Where a schema stands and what went wrong, in words; revisions are tested in tests/migrations."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core.errors import Conflict, Invalid, NotFound, NotPermitted, Refused, Unavailable
from nameplate.database_errors import explain
from nameplate.usecases.operations import schema


def test_up_and_down_tell_where_it_stands(sqlite_url: str) -> None:
    head = schema.history()[0].id
    assert schema.current(sqlite_url) is None
    assert schema.upgrade(sqlite_url) == schema.current(sqlite_url) == head
    assert schema.upgrade(sqlite_url) == head
    assert schema.downgrade(sqlite_url, revision="-1") == schema.history()[1].id
    assert schema.downgrade(sqlite_url, revision="base") is None


def test_the_history_is_one_line_from_the_newest() -> None:
    found = schema.history()
    assert [one.is_head for one in found] == [True, *([False] * (len(found) - 1))]
    assert [one.parent for one in found] == [*(one.id for one in found[1:]), None]
    assert all(one.title and not one.title.endswith(".") for one in found)


def test_statements_are_printed_without_a_database() -> None:
    text = schema.sql("postgresql://nobody@127.0.0.1:1/none")
    assert "CREATE TABLE organizations" in text
    assert "ROW LEVEL SECURITY" in text
    assert "ROW LEVEL SECURITY" not in schema.sql("mariadb://nobody@127.0.0.1:1/none")
    newest, before = schema.history()[:2]
    part = schema.sql("sqlite:///none", newest.id, before.id)
    assert len(part) < len(schema.sql("sqlite:///none"))


@pytest.mark.parametrize("revision", ["nothing", "", "+99999", "head:base"])
def test_unknown_revisions_are_refused_before_anything_happens(
    sqlite_url: str, revision: str
) -> None:
    with pytest.raises((NotFound, Conflict)):
        schema.upgrade(sqlite_url, revision)
    assert schema.current(sqlite_url) is None


def test_an_address_is_never_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        schema.current("nonsense:secret@host")
    assert caught.value.code == "database_url_invalid"
    assert "secret" not in caught.value.detail


def test_what_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Invalid) as caught:
        schema.upgrade(f"sqlite:///{file}")
    assert caught.value.code == "database_file_invalid"


class PostgresqlError(Exception):
    """What psycopg raises, as far as it is looked at."""

    def __init__(self, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("cause", "kind", "code"),
    [
        (PostgresqlError("x", "28P01"), NotPermitted, "database_login_refused"),
        (PostgresqlError("x", "3D000"), NotFound, "database_absent"),
        (PostgresqlError("x", "55P03"), Conflict, "database_busy"),
        (PostgresqlError("password authentication failed"), NotPermitted, "database_login_refused"),
        (PostgresqlError("connection refused"), Unavailable, "database_unavailable"),
        (PostgresqlError("x", "XX000"), Refused, "database_failed"),
        (Exception(1045, "x"), NotPermitted, "database_login_refused"),
        (Exception(1205, "x"), Conflict, "database_busy"),
        (Exception(2003, "x"), Unavailable, "database_unavailable"),
        (Exception("database is locked"), Conflict, "database_busy"),
        (Exception("attempt to write a readonly database"), Refused, "database_read_only"),
    ],
)
def test_drivers_are_translated(cause: Any, kind: type[Exception], code: str) -> None:
    error = sa.exc.DBAPIError("SELECT 'secret'", {}, cause)
    found = explain(error)
    assert (type(found), found.code) == (kind, code)
    assert "secret" not in found.detail
