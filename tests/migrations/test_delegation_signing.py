"""Registrations with name servers and DS records, before and after the version that keeps them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_12_07_0410", "2026_12_07_0420"
SEEN = ["2371 13 2 " + "248D" * 16]


@pytest.fixture
def made(database_url: str) -> Iterator[sa.Engine]:
    made = engine(database_url)
    yield made
    made.dispose()


def test_rows_keep_what_both_versions_have(database_url: str, made: sa.Engine) -> None:
    schema.upgrade(database_url, BEFORE)
    _run(made, _fill)
    schema.upgrade(database_url, AFTER)
    rows = _run(made, _rows)
    assert [(one["name"], json.loads(one["name_servers"])) for one in rows] == [
        ("a.test", ["ns1.example.net"]), ("b.test", ["ns1.example.net"]),
    ]  # fmt: skip
    # Of a name that is there already a signed zone's records are published, and nothing is known yet.
    assert [bool(one["publishes_ds"]) for one in rows] == [True, True]
    assert {one[name] for one in rows for name in ("ds_seen", "ds_wanted", "parent_servers")} == {
        None
    }
    assert "act_pending_until" not in rows[0]
    change = (
        "UPDATE registrations SET ds_seen = :seen, publishes_ds = :no, ds_withdrawn_at = updated_at"
    )
    _run(made, lambda one: one.execute(sa.text(change), {"seen": json.dumps(SEEN), "no": False}))
    schema.downgrade(database_url, revision=BEFORE)
    rows = _run(made, _rows)
    assert [one["name"] for one in rows] == ["a.test", "b.test"]
    assert {one["act_pending_until"] for one in rows} == {None}
    assert "ds_seen" not in rows[0]
    schema.upgrade(database_url, AFTER)
    assert [bool(one["publishes_ds"]) for one in _run(made, _rows)] == [True, True]


def _run(made: sa.Engine, work: Any) -> Any:
    with made.begin() as connection:
        if connection.dialect.name == "postgresql":
            for table in ("organizations", "registrations"):
                connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
        return work(connection)


def _fill(connection: sa.Connection) -> None:
    _insert(connection, "organizations", id=1, name="acme", slug="acme", challenge_seed="1" * 48)
    servers = json.dumps(["ns1.example.net"])
    for number, name in enumerate(("a.test", "b.test"), 1):
        _insert(
            connection, "registrations",
            id=number, organization_id=1, name=name, status="active", name_servers=servers,
        )  # fmt: skip
    pending = "UPDATE registrations SET act_pending_until = updated_at WHERE id = 1"
    connection.execute(sa.text(pending))


def _rows(connection: sa.Connection) -> list[dict[str, Any]]:
    text = "CAST(name_servers AS CHAR(200))"
    query = sa.text(f"SELECT r.*, {text} AS name_servers FROM registrations r ORDER BY id")
    return [dict(one) for one in connection.execute(query).mappings()]


def _insert(connection: sa.Connection, table: str, **columns: Any) -> None:
    named, given = ", ".join(columns), ", ".join(f":{one}" for one in columns)
    connection.execute(sa.text(f"INSERT INTO {table} ({named}) VALUES ({given})"), columns)
