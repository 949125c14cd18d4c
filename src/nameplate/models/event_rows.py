"""The statements that write the events of one transaction: one, whatever there is to tell."""

from typing import Any

import sqlalchemy as sa

from nameplate.models.domains import Domain
from nameplate.models.events import Event


def insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Write events, each with its columns and `label`, which finds the host name of one that has none."""
    if any(row["hostname"] is None and row["organization_domain_id"] is not None for row in rows):
        for row in rows:
            row |= {"known": row.pop("hostname"), "named": row["organization_domain_id"]}
        connection.execute(_INSERT_NAMED, rows)
        return
    for row in rows:
        del row["label"]
    connection.execute(_INSERT, rows)


_DOMAINS: Any = Domain.__table__
_EVENTS: Any = Event.__table__
_INSERT = sa.insert(_EVENTS)
_FULL = _DOMAINS.c.full_domain
_LABEL = sa.bindparam("label", type_=sa.String())
_BARE = sa.func.replace(_FULL, "*.", "", type_=sa.String())
_INSERT_NAMED = _INSERT.values(
    hostname=sa.func.coalesce(
        sa.bindparam("known", type_=_EVENTS.c.hostname.type),
        sa.select(
            sa.case((_LABEL.is_(None), _FULL), (_LABEL == "@", _BARE), else_=_LABEL + "." + _BARE)
        )
        .where(_DOMAINS.c.id == sa.bindparam("named"))
        .scalar_subquery(),
    )
)
"""For what belongs to a domain that the session has not read. Both are made once, and compiled once: a
statement that has the values of several rows in it is compiled at each use, which takes longer than all
else about an event."""
