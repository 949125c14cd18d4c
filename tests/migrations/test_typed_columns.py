"""References and moments out of JSON: both ways, with rows as former versions left them."""

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_11_28_1020", "2026_11_28_1730"
OWN, PLATFORM, FOREIGN = 11, 12, 13
HOSTED = {"name_servers": ["ns1.example.net"], "hostmaster": "hostmaster.ns1.example.net"}

DOMAINS = {
    "own": ({"account_id": OWN, "zone": None}, OWN, {"zone": None}),
    "found": ({"account_id": OWN, "zone": "acme.com"}, OWN, {"zone": "acme.com"}),
    "hosted": (
        {"account_id": PLATFORM, "zone": "acme.com", "hosted": HOSTED},
        PLATFORM,
        {"zone": "acme.com", "hosted": HOSTED},
    ),
    "manual": ({"automatic": False}, None, {"automatic": False}),
    "bare": ({"account_id": OWN}, OWN, None),
    "hosts-own": ({"account_id": OWN, "dnssec": {"on": True}}, OWN, {"dnssec": {"on": True}}),
    "none": (None, None, None),
    "dangling": ({"account_id": 999, "zone": "acme.com"}, None, {"zone": "acme.com"}),
    "foreign": ({"account_id": FOREIGN, "zone": "acme.com"}, None, {"zone": "acme.com"}),
    "nothing": ({"account_id": None, "zone": "acme.com"}, None, {"zone": "acme.com"}),
    "word": ({"account_id": "eleven"}, None, None),
    "fraction": ({"account_id": 11.5}, None, None),
    "huge": ({"account_id": 10**30}, None, None),
    "truth": ({"account_id": True}, None, None),
    "list": ({"account_id": [OWN]}, None, None),
    "json-null": ("null", None, None),
    "json-list": ("[11]", None, "[11]"),
    "json-text": ('"account_id"', None, '"account_id"'),
}
"""Name -> `dns_config` before, account and `dns_config` after; a text is JSON that is no object."""

MOMENT = datetime(2026, 11, 23, 12, 0, 0, 123400, tzinfo=UTC)
PROOFS = {
    "lost": ({"lost_at": "2026-11-23T12:00:00.123400+00:00"}, MOMENT, None),
    "whole-second": ({"lost_at": "2026-11-23T12:00:00+00:00"}, MOMENT.replace(microsecond=0), None),
    "beside": (
        {"lost_at": "2026-11-23T12:00:00.123400+00:00", "tier": "gold"},
        MOMENT,
        {"tier": "gold"},
    ),
    "found": ({"lost_at": None}, None, None),
    "hosts-own": ({"tier": "gold"}, None, {"tier": "gold"}),
    "none": (None, None, None),
    "word": ({"lost_at": "yesterday"}, None, {"lost_at": "yesterday"}),
    "month": (
        {"lost_at": "2026-13-01T12:00:00+00:00"},
        None,
        {"lost_at": "2026-13-01T12:00:00+00:00"},
    ),
    "hour": (
        {"lost_at": "2026-11-23T25:00:00+00:00"},
        None,
        {"lost_at": "2026-11-23T25:00:00+00:00"},
    ),
    "day": ({"lost_at": "2026-02-30T12:00:00+00:00"}, datetime(2026, 3, 2, 12, tzinfo=UTC), None),
    "number": ({"lost_at": 5}, None, {"lost_at": 5}),
    "json-null": ("null", None, None),
    "json-list": ('["lost_at"]', None, '["lost_at"]'),
}
"""The same for the `metadata` of proofs, with `lost_at` after."""


def test_every_shape_goes_up_and_down(database_url):
    schema.upgrade(database_url, BEFORE)
    made = owner(database_url)
    fill(made)
    touched = moments(made)
    schema.upgrade(database_url, AFTER)
    assert read(made, "organization_domains", "dns_account_id", "dns_config") == {
        name: (account, after) for name, (_, account, after) in DOMAINS.items()
    }
    assert read(made, "domain_verifications", "lost_at", "metadata") == {
        name: (moment, after) for name, (_, moment, after) in PROOFS.items()
    }
    assert moments(made) == touched, "nobody changed anything"
    schema.downgrade(database_url, revision=BEFORE)
    for table, column, shapes, key in (
        ("organization_domains", "dns_config", DOMAINS, "account_id"),
        ("domain_verifications", "metadata", PROOFS, "lost_at"),
    ):
        found = read(made, table, column)
        for name, (before, moved, after) in shapes.items():
            back = found[name][0]
            if moved is None:
                assert back == after, name
            elif key == "lost_at":
                assert datetime.fromisoformat(back.pop(key)) == moved, name
                assert (back or None) == after, name
            else:
                assert back == before, name
    schema.upgrade(database_url, AFTER)
    again = read(made, "organization_domains", "dns_account_id")
    assert again == {name: (account,) for name, (_, account, _) in DOMAINS.items()}
    found = read(made, "domain_verifications", "lost_at")
    assert found == {name: (moment,) for name, (_, moment, _) in PROOFS.items()}
    made.dispose()


def test_the_key_empties_the_reference_of_an_account_that_goes(database_url):
    schema.upgrade(database_url, BEFORE)
    made = owner(database_url)
    fill(made)
    schema.upgrade(database_url, AFTER)
    with made.begin() as connection:
        unforced(connection)
        connection.execute(sa.text(f"DELETE FROM accounts WHERE id = {OWN}"))
    found = read(made, "organization_domains", "dns_account_id")
    assert (found["own"], found["hosted"]) == ((None,), (PLATFORM,))
    wrong = sa.text("UPDATE organization_domains SET dns_account_id = 999")
    with made.connect() as connection:
        unforced(connection)
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(wrong)
    made.dispose()


def owner(url):
    return engine(url)


def unforced(connection):
    """Let the tables' owner see all rows for the length of a transaction."""
    if connection.dialect.name == "postgresql":
        for table in ("organizations", "accounts", "organization_domains", "domain_verifications"):
            connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))


def fill(made):
    """Write rows as they were: one domain and one proof for each shape."""
    with made.connect() as connection, connection.begin() as transaction:
        unforced(connection)
        put(connection, "organizations", {"id": 1, "name": "Acme", "slug": "acme"})
        put(connection, "organizations", {"id": 2, "name": "Other", "slug": "other"})
        for id_, owner_id in ((OWN, 1), (PLATFORM, None), (FOREIGN, 2)):
            row = {"id": id_, "organization_id": owner_id, "kind": "dns", "config": "{}"}
            put(connection, "accounts", {**row, "provider": "memory", "name": "DNS"})
        for number, (name, (before, _, _)) in enumerate(DOMAINS.items(), 1):
            row = {"id": number, "organization_id": 1, "domain_name": name}
            put(connection, "organization_domains", {**row, "dns_config": written(before)})
        for number, (name, (before, _, _)) in enumerate(PROOFS.items(), 1):
            row = {"id": number, "organization_id": 1, "organization_domain_id": 1}
            row |= {"verification_method": "dns_txt", "verification_token": name}
            put(connection, "domain_verifications", {**row, "metadata": written(before)})
        forced(connection)
        transaction.commit()


def forced(connection):
    if connection.dialect.name == "postgresql":
        for table in ("organizations", "accounts", "organization_domains", "domain_verifications"):
            connection.execute(sa.text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))


def put(connection, table, row):
    json_columns = {"config", "dns_config", "metadata"}
    marks = [
        f"CAST(:{name} AS jsonb)"
        if name in json_columns and connection.dialect.name == "postgresql"
        else f":{name}"
        for name in row
    ]
    names, values = ", ".join(row), ", ".join(marks)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def written(document):
    return document if document is None or isinstance(document, str) else json.dumps(document)


def read(made, table, *columns):
    """Return columns by the row's name; JSON that is no object stays a text."""
    name = {"organization_domains": "domain_name"}.get(table, "verification_token")
    with made.connect() as connection:
        unforced(connection)
        rows = connection.execute(sa.text(f"SELECT {name}, {', '.join(columns)} FROM {table}"))
        found = {key: tuple(map(plain, columns, values)) for key, *values in rows}
        connection.rollback()
    return found


def plain(column, value):
    if value is None or column == "dns_account_id":
        return value
    if column == "lost_at":
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    document = json.loads(value) if isinstance(value, str) and value[:1] in '{["n' else value
    return document if document is None or isinstance(document, dict) else json.dumps(document)


def moments(made):
    with made.connect() as connection:
        unforced(connection)
        found = connection.scalars(sa.text("SELECT updated_at FROM organization_domains")).all()
        connection.rollback()
    return [str(one) for one in found]
