"""The statements that write the events of one transaction: one, whatever there is to tell."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from nameplate.models.domains import Domain
from nameplate.models.events import Event

_FEW = 4
"""Events that one statement with all values writes; drivers take longer for a list of values."""


def insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Write events, each with its columns and `label`, which finds the host name of one that has none."""
    if any(row["hostname"] is None and row["organization_domain_id"] is not None for row in rows):
        for row in rows:
            row |= {"known": row.pop("hostname"), "named": row["organization_domain_id"]}
        connection.execute(_INSERT_NAMED, rows)
        return
    for row in rows:
        del row["label"]
    if len(rows) > _FEW:
        connection.execute(_INSERT, rows)
        return
    given = {f"{key}_{at}": value for at, row in enumerate(rows) for key, value in row.items()}
    connection.execute(_inserting(tuple(rows[0]), len(rows)), given)


@cache
def _inserting(columns: tuple[str, ...], count: int) -> sa.Insert:
    types = {key: _EVENTS.c[key].type for key in columns}
    rows = (
        {key: sa.bindparam(f"{key}_{at}", type_=type_) for key, type_ in types.items()}
        for at in range(count)
    )
    return sa.insert(_EVENTS).values(list(rows))


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
"""For what belongs to a domain that the session has not read; both are made once."""
