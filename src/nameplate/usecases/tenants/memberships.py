"""Memberships: what users are in organizations."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.db import Sessions
from nameplate.models import Membership, Organization
from nameplate.usecases import lookup
from nameplate.usecases.tenants import organizations, users


def user_id(sessions: Sessions, reference: str) -> int:
    """Return the user with that id or address, before a transaction of an organization begins."""
    with sessions.look() as session:
        return users.named(session, reference).id


def add(
    session: Session,
    actor: Actor,
    *,
    user: int,
    role: Role,
    organization: str | None = None,
    by: Role | None = None,
) -> Membership:
    """Say what a user is in an organization; `by` is what the person is that says so, None: a token.

    Raises NotPermitted `role_too_high`, Conflict `membership_exists`.
    """
    owner = organizations.acting(session, actor, organization)
    _within(role, by)
    known = Membership.visible(actor).where(
        Membership.organization_id == owner.id, Membership.user_id == user
    )
    if session.scalars(known).first() is not None:
        raise Conflict("membership_exists", "The user is in this organization. Change its role.")
    row = Membership(organization_id=owner.id, user_id=user, role=role)
    session.add(row)
    session.flush()
    return row


def get(session: Session, actor: Actor, reference: str) -> Membership:
    """Return the membership with that id. Raises NotFound."""
    row: Membership = lookup.find(
        session, Membership.visible(actor), Membership, Prefix.MEMBERSHIP, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    organization: str | None = None,
) -> Sequence[Membership]:
    """Return up to `limit` + 1 memberships in order of their ids."""
    owner = None
    if organization is not None:
        owner = organizations.get(session, actor, organization).id
    query = Membership.visible(actor)
    return lookup.page(session, query, Membership, limit=limit, after=after, organization_id=owner)


def update(
    session: Session, actor: Actor, reference: str, role: Role, by: Role | None
) -> Membership:
    """Change a role. Raises NotPermitted `role_too_high`, Conflict `last_owner`."""
    row = get(session, actor, reference)
    _within(role, by)
    _leave(session, actor, row, by, remains=role is Role.OWNER)
    row.role = role
    session.flush()
    return row


def remove(session: Session, actor: Actor, reference: str, by: Role | None) -> None:
    """End a membership. Raises NotPermitted `role_too_high`, Conflict `last_owner`."""
    row = get(session, actor, reference)
    _leave(session, actor, row, by, remains=False)
    session.delete(row)
    session.flush()


def _within(role: Role, by: Role | None) -> None:
    if by is not None and not by.covers(role):
        raise NotPermitted(
            "role_too_high", "Only who has a role, or a higher one, gives and takes it."
        )


def _leave(
    session: Session, actor: Actor, row: Membership, by: Role | None, *, remains: bool
) -> None:
    """Check that somebody may take a role, and that a person does not take the last owner's."""
    _within(row.role, by)
    if row.role is not Role.OWNER or remains or by is None:
        return
    visible = Organization.visible(actor).where(Organization.id == row.organization_id)
    session.scalars(visible.with_for_update()).one_or_none()  # one after the other
    others = Membership.visible(actor).where(
        Membership.organization_id == row.organization_id,
        Membership.role == Role.OWNER,
        Membership.id != row.id,
    )
    if session.scalars(others.limit(1)).first() is None:
        raise Conflict("last_owner", "This is the last owner. Make another user an owner first.")


def of_user(session: Session, user: int) -> Mapping[int, Role]:
    """Return organization -> role of a user; the session is the platform's."""
    rows: Any = session.execute(_OF_USER, {"user": user})
    return {row.organization_id: row.role for row in rows}


_OF_USER = (
    Membership.visible(PLATFORM)
    .with_only_columns(Membership.organization_id, Membership.role)
    .where(Membership.user_id == sa.bindparam("user"))
    .order_by(Membership.id)
)
