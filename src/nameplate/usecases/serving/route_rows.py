"""The statements by which is read what servers should serve, and what their proxies were told.

Each is asked for some `servers` at a time, and begins with the server that a row is about.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import (
    Application,
    Binding,
    BindingPlacement,
    Certificate,
    Domain,
    Organization,
    Server,
    ServerGroup,
)
from nameplate.models.orm import among
from nameplate.usecases.serving import redirects


@cache
def wanted(*, together: bool) -> Any:  # noqa: ANN401 - SQLAlchemy 2.0 and 2.1 type a select of columns differently
    """Return what is to be served: of servers alone, or `together` of their groups."""
    return _permitted(_together() if together else _alone()).where(
        Binding.status.in_([BindingStatus.CONFIGURING, BindingStatus.ACTIVE])
    )


@cache
def stopped(*, together: bool) -> Any:  # noqa: ANN401 - as above
    """Return what is suspended or switched off, of the same."""
    switched_off = sa.and_(Domain.permits(Binding.hostname), Organization.is_active.is_(False))
    return (_together() if together else _alone()).where(
        Binding.status != BindingStatus.DISABLED,
        sa.or_(Domain.suspends(Binding.hostname), switched_off),
    )


@cache
def leaving() -> Any:  # noqa: ANN401 - as above
    """Return the bindings that move away from servers, however far they have come elsewhere."""
    at = BindingPlacement
    placed = _placed(at.server_id, at.server_id, at).join(at, at.binding_id == Binding.id)
    moving = among(at.server_id, "servers"), at.leaving_since.is_not(None)
    return _permitted(placed).where(*moving, Binding.status != BindingStatus.DISABLED)


@cache
def served() -> Any:  # noqa: ANN401 - as above
    """Return what servers' proxies were last told, removed bindings too: the server and the columns of `ServedRoute`."""
    columns = (Binding.id, Binding.organization_id, Binding.hostname, Binding.path)
    alone = sa.select(Binding.served_server_id, *columns, sa.literal(0)).where(
        among(Binding.served_server_id, "servers")
    )
    together = (
        sa.select(BindingPlacement.server_id, *columns, sa.literal(1))
        .join(BindingPlacement, BindingPlacement.binding_id == Binding.id)
        .where(
            among(BindingPlacement.server_id, "servers"),
            BindingPlacement.served_digest.is_not(None),
        )
    )
    return sa.union_all(alone, together).order_by(sa.literal_column("2"))


def _permitted(placed: Any) -> Any:  # noqa: ANN401 - as above
    """Narrow bindings to those that may be served, wherever they are."""
    return placed.where(
        Domain.permits(Binding.hostname),
        redirects.leads(),
        Application.deleted_at.is_(None),
        Application.upstream_host.is_not(None),
        sa.func.coalesce(Binding.port, Application.upstream_port).is_not(None),
        Organization.is_active.is_(True),
    )


def _alone() -> Any:  # noqa: ANN401 - as above
    """Return the bindings on servers alone."""
    placed = _placed(Binding.server_id, Binding.served_server_id, Binding)
    return placed.where(among(Binding.server_id, "servers"))


def _together() -> Any:  # noqa: ANN401 - as above
    """Return the bindings on servers' groups."""
    at = BindingPlacement
    here = sa.and_(at.binding_id == Binding.id, at.server_id == Server.id)
    live = sa.and_(ServerGroup.id == Binding.server_group_id, ServerGroup.deleted_at.is_(None))
    placed = _placed(Server.id, at.server_id, at).join(ServerGroup, live)
    placed = placed.join(Server, Server.server_group_id == ServerGroup.id).outerjoin(at, here)
    return placed.where(among(Server.id, "servers"))


def _placed(server: Any, served_server: Any, at: Any) -> Any:  # noqa: ANN401 - as above; columns, and who has the rest
    """Return bindings as the server that is to serve them, and the columns of `WantedRoute`."""
    presents = sa.and_(
        Binding.ssl_enabled,
        Certificate.certificate_bundle.is_not(None),
        Certificate.private_key.is_not(None),
    )
    port = sa.func.coalesce(Binding.port, Application.upstream_port)
    return (
        Binding.visible(PLATFORM)
        .with_only_columns(
            server,
            Binding.id,
            Binding.organization_id,
            Binding.status,
            Binding.hostname,
            Binding.path,
            Application.upstream_host,
            port,
            Binding.force_https,
            Binding.hsts_enabled,
            Binding.traffic_weight,
            Binding.redirect_to,
            Binding.redirect_status,
            Binding.proxy_config,
            sa.case((presents, Certificate.id)),
            sa.case((presents, Certificate.generation)),
            sa.case((presents, Certificate.serial_number)),
            served_server,
            at.served_digest,
            at.served_serial,
            Certificate.last_renewed_at,
            sa.case((presents, Certificate.former_generation)),
            Certificate.former_serial,
            Certificate.former_expires_at,
            at.refused_serial,
            at.refused_since,
            at.refused_at,
            sa.case((Domain.cdn_enabled, Domain.dns)),
            Binding.held_back_at,
        )
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .outerjoin(Certificate, Certificate.id == Binding.ssl_certificate_id)
        .where(Organization.deleted_at.is_(None))
        .order_by(Binding.id)
    )
