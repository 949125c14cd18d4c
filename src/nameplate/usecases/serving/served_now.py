"""Recording how bindings on groups of servers are there at one server, whose lease is the one writer."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.models import Binding, BindingPlacement
from nameplate.usecases.placements import MAX_FAILURES
from nameplate.usecases.serving.routes import WantedRoute

_LOOKED_UP = 500


def told(rows: Iterable[WantedRoute]) -> list[dict[str, Any]]:
    """Return the parameters of `Binding.serving`, and of that of placements."""
    return [{"row": row.binding, "digest": row.digest, "serial": row.serial} for row in rows]


def note(session: Session, server_id: int, rows: Sequence[WantedRoute]) -> None:
    """Record what a server's proxy was just told of bindings that are locked."""
    there = _known(session, server_id, [row.binding for row in rows])
    known = [row for row in rows if row.binding in there]
    fresh = [row for row in rows if row.binding not in there]
    if known:
        session.connection().execute(BindingPlacement.serving(server_id), told(known))
    if fresh:
        session.connection().execute(
            sa.insert(BindingPlacement.__table__),  # type: ignore[arg-type]  # a table, not any FROM clause
            [
                {
                    "organization_id": row.organization,
                    "binding_id": row.binding,
                    "server_id": server_id,
                    "served_digest": row.digest,
                    "served_serial": row.serial,
                }
                for row in fresh
            ],
        )


def _known(session: Session, server_id: int, bindings: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(bindings), _LOOKED_UP):
        query = BindingPlacement.visible(PLATFORM).where(
            BindingPlacement.server_id == server_id,
            BindingPlacement.binding_id.in_(bindings[start : start + _LOOKED_UP]),
        )
        query = query.with_only_columns(BindingPlacement.binding_id)
        found.update(session.connection().scalars(query))
    return found


def forget(session: Session, server_id: int, bindings: Sequence[int]) -> None:
    """Record that a server serves these bindings no more; of those of other servers nothing is kept."""
    connection = session.connection()
    connection.execute(BindingPlacement.withdrawing(server_id, bindings))
    connection.execute(BindingPlacement.forgetting(server_id, bindings))


def placement(session: Session, server_id: int, binding: Binding) -> BindingPlacement:
    """Return how a binding is there at a server; it is made when there is nothing yet."""
    found = session.get(BindingPlacement, (binding.id, server_id))
    if found is None:
        found = BindingPlacement(
            organization_id=binding.organization_id, binding_id=binding.id, server_id=server_id
        )
        session.add(found)
    return found


def refuse(session: Session, server_id: int, binding: Binding, why: str) -> None:
    """Record that a server's proxy does not take a binding at all: nobody is to be led there."""
    at = placement(session, server_id, binding)
    at.trouble, at.failures = why, MAX_FAILURES
