"""What no framework of ours can go below: a bare FastAPI with the statements of the API by hand.

    FLOOR_DATABASE=URL uvicorn bench.api_floor:app

It finds the token, tells row-level security who asks, reads or writes the rows that the API would,
and sends their columns. It judges nothing: no conditions, no instructions, no rules about names.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import FastAPI, Header, Response

from nameplate.core import ids
from nameplate.db import engine

_ENGINE = engine(os.environ["FLOOR_DATABASE"], pool_size=10)
app = FastAPI()

_TOKEN = sa.text(
    "SELECT t.organization_id, t.token_hash, o.is_active FROM api_tokens t "
    "LEFT JOIN organizations o ON o.id = t.organization_id AND o.deleted_at IS NULL "
    "WHERE t.key_id = :key"
)
_TELL = sa.text("SELECT set_config('nameplate.organization_id', :owner, true), now()")
_DOMAIN = sa.text(
    "SELECT * FROM organization_domains "
    "WHERE id = :id AND organization_id = :owner AND deleted_at IS NULL"
)
_BELOW = [
    sa.text(
        f"SELECT * FROM {table} WHERE organization_domain_id = :id AND deleted_at IS NULL"
    )
    for table in (
        "domain_verifications", "dns_records", "ssl_certificates", "application_domain_bindings",
    )
]  # fmt: skip
_HELD = sa.text("SELECT * FROM name_holdings WHERE name = :name")
_SERVERS = sa.text(
    "SELECT * FROM servers WHERE (organization_id = :owner OR organization_id IS NULL) "
    "AND deleted_at IS NULL"
)
_LIST = sa.text(
    "SELECT * FROM organization_domains WHERE organization_id = :owner AND deleted_at IS NULL "
    "ORDER BY id LIMIT 101"
)
_COPIES = sa.text(
    "SELECT organization_domain_id, ready FROM domain_readiness "
    "WHERE organization_domain_id = ANY(:ids)"
)
_CLAIM = sa.text(
    "INSERT INTO organization_domains (organization_id, domain_name, domain_type, "
    "verification_method, verification_token) "
    "VALUES (:owner, :name, 'application', 'dns_txt', :token) RETURNING *"
)
_COPY = sa.text(
    "INSERT INTO domain_readiness (organization_id, organization_domain_id) VALUES (:owner, :id)"
)
_PROOF = sa.text(
    "INSERT INTO domain_verifications (organization_id, organization_domain_id, "
    "verification_method, verification_token, next_action_at) "
    "VALUES (:owner, :id, 'dns_txt', :token, now()) RETURNING *"
)
_WAKE = sa.text("SELECT pg_notify('nameplate_work', '')")


@contextmanager
def _asked(authorization: str) -> Iterator[tuple[sa.Connection, int]]:
    """Open a transaction for whom the token stands for."""
    token = authorization.removeprefix("Bearer ")
    with _ENGINE.begin() as connection:
        row = connection.execute(_TOKEN, {"key": token.split("_")[1]}).one()
        assert row.is_active
        assert row.token_hash == hashlib.sha256(token.encode()).hexdigest()
        connection.execute(_TELL, {"owner": str(row.organization_id)})
        yield connection, row.organization_id


def _rows(connection: sa.Connection, query: sa.TextClause, **given: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query, given).mappings()]


def _sent(found: Any, status: int = 200) -> Response:
    return Response(json.dumps(found, default=str), status, media_type="application/json")


Token = Annotated[str, Header()]


@app.get("/v1/domains/{domain}")
def show(domain: str, authorization: Token) -> Response:
    """Read a domain and what belongs to it."""
    number = ids.parse(domain, "dom")
    with _asked(authorization) as (connection, owner):
        (row,) = _rows(connection, _DOMAIN, id=number, owner=owner)
        below = [_rows(connection, query, id=number) for query in _BELOW]
        held = _rows(connection, _HELD, name=row["full_domain"])
        machines = _rows(connection, _SERVERS, owner=owner)
    return _sent({**row, "below": below, "held": held, "servers": machines})


@app.get("/v1/domains")
def list_(authorization: Token) -> Response:
    """Read a hundred domains, and which are ready."""
    with _asked(authorization) as (connection, owner):
        rows = _rows(connection, _LIST, owner=owner)
        copies = _rows(connection, _COPIES, ids=[row["id"] for row in rows])
    return _sent({"data": rows, "copies": copies})


@app.post("/v1/domains")
def claim(body: dict[str, str], authorization: Token) -> Response:
    """Write a claim and its proof."""
    token = os.urandom(16).hex()
    with _asked(authorization) as (connection, owner):
        (row,) = _rows(connection, _CLAIM, owner=owner, name=body["name"], token=token)
        connection.execute(_COPY, {"owner": owner, "id": row["id"]})
        proof = _rows(connection, _PROOF, owner=owner, id=row["id"], token=token)
        machines = _rows(connection, _SERVERS, owner=owner)
        connection.execute(_WAKE)
    return _sent({**row, "proof": proof, "servers": machines}, 201)


@app.get("/healthz")
def healthz() -> Response:
    """Answer."""
    return _sent({"ok": True})
