"""Applications: what bindings lead to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.ids import Prefix
from nameplate.models import Application, Binding
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.usecases import lookup
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import primaries, sharing
from nameplate.usecases.tenants import organizations

PLATFORM_FIELDS = frozenset({"upstream_host", "upstream_port", "binding_ports", "external_id"})
"""Where traffic goes is the platform's business: a tenant could point it inside (security.md 4.9)."""
CHANGES = PLATFORM_FIELDS | {"name", "metadata"}


def add(
    session: Session,
    actor: Actor,
    *,
    name: str,
    organization: str | None = None,
    upstream_host: str | None = None,
    upstream_port: int | None = None,
    binding_ports: Sequence[int] | None = None,
    external_id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Application:
    """Add an application of the actor's organization, or of the one that the platform names.

    Raises NotPermitted `platform_only` when a tenant names an upstream or external id.
    """
    if any(
        value is not None for value in (upstream_host, upstream_port, binding_ports, external_id)
    ):
        organizations.only_platform(actor, "set the upstream of an application")
    owner = organizations.acting(session, actor, organization)
    row = Application(
        organization_id=owner.id,
        name=name,
        upstream_host=upstream_host,
        upstream_port=upstream_port,
        binding_ports=list(binding_ports) if binding_ports else None,
        external_id=external_id,
        metadata_=metadata,
    )
    _refuse_taken(session, row)
    session.add(row)
    session.flush()
    return row


def get(session: Session, actor: Actor, reference: str) -> Application:
    """Return the application with that id, external id or name. Raises NotFound."""
    row: Application = lookup.find(
        session,
        Application.visible(actor),
        Application,
        Prefix.APPLICATION,
        reference,
        Application.external_id,
        Application.name,
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    name: str | None = None,
    organization: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Application]:
    """Return up to `limit` + 1 applications in order of their ids."""
    owner = organizations.get(session, actor, organization).id if organization else None
    return lookup.page(
        session,
        Application.visible(actor),
        Application,
        limit=limit,
        after=after,
        metadata=metadata,
        name=name,
        organization_id=owner,
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    now: datetime,
    **changes: Any,  # noqa: ANN401 - columns
) -> Application:
    """Change an application; its bindings are looked at again when it answers elsewhere."""
    if changes.keys() & PLATFORM_FIELDS:
        organizations.only_platform(actor, "set the upstream of an application")
    row = get(session, actor, reference)
    with session.no_autoflush:
        lookup.changed(row, changes, CHANGES)
        if "external_id" in changes:
            _refuse_taken(session, row)
    session.flush()
    if changes.keys() & {"upstream_host", "upstream_port"}:
        _wake_bindings(session, row, now)
    return row


def remove(session: Session, actor: Actor, reference: str, now: datetime) -> Application:
    """Soft-delete an application with its bindings."""
    row = get(session, actor, reference)
    names = pointing.of_application(session, row.id)
    soft_delete(session, row, now)
    pointing.settle(session, names, now)
    return row


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> Application:
    """Bring a removed application back, with the bindings that were removed with it.

    Raises NotFound, Conflict `restore_conflict`.
    """
    query = Application.removed(actor)
    row: Application = lookup.find(
        session, query, Application, Prefix.APPLICATION, reference, Application.external_id,
        Application.name,
    )  # fmt: skip
    restore_tree(session, row, now)
    sharing.rejoin(session, sharing.of(session, Binding.application_id == row.id))
    primaries.settle(session, [row.id], now)
    session.flush()
    pointing.settle(session, pointing.of_application(session, row.id), now)
    return row


def _wake_bindings(session: Session, row: Application, now: datetime) -> None:
    for binding in session.scalars(
        Binding.visible(Actor(row.organization_id)).where(Binding.application_id == row.id)
    ):
        binding.wake(now)


def _refuse_taken(session: Session, row: Application) -> None:
    """Refuse an external id that another application has; only the platform sets it."""
    if row.external_id is None:
        return
    others = Application.visible(PLATFORM).where(Application.external_id == row.external_id)
    if row.id is not None:
        others = others.where(Application.id != row.id)
    if session.scalars(others).first():
        raise Conflict("external_id_taken", "Another application has this external id.")
