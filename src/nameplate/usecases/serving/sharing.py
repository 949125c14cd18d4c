"""Bindings that share a host and path: targets of one route, each with a weight.

All of one route are on one server and have the same settings. What only one of them may be changed in
is where it leads and how much it gets.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Application, Binding, Domain

OF_ROUTE = (
    "ssl_enabled",
    "force_https",
    "hsts_enabled",
    "redirect",
    "redirect_status",
    "proxy_config",
)
"""Settings that the targets of one route have alike."""
MAX_TARGETS = 20
MAX_WEIGHT = 100


def lock(session: Session, domain_id: int) -> None:
    """Have one transaction at a time decide about the routes of a domain's hosts."""
    if session.connection().dialect.name == "sqlite":  # it has one writer at a time
        return
    query = Domain.visible(PLATFORM).where(Domain.id == domain_id).with_only_columns(Domain.id)
    session.execute(query.with_for_update(key_share=True)).all()


def beside(session: Session, row: Binding) -> list[Binding]:
    """Return the other bindings of the organization for the same host and path, disabled ones too."""
    query = Binding.visible(PLATFORM).where(
        Binding.hostname == row.hostname,
        Binding.path == row.path,
        Binding.organization_id == row.organization_id,
    )
    with session.no_autoflush:
        return [one for one in session.scalars(query.order_by(Binding.id)) if one is not row]


def enabled(session: Session, row: Binding) -> list[Binding]:
    """Return the other targets of the binding's route that are not disabled."""
    return _enabled(beside(session, row))


def refuse_same(session: Session, row: Binding) -> None:
    """Refuse a second binding of one address to one host and path. Raises Conflict `host_bound`."""
    _refuse_same(session, row, beside(session, row))


def weight(value: int) -> int:
    """Return a weight. Raises Invalid `weight_invalid`."""
    if not 0 <= value <= MAX_WEIGHT:
        detail = f"Expected a weight from 0 to {MAX_WEIGHT}."
        raise Invalid(
            "weight_invalid", detail, [Problem("/traffic_weight", "weight_invalid", detail)]
        )
    return value


def join(session: Session, row: Binding, given: Mapping[str, Any]) -> None:
    """Make a new binding, or one that is enabled, a target of the route that is there, if one is.

    `given` are the settings that the caller named. Raises Conflict `host_bound` without a weight among
    them, `route_settings_differ`, `route_elsewhere`, `route_too_wide`, `route_drained`.
    """
    others = beside(session, row)
    _refuse_same(session, row, others)
    targets = _enabled(others)
    if targets:
        _refuse_unasked(row, given)
        if len(targets) >= MAX_TARGETS:
            raise Conflict("route_too_wide", f"A route has at most {MAX_TARGETS} targets.")
        _adopt(row, targets[0], given)
    refuse_drained(row, [*targets, row])


def of(session: Session, where: sa.ColumnElement[bool]) -> Sequence[Binding]:
    """Return live bindings."""
    return session.scalars(Binding.visible(PLATFORM).where(where).order_by(Binding.id)).all()


def rejoin(session: Session, rows: Iterable[Binding]) -> None:
    """Drain bindings that come back where others serve by now: whoever restores them says how much."""
    back = list(rows)
    for row in back:
        targets = [one for one in _enabled(beside(session, row)) if one not in back]
        if targets and row.status is not BindingStatus.DISABLED:
            row.traffic_weight = 0
            _adopt(row, targets[0], {})


def leave(session: Session, row: Binding) -> None:
    """Refuse that a binding ends while only drained targets would be left of its route.

    Raises Conflict `route_drained`.
    """
    refuse_drained(row, _enabled(beside(session, row)))


def change(session: Session, row: Binding, changes: Mapping[str, Any]) -> list[Binding]:
    """Make changes of a binding those of its whole route; return the other targets that changed.

    Raises Conflict `host_bound` and `route_drained`.
    """
    if not changes.keys() & {*OF_ROUTE, "port", "traffic_weight"}:
        return []
    others = beside(session, row)
    if "port" in changes:
        _refuse_same(session, row, others)
    if row.status is BindingStatus.DISABLED:
        return []
    if "traffic_weight" in changes:
        refuse_drained(row, [*_enabled(others), row])
    targets = _enabled(others)
    shared = {key: value for key, value in changes.items() if key in OF_ROUTE}
    for target in targets if shared else ():
        for key, value in shared.items():
            setattr(target, key, value)
        target.redirect_to = row.redirect_to
    return targets if shared else []


def refuse_drained(row: Binding, targets: Sequence[Binding]) -> None:
    """Refuse a route of which no target gets anything. Raises Conflict `route_drained`."""
    if targets and not any(one.traffic_weight for one in targets):
        raise Conflict(
            "route_drained",
            f"No target of {row.hostname}{row.path} would have a weight above 0.",
        )


def _enabled(rows: Iterable[Binding]) -> list[Binding]:
    return [one for one in rows if one.status is not BindingStatus.DISABLED]


def _refuse_unasked(row: Binding, given: Mapping[str, Any]) -> None:
    """Refuse to take traffic from others unless the caller said how much."""
    if given.get("traffic_weight") is None:
        raise Conflict(
            "host_bound",
            f"{row.hostname}{row.path} is already bound to an application. "
            "Give a weight to share its traffic.",
        )


def _refuse_same(session: Session, row: Binding, others: Sequence[Binding]) -> None:
    """Refuse a second binding of one address; a disabled one is to be enabled, not made again."""
    same = [one for one in others if one.application_id == row.application_id]
    if not same:
        return
    usual = session.get_one(Application, row.application_id).upstream_port
    for other in same:
        if (other.port or usual) != (row.port or usual):
            continue
        known = ids.show(Prefix.BINDING, other.id)
        is_off = other.status is BindingStatus.DISABLED
        detail = f"{row.hostname}{row.path} is already bound to this application by {known}"
        more = ", which is disabled. Enable or remove that binding." if is_off else "."
        raise Conflict("host_bound", detail + more)


def _adopt(row: Binding, target: Binding, given: Mapping[str, Any]) -> None:
    """Give a binding what its route has, unless the caller wanted something else."""
    for key in OF_ROUTE:
        here = getattr(target, key)
        if given.get(key, here) != here:
            raise Conflict(
                "route_settings_differ",
                f"The other targets of {row.hostname}{row.path} have another `{key}`.",
            )
        setattr(row, key, here)
    asked = given.get("server") is not None or given.get("server_group") is not None
    here = (row.server_id, row.server_group_id)
    if asked and here != (target.server_id, target.server_group_id):
        raise Conflict(
            "route_elsewhere", f"Another server serves {row.hostname}{row.path} already."
        )
    row.server_id, row.server_group_id = target.server_id, target.server_group_id
    row.proxy_type = target.proxy_type
    row.redirect_to = target.redirect_to
