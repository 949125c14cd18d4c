"""Links that show somebody without an account what to publish for one domain.

A token is exchanged once, by the browser that opens the link: afterwards it is worth nothing, whoever
finds it in a log or a mailbox. Whoever is there may make another link for somebody else.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound, Problem
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.models import Domain, SetupLink
from nameplate.usecases import lookup

LIFETIME = timedelta(days=7)
MOST_LIFETIME = timedelta(days=30)
MOST_LINKS = 20
"""Links of one domain that work at a time."""
_RANDOM_BYTES = 25
_INVALID = "This link does not work. It was replaced, opened elsewhere, revoked, or has expired."


@dataclass(frozen=True, slots=True)
class LinkVisit:
    """A browser that opened a link: what it may see, and as whom it is looked up."""

    link: SetupLink
    domain: Domain
    actor: Actor


def add(
    session: Session,
    actor: Actor,
    domain: str,
    *,
    now: datetime,
    random: Callable[[int], bytes],
    expires_at: datetime | None = None,
) -> tuple[SetupLink, Secret]:
    """Make a link for a domain; return it with its token, which exists nowhere afterwards.

    Raises NotFound, Invalid `expires_at_past`, `expires_at_too_late`, Conflict `too_many_links`.
    """
    row = lookup.domain(session, actor, domain)
    until = expires_at or now + LIFETIME
    if not now < until <= now + MOST_LIFETIME:
        code = "expires_at_past" if until <= now else "expires_at_too_late"
        detail = f"A link works for up to {MOST_LIFETIME.days} days. Give a time until then."
        raise Invalid(code, detail, [Problem("/expires_at", code, detail)])
    return _make(session, row, until, now, random)


def _make(
    session: Session,
    domain: Domain,
    until: datetime,
    now: datetime,
    random: Callable[[int], bytes],
) -> tuple[SetupLink, Secret]:
    session.refresh(domain, with_for_update=True)  # counted alone
    working = SetupLink.visible(Actor(domain.organization_id)).where(
        SetupLink.organization_domain_id == domain.id,
        SetupLink.revoked_at.is_(None),
        SetupLink.expires_at > now,
    )
    if len(session.scalars(working.limit(MOST_LINKS)).all()) == MOST_LINKS:
        raise Conflict(
            "too_many_links",
            f"The domain has {MOST_LINKS} links that work. Revoke one that is not needed.",
        )
    token = _secret(random)
    row = SetupLink(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        token_hash=tokens.digest(token),
        expires_at=until,
    )
    session.add(row)
    session.flush()
    return row, token


def get(session: Session, actor: Actor, reference: str) -> SetupLink:
    """Return the link with that id. Raises NotFound."""
    row: SetupLink = lookup.find(
        session, SetupLink.visible(actor), SetupLink, Prefix.SETUP_LINK, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
) -> Sequence[SetupLink]:
    """Return up to `limit` + 1 links in order of their ids, those that work no more included."""
    return lookup.page(
        session,
        SetupLink.visible(actor),
        SetupLink,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
    )


def revoke(session: Session, actor: Actor, reference: str, now: datetime) -> SetupLink:
    """End a link, and what the browser sees that opened it; repeating keeps the first moment."""
    row = get(session, actor, reference)
    row.revoke(now)
    session.flush()
    return row


def is_unopened(session: Session, token: Secret, now: datetime) -> bool:
    """Tell whether a token can be exchanged. The session is the platform's; nothing changes."""
    row = _by_token(session, token)
    return row is not None and row.works(now) and row.opened_at is None


def open_(
    session: Session, token: Secret, now: datetime, random: Callable[[int], bytes]
) -> tuple[SetupLink, Secret]:
    """Exchange a token for what the browser keeps. The session is the platform's.

    Raises NotFound `setup_link_not_found`, one and the same for a token that was used, has expired
    or never was.
    """
    row = _by_token(session, token, locked=True)
    if row is None or not row.works(now) or row.opened_at is not None:
        raise NotFound("setup_link_not_found", _INVALID)
    kept = _secret(random)
    row.open(tokens.digest(kept), now)
    return row, kept


def visit(session: Session, reference: str, kept: Secret, now: datetime) -> LinkVisit:
    """Return what a browser may see that keeps this for the link. The session is the platform's.

    Raises NotFound `setup_link_not_found`.
    """
    try:
        row = get(session, PLATFORM, reference)
        domain = session.get(Domain, row.organization_domain_id)
    except (NotFound, Invalid):
        raise NotFound("setup_link_not_found", _INVALID) from None
    known = row.session_hash is not None and Secret(row.session_hash) == Secret(tokens.digest(kept))
    if not known or not row.works(now) or domain is None or domain.deleted_at is not None:
        raise NotFound("setup_link_not_found", _INVALID)
    return LinkVisit(row, domain, Actor(row.organization_id, "setup link"))


def pass_on(
    session: Session, seen: LinkVisit, now: datetime, random: Callable[[int], bytes]
) -> tuple[SetupLink, Secret]:
    """Make another link, for somebody to whom a visitor passes the task on. It ends with the first."""
    return _make(session, seen.domain, seen.link.expires_at, now, random)


def _by_token(session: Session, token: Secret, *, locked: bool = False) -> SetupLink | None:
    there = sa.exists().where(
        Domain.id == SetupLink.organization_domain_id, Domain.deleted_at.is_(None)
    )
    query = SetupLink.visible(PLATFORM).where(SetupLink.token_hash == tokens.digest(token), there)
    query = query.with_for_update() if locked else query
    row: SetupLink | None = session.scalars(query).one_or_none()
    return row


def _secret(random: Callable[[int], bytes]) -> Secret:
    """Return 200 random bits as text that survives e-mail: base32 in lower case (RFC 4648)."""
    return Secret(base64.b32encode(random(_RANDOM_BYTES)).decode("ascii").lower())
