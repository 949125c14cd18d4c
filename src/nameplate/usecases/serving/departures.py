"""Servers that bindings move away from: they serve on until the other place does, and visitors come there.

    moved ─(seen at the new place)─▶ DNS is led over ─(it leads there, and a TTL has passed)─▶ left

Nothing of it keeps what must not be served any more: `routes` decides that for these servers too. The
step of the server that is left takes all of this further, and it ends after `LONGEST` whatever is seen.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, RecordStatus
from nameplate.core.pointing import TTL, PointingTarget
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease, seen
from nameplate.models import Binding, BindingPlacement, Domain, Record, Server
from nameplate.usecases import work
from nameplate.usecases.dns import bound_hosts, pointing
from nameplate.usecases.serving import hosted
from nameplate.usecases.tools import Tools

LONGEST = timedelta(days=3)
"""After that a server is left although the other place was not seen to serve, or DNS not to lead there."""
_MAX_LOOKS = 20
"""Hosts whose addresses one step asks for."""


class LeavingHost(NamedTuple):
    """A host whose binding moves away from a server, as far as that has come."""

    binding: int
    domain: int
    hostname: str
    status: BindingStatus
    is_over: bool
    """It has taken too long, or there is nothing to wait for any more."""
    is_led_over: bool
    leaves_at: datetime | None


def begin(session: Session, row: Binding, stays: Collection[int], now: datetime) -> None:
    """Have the servers of a binding that is about to move serve it on, but for those where it `stays`.

    Where DNS was not led to the present place yet, only the place before goes on: nobody comes here.
    """
    query = BindingPlacement.visible(PLATFORM).where(BindingPlacement.binding_id == row.id)
    placed = list(session.scalars(query.order_by(BindingPlacement.server_id)))
    is_held = any(at.is_leaving and at.led_over_at is None for at in placed)
    if row.activated_at is not None and not is_held:
        for at in (*placed, *_alone(session, row, stays)):
            if at.is_told and at.server_id not in stays:
                at.leave(now)
    for at in placed:
        if at.server_id in stays:
            at.stay()
    session.flush()


def _alone(session: Session, row: Binding, stays: Collection[int]) -> list[BindingPlacement]:
    """Return how a binding on one server is there, noted as in a group, for that server to keep."""
    if row.served_server_id is None or row.served_server_id in stays:
        return []
    server = session.get(Server, row.served_server_id)
    if server is None or server.deleted_at is not None or hosted.is_hosted(server):
        return []
    at = session.get(BindingPlacement, (row.id, server.id))
    if at is None:
        at = BindingPlacement(
            organization_id=row.organization_id, binding_id=row.id, server_id=server.id, failures=0
        )
        session.add(at)
    at.served_digest, at.served_serial = row.served_digest, row.served_serial
    row.served_server_id = row.served_digest = row.served_serial = None
    return [at]


def servers(session: Session, binding_ids: Collection[int]) -> Sequence[int]:
    """Return the servers that these bindings move away from."""
    at = BindingPlacement
    query = at.visible(PLATFORM).where(
        at.binding_id.in_(sorted(binding_ids)), at.leaving_since.is_not(None)
    )
    found = query.with_only_columns(at.server_id).distinct().order_by(at.server_id)
    return session.scalars(found).all()


def advance(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Take the bindings further that move away from a server, as far as they can be taken now."""
    found, server = work.read(
        sessions, Server, lease, lambda session, row: (_of(session, row), row)
    )
    if not found:
        return
    away = _away(tools, server, [one for one in found if one.is_led_over and not one.leaves_at])
    sessions.run(PLATFORM, lambda session: _record(session, lease, found, away))


def _of(session: Session, server: Server) -> list[LeavingHost]:
    """Return what moves away from a server."""
    at, now = BindingPlacement, database_now(session)
    query = (
        at.visible(PLATFORM)
        .add_columns(Binding)
        .join(Binding, at.binding_id == Binding.id)
        .where(at.server_id == server.id, at.leaving_since.is_not(None))
        .order_by(Binding.id)
    )
    return [
        LeavingHost(
            row.id,
            row.organization_domain_id,
            row.hostname,
            row.status,
            _is_over(row, placed, now),
            placed.led_over_at is not None,
            placed.leaves_at,
        )
        for placed, row in session.execute(query)
    ]


def _is_over(row: Binding, at: BindingPlacement, now: datetime) -> bool:
    if row.deleted_at is not None or row.status is BindingStatus.DISABLED:
        return True
    if not at.is_told or at.leaving_since is None or now - at.leaving_since >= LONGEST:
        return True
    return at.leaves_at is not None and at.leaves_at <= now


def _away(tools: Tools, server: Server, found: Sequence[LeavingHost]) -> set[int]:
    """Return the bindings whose hosts have addresses, and none of the server's."""
    if not found:
        return set()
    target = PointingTarget.of(server.address, server.addresses or ())
    own = {value for _, value in target.addresses}
    if target.name:
        own.update(tools.resolver.addresses(target.name.removesuffix(".")))
    away = set()
    for one in found[:_MAX_LOOKS]:
        there = tools.resolver.addresses(one.hostname.replace("*", "nameplate-probe", 1))
        if there and own.isdisjoint(there):
            away.add(one.binding)
    return away


def _record(
    session: Session, lease: Lease, found: Sequence[LeavingHost], away: Collection[int]
) -> None:
    """Write how far they have come, and have DNS follow."""
    if seen(session, Server, lease) is None:
        raise work.Superseded
    now = lease.now()
    _lock(session, {one.domain for one in found})
    query = BindingPlacement.visible(PLATFORM).where(
        BindingPlacement.server_id == lease.id, BindingPlacement.leaving_since.is_not(None)
    )
    placed = {at.binding_id: at for at in session.scalars(query)}
    settled, over = [], []
    for one in found:
        at = placed.get(one.binding)
        if at is None:
            continue  # it came back meanwhile
        if one.is_over:
            at.stay()
            if not at.is_told:
                session.delete(at)
            settled.append((one.domain, one.hostname))
            over.append(one.binding)
        elif not one.is_led_over and one.status is BindingStatus.ACTIVE:
            at.lead_over(now)
            settled.append((one.domain, one.hostname))
        elif one.is_led_over and one.leaves_at is None:
            _let_go(session, at, one, now, is_away=one.binding in away)
    if settled:
        pointing.settle(session, settled, now)
    if over:  # a change of theirs, for the edge
        session.execute(
            Binding.waking(now).where(Binding.id.in_(over)),
            execution_options={"synchronize_session": False},
        )


def _let_go(
    session: Session, at: BindingPlacement, one: LeavingHost, now: datetime, *, is_away: bool
) -> None:
    """Record when caches will have forgotten the server, once DNS leads to the other place."""
    host = bound_hosts.read(session, [(one.domain, one.hostname)], locked=False).get(
        (one.domain, one.hostname)
    )
    ours = [] if host is None or not host.is_kept else [row.id for row in host.rows]
    longest = TTL
    if ours:
        records = session.scalars(Record.visible(PLATFORM).where(Record.id.in_(ours))).all()
        longest = max(longest, *(row.ttl for row in records))
        is_away = all(row.propagated and row.status is RecordStatus.ACTIVE for row in records)
    if is_away:
        at.let_go(now + timedelta(seconds=longest))


def _lock(session: Session, domain_ids: Collection[int]) -> None:
    """Lock domains before their placements are written, as steps of bindings do."""
    if session.connection().dialect.name != "sqlite":
        query = Domain.visible(PLATFORM).where(Domain.id.in_(sorted(domain_ids)))
        ordered = query.with_only_columns(Domain.id).order_by(Domain.id)
        session.execute(ordered.with_for_update(key_share=True)).all()
