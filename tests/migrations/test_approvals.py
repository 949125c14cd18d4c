"""Proofs that nobody looked at any more are looked at; void ones prove nothing."""

import sqlalchemy as sa
from tests.migrations.test_typed_columns import forced, owner, put, unforced

from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_11_28_1920", "2026_11_28_1930"
PROVED, RETURNED = 1, 2
"""A domain that is proved, and one that came back with its organization."""
LATER = "2027-01-01 00:00:00"
PROOFS = {"replaced": (PROVED, None), "planned": (PROVED, LATER), "void": (RETURNED, None)}
"""Token -> its domain, and when it was to be looked at."""


def test_both_ways(database_url: str) -> None:
    schema.upgrade(database_url, BEFORE)
    made = owner(database_url)
    with made.begin() as connection:
        unforced(connection)
        put(connection, "organizations", {"id": 1, "name": "Acme", "slug": "acme"})
        for number, verified in ((PROVED, LATER), (RETURNED, None)):
            row = {"id": number, "organization_id": 1, "domain_name": f"acme-{number}.com"}
            put(connection, "organization_domains", {**row, "verified_at": verified})
        for number, (token, (domain, due)) in enumerate(PROOFS.items(), 1):
            row = {"id": number, "organization_id": 1, "organization_domain_id": domain}
            row |= {"verification_method": "dns_txt", "verification_token": token}
            row |= {"status": "verified", "proved_scope": "subtree", "next_action_at": due}
            put(connection, "domain_verifications", row)
        forced(connection)
    schema.upgrade(database_url, AFTER)
    with made.connect() as connection:
        unforced(connection)
        columns = "verification_token, status, proved_scope, next_action_at"
        rows = connection.execute(sa.text(f"SELECT {columns} FROM domain_verifications")).all()
        connection.rollback()
    assert {row[0]: (row[1], row[2]) for row in rows} == {
        "replaced": ("verified", "subtree"),
        "planned": ("verified", "subtree"),
        "void": ("expired", None),
    }
    assert {row[0]: str(row[3])[:4] for row in rows if row[3]}.keys() == PROOFS.keys()
    assert next(str(row[3]) for row in rows if row[0] == "planned").startswith("2027-01-01")
    schema.downgrade(database_url, revision=BEFORE)
    schema.upgrade(database_url, AFTER)
    made.dispose()
