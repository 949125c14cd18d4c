"""Organizations: the tenants of the platform, and on whose behalf an actor acts."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted, Problem
from nameplate.core.ids import Prefix
from nameplate.db import database_now
from nameplate.models import Binding, Certificate, Organization
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.usecases import lookup
from nameplate.usecases.tenants import ca_accounts

PREFERENCES = frozenset(
    {
        "key_type",
        "certificate_profile",
        "preferred_chain",
        "certificate_challenge",
        "certificate_authorities",
    }
)
"""What its certificates are made with, unless a domain says it."""
OWN_CHANGES = frozenset({"name", "metadata"}) | PREFERENCES
"""What an organization may change of itself."""
CHANGES = OWN_CHANGES | {"slug", "external_id", "is_active"}
"""What the platform may change."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def acting(session: Session, actor: Actor, reference: str | None) -> Organization:
    """Return the organization that `actor` acts for: its own, or the one that the platform names.

    Raises Invalid `organization_required` when the platform names none, NotFound
    `organization_not_found` for any other than the actor's own.
    """
    if reference is not None:
        return get(session, actor, reference)
    if actor.organization_id is None:
        detail = (
            "Name the organization. It is required with a platform token, which acts for all of "
            "them."
        )
        problem = Problem("/organization", "organization_required", detail)
        raise Invalid("organization_required", detail, [problem])
    row: Organization | None = session.scalars(_OWN, {"id": actor.organization_id}).one_or_none()
    if row is None:
        raise lookup.missing(Prefix.ORGANIZATION)
    return row


_OWN = Organization.visible(PLATFORM).where(Organization.id == sa.bindparam("id"))


def add(
    session: Session,
    actor: Actor,
    *,
    name: str,
    slug: str | None = None,
    parent: str | None = None,
    external_id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Organization:
    """Add an organization; `slug` is made from the name when it is not given.

    Raises NotPermitted for anybody but the platform, Conflict `slug_taken`, `external_id_taken`.
    """
    only_platform(actor, "add organizations")
    row = Organization(
        name=name,
        slug=_checked(slug) if slug else _slug_of(name),
        parent_organization_id=get(session, actor, parent).id if parent else None,
        external_id=external_id,
        metadata_=metadata,
    )
    _refuse_taken(session, row)
    session.add(row)
    session.flush()
    return row


def get(session: Session, actor: Actor, reference: str) -> Organization:
    """Return the organization with that id, slug or external id. Raises NotFound."""
    row: Organization = lookup.find(
        session,
        Organization.visible(actor),
        Organization,
        Prefix.ORGANIZATION,
        reference,
        Organization.slug,
        Organization.external_id,
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    name: str | None = None,
    parent: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Organization]:
    """Return up to `limit` + 1 organizations in order of their ids."""
    above = get(session, actor, parent).id if parent else None
    return lookup.page(
        session,
        Organization.visible(actor),
        Organization,
        limit=limit,
        after=after,
        metadata=metadata,
        name=name,
        parent_organization_id=above,
    )


def update(session: Session, actor: Actor, reference: str, **changes: Any) -> Organization:  # noqa: ANN401 - columns
    """Change an organization; itself it may change its name, metadata and preferences.

    Raises NotPermitted `platform_only`, Invalid `field_not_changeable`, `slug_invalid`.
    """
    row = get(session, actor, reference)
    if not actor.is_platform and not changes.keys() <= OWN_CHANGES:
        only_platform(actor, "change these fields of an organization")
    if "slug" in changes:
        _checked(changes["slug"])
    if "certificate_authorities" in changes:
        given = changes["certificate_authorities"]
        changes["certificate_authorities"] = ca_accounts.named(session, actor, row.id, given)
    was_active = row.is_active
    with session.no_autoflush:
        lookup.changed(row, changes, CHANGES)
        if changes.keys() & {"slug", "external_id"}:
            _refuse_taken(session, row)
    session.flush()
    if row.is_active != was_active:
        _wake_what_it_serves(session, row)
    return row


def _wake_what_it_serves(session: Session, row: Organization) -> None:
    """Have workers look at what is served and certified only for an active organization."""
    now = database_now(session)
    kinds: tuple[type[Certificate | Binding], ...] = (Certificate, Binding)
    for kind in kinds:
        session.execute(
            kind.waking(now, urgent=not row.is_active).where(
                kind.organization_id == row.id, kind.deleted_at.is_(None)
            ),
            execution_options={"synchronize_session": False},
        )


def remove(session: Session, actor: Actor, reference: str, now: datetime) -> Organization:
    """Soft-delete an organization with everything it has."""
    only_platform(actor, "remove organizations")
    row = get(session, actor, reference)
    soft_delete(session, row, now)
    session.flush()
    return row


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> Organization:
    """Bring back a removed organization and what was removed with it."""
    only_platform(actor, "restore organizations")
    query = sa.select(Organization).where(Organization.deleted_at.is_not(None))
    row: Organization = lookup.find(
        session, query, Organization, Prefix.ORGANIZATION, reference, Organization.slug
    )
    restore_tree(session, row, now)
    session.flush()
    return row


def only_platform(actor: Actor, what: str) -> None:
    """Raise NotPermitted `platform_only` unless the platform's operator acts."""
    if not actor.is_platform:
        raise NotPermitted("platform_only", f"Only the platform's operator may {what}.")


def _checked(slug: str) -> str:
    if not _SLUG.fullmatch(slug) or slug.startswith(f"{Prefix.ORGANIZATION}_"):
        detail = (
            "A slug has 1 to 63 lower-case letters, digits and hyphens, and no hyphen at either "
            "end."
        )
        raise Invalid("slug_invalid", detail, [Problem("/slug", "slug_invalid", detail)])
    return slug


def _slug_of(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:63].strip("-")
    if not slug:
        detail = "No slug can be made from this name. Give a slug."
        raise Invalid("slug_required", detail, [Problem("/slug", "slug_required", detail)])
    return slug


def _refuse_taken(session: Session, row: Organization) -> None:
    """Refuse a slug or external id that another organization has; only the platform sets them."""
    others = Organization.visible(PLATFORM)
    if row.id is not None:
        others = others.where(Organization.id != row.id)
    if session.scalars(others.where(Organization.slug == row.slug)).first():
        raise Conflict("slug_taken", f"Another organization has the slug {row.slug}.")
    if row.external_id is None:
        return
    if session.scalars(others.where(Organization.external_id == row.external_id)).first():
        raise Conflict("external_id_taken", "Another organization has this external id.")
