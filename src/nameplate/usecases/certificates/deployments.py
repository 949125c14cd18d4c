"""How far certificates have come to the proxies, worked out from the last look at each binding."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import deployment, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import GRACE, DeploymentState, Presenter
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.turns import Turn
from nameplate.models import Binding, BindingPlacement, Certificate, Server
from nameplate.usecases import placements
from nameplate.usecases.placements import MemberServer

_SHOWN = 3
"""Servers that a sentence names."""


class BoundServer(NamedTuple):
    """A server at which a binding is to be seen: its own, or one of its group."""

    binding: Binding
    server: Server | None
    at: Binding | BindingPlacement | None
    """What was seen there; None: its proxy was not told of the binding yet."""

    @property
    def server_id(self) -> int | None:
        """The server's id, that of a removed one too."""
        return self.binding.server_id if self.server is None else self.server.id

    @property
    def seen_serial(self) -> str | None:
        """Serial number of the certificate that a probe saw there last."""
        return None if self.at is None else self.at.seen_serial


@dataclass(frozen=True, slots=True)
class MissingDeployment:
    """A binding whose proxy was not seen to serve the certificate."""

    binding: str
    """Public id."""
    hostname: str
    server: str | None
    """Public id."""
    server_name: str | None
    seen_serial: str | None
    """What a probe saw last."""
    reason: str
    """Why, in a sentence."""
    turn: Turn
    since: datetime | None
    """Since when that is known."""

    @property
    def shown(self) -> str:
        """Server and reason for a person."""
        where = self.server_name or self.server or "no server"
        return f"{where} ({self.hostname}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """How far one certificate has come."""

    state: DeploymentState
    since: datetime | None
    bindings: int
    missing: Sequence[MissingDeployment] = ()

    @property
    def trouble(self) -> str:
        """Return which servers do not serve it and why, in a sentence for a person."""
        more = len(self.missing) - _SHOWN
        also = f" So it is at {more} more." if more > 0 else ""
        return " ".join(one.shown for one in self.missing[:_SHOWN]) + also


def presenters(session: Session, certificate_ids: Collection[int]) -> dict[int, list[BoundServer]]:
    """Return the bindings and servers at which each of these certificates is to be seen.

    That is one statement, and one more where a binding is on a group of servers.
    """
    found: dict[int, list[BoundServer]] = defaultdict(list)
    if not certificate_ids:
        return found
    query = (
        Binding.visible(PLATFORM)
        .add_columns(Server)
        .outerjoin(Server, Server.id == Binding.server_id)
        .where(Binding.ssl_certificate_id.in_(sorted(certificate_ids)), Binding.counts())
        .order_by(Binding.id)
    )
    rows = [(binding, server) for binding, server in session.execute(query)]
    for one in spread(rows, placements.of_groups(session, (binding for binding, _ in rows))):
        found[one.binding.ssl_certificate_id or 0].append(one)
    return found


def spread(
    rows: Iterable[tuple[Binding, Server | None]], placed: Mapping[int, Sequence[MemberServer]]
) -> list[BoundServer]:
    """Return bindings with each server that is to serve them; `placed` has those of groups."""
    found: list[BoundServer] = []
    for binding, server in rows:
        there = placed.get(binding.id)
        if there is None:
            found.append(BoundServer(binding, server, binding))
        else:
            found += [BoundServer(binding, one.server, one.at) for one in there]
            found += [] if there else [BoundServer(binding, None, None)]
    return found


def of(row: Certificate, bound: Sequence[BoundServer], now: datetime) -> Deployment:
    """Return how far a certificate has come, with what each server says that does not serve it."""
    renewed_at = row.last_renewed_at
    seen = [presenter(one) for one in bound]
    bindings = len({one.binding.id for one in bound})
    state = deployment.state(row.serial_number, renewed_at, seen, now)
    if row.status is CertificateStatus.REVOKED or state is DeploymentState.UNBOUND:
        return Deployment(DeploymentState.UNBOUND, None, bindings)
    missing = [_missing(row, one) for one in bound if one.seen_serial != row.serial_number]
    if missing:
        since = min((one.since for one in missing if one.since), default=renewed_at)
    else:
        moments = (one.at.seen_serial_at for one in bound if one.at is not None)
        since = max((moment for moment in moments if moment), default=None)
    return Deployment(state, since, bindings, missing)


def presenter(one: BoundServer) -> Presenter:
    """Return a binding at a server as the rules see it."""
    failing = one.server is not None and one.server.trouble_code is not None
    return Presenter(one.server_id, one.seen_serial, failing)


def _missing(row: Certificate, one: BoundServer) -> MissingDeployment:
    reason, turn, since = _why(row, one)
    binding, server = one.binding, one.server
    return MissingDeployment(
        binding=ids.show(Prefix.BINDING, binding.id),
        hostname=binding.hostname,
        server=None if one.server_id is None else ids.show(Prefix.SERVER, one.server_id),
        server_name=None if server is None else server.name,
        seen_serial=one.seen_serial,
        reason=reason,
        turn=turn,
        since=since or row.last_renewed_at,
    )


def _why(row: Certificate, one: BoundServer) -> tuple[str, Turn, datetime | None]:
    """Return why a proxy does not serve a certificate, who must act, and since when."""
    binding, server, at = one
    whose = Turn.OPERATOR if server is None or server.organization_id is None else Turn.YOU
    if server is None or server.deleted_at is not None:
        return "The server was removed.", Turn.YOU, binding.trouble_since
    if server.trouble_code is not None:
        why = f"The proxy cannot be configured: {server.trouble_told}"
        return why, whose, server.trouble_since
    if at is not None and at.refused_serial == row.serial_number:
        return f"The proxy refuses the certificate: {at.refusal}", whose, at.refused_since
    trouble = at.trouble if isinstance(at, BindingPlacement) else binding.error_message
    if at is not None and at.served_serial == row.serial_number and trouble:
        return f"A probe did not see it. {trouble}", whose, binding.trouble_since
    return "The proxy was not seen to serve it yet.", Turn.NAMEPLATE, None


def is_in(state: DeploymentState, now: datetime) -> sa.ColumnElement[bool]:
    """Return which certificates are in that state, for lists and counts."""
    bound = sa.and_(Binding.ssl_certificate_id == Certificate.id, Binding.counts())
    other = sa.or_(Binding.seen_serial.is_(None), Binding.seen_serial != Certificate.serial_number)
    present = sa.and_(
        Certificate.serial_number.is_not(None),
        Certificate.status != CertificateStatus.REVOKED,
        sa.exists().where(bound),
    )
    missing = sa.exists().where(bound, other)
    fresh = sa.and_(
        Certificate.last_renewed_at.is_not(None), Certificate.last_renewed_at > now - GRACE
    )
    if state is DeploymentState.UNBOUND:
        return sa.not_(present)
    if state is DeploymentState.DEPLOYED:
        return sa.and_(present, sa.not_(missing))
    is_fresh = state is DeploymentState.DEPLOYING
    late = sa.or_(Certificate.last_renewed_at.is_(None), Certificate.last_renewed_at <= now - GRACE)
    return sa.and_(present, missing, fresh if is_fresh else late)
