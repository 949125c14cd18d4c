"""Offers of a held name to another organization: made, declined and taken back.

Nothing changes before the other one accepts (`acceptances.py`). Who offers a name learns from no answer
whether there is such an organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound, Problem
from nameplate.core.ids import Prefix
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import (
    Domain,
    HoldingBasis,
    NameHolding,
    NameTransfer,
    Organization,
    TransferStatus,
    telling,
)
from nameplate.usecases import holders, lookup
from nameplate.usecases.claims import holdings, incumbents

LIFETIME = timedelta(days=7)
"""How long an offer stands, unless the holder says otherwise."""
MAX_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TransferOffer:
    """What the holder says."""

    domain: str
    to: str
    """Id or external id of the other organization, whichever tree it is in."""
    with_bindings: bool = True
    expires_at: datetime | None = None


def offer(sessions: Sessions, actor: Actor, terms: TransferOffer) -> NameTransfer:
    """Offer a held name to another organization; the answer is the same when there is no such one.

    Raises NotFound `domain_not_found`, Conflict `not_transferable`, `transfer_exists`, Invalid
    `expires_at_invalid`.
    """

    def change(session: Session) -> NameTransfer:
        now = database_now(session)
        domain = lookup.domain(session, actor, terms.domain)
        lock_name(session, domain.domain_name)
        until = _checked(terms.expires_at or now + LIFETIME, now)
        held = transferable(session, domain)
        target = _target(session, terms.to)
        if target == domain.organization_id:
            raise refusal("the organization has it already.")
        _make_room(session, held, now)
        made = NameTransfer(
            organization_id=domain.organization_id,
            target_organization_id=target,
            target_reference=terms.to,
            organization_domain_id=domain.id,
            name=held.name,
            base=held.base,
            offered_name=held.name,
            with_bindings=terms.with_bindings,
            expires_at=until,
        )
        session.add(made)
        session.flush()
        _tell_target(session, made, "transfer.received")
        session.refresh(made)
        return made

    return sessions.run(PLATFORM, change)


def _checked(until: datetime, now: datetime) -> datetime:
    if now < until <= now + MAX_LIFETIME:
        return until
    detail = "Give a time in the future, at most 30 days from now."
    problem = Problem("/expires_at", "expires_at_invalid", detail)
    raise Invalid("expires_at_invalid", detail, [problem])


def _target(session: Session, to: str) -> int | None:
    """Return the id of the organization of that id or external id, None when there is none."""
    query = Organization.visible(PLATFORM).where(Organization.is_active.is_(True))
    try:
        found: Organization = lookup.find(
            session, query, Organization, Prefix.ORGANIZATION, to, Organization.external_id
        )
    except NotFound:
        return None
    return found.id


def _make_room(session: Session, held: NameHolding, now: datetime) -> None:
    """Close a former offer of the name that has run out, or is somebody else's of former times."""
    query = NameTransfer.visible(PLATFORM).where(NameTransfer.offered_name == held.name)
    former: NameTransfer | None = session.scalars(query).one_or_none()
    if former is None:
        return
    if former.is_open(now) and former.organization_id == held.organization_id:
        raise Conflict("transfer_exists", f"{held.name} is offered already. Withdraw that first.")
    former.offered_name = None
    session.flush()


def _tell_target(session: Session, row: NameTransfer, type_: str) -> None:
    """Tell the other organization of an offer, or of its end."""
    if row.target_organization_id is not None:
        copy = NameTransfer(
            id=row.id,
            organization_id=row.target_organization_id,
            organization_domain_id=None,
        )
        telling.tell(session, type_, copy, name=row.name)


def refusal(why: str) -> Conflict:
    """Return the error for what cannot be given away."""
    return Conflict("not_transferable", f"This domain cannot be transferred: {why}")


def transferable(session: Session, domain: Domain) -> NameHolding:
    """Return the holding that a domain stands for, if its organization may give it away."""
    name = holders.held_name(domain)
    mine = Actor(domain.organization_id)
    rows = {
        row.name: row
        for row in session.scalars(
            NameHolding.visible(mine).where(NameHolding.base == domain.domain_name)
        )
    }
    row: NameHolding | None = rows.get(name)
    if row is None or domain.holding_name != name:
        raise refusal("its name is not proved by itself. Lend a name below another one instead.")
    if row.grant_id is not None:
        raise refusal("its name is lent to the organization.")
    if row.basis is HoldingBasis.TRANSFER:
        raise refusal("it was transferred before and is not proved yet. Prove it first.")
    proofs = incumbents.proofs(session, row)
    if proofs and all(one.lost_at is not None for one in proofs):
        raise refusal("its proof is lost. Prove it again first.")
    above = [holdings.value(other) for other in rows.values() if other.name != name]
    if any(one.covers(name) for one in above):
        raise refusal("the organization holds what is above it. Lend it instead.")
    if domain.dns.hosted:
        raise refusal("its zone is hosted here. Move the zone to another DNS host first.")
    if domain.is_suffix:
        raise refusal("it is on the public suffix list. Ask the operator of the platform.")
    if domain.platform_suspension is not None:
        raise refusal("the platform suspended it.")
    if domain.contest_id is not None:
        raise refusal("another organization has proved it. Prove it again first.")
    return row


def get(session: Session, actor: Actor, reference: str) -> NameTransfer:
    """Return the transfer with that id, offered or received. Raises NotFound."""
    row: NameTransfer = lookup.find(
        session, NameTransfer.visible(actor), NameTransfer, Prefix.TRANSFER, reference
    )
    return row


def page(
    session: Session, actor: Actor, *, limit: int, after: int | None = None
) -> Sequence[NameTransfer]:
    """Return up to `limit` + 1 transfers, offered and received, in order of their ids."""
    return lookup.page(session, NameTransfer.visible(actor), NameTransfer, limit=limit, after=after)


def withdraw(sessions: Sessions, actor: Actor, reference: str) -> NameTransfer:
    """Take an offer back. Raises NotFound for who did not make it, Conflict `transfer_over`."""
    return _end(sessions, actor, reference, TransferStatus.WITHDRAWN, "organization_id")


def decline(sessions: Sessions, actor: Actor, reference: str) -> NameTransfer:
    """Refuse an offer. Raises NotFound for who did not get it, Conflict `transfer_over`."""
    return _end(sessions, actor, reference, TransferStatus.DECLINED, "target_organization_id")


def _end(
    sessions: Sessions, actor: Actor, reference: str, status: TransferStatus, side: str
) -> NameTransfer:
    def change(session: Session) -> NameTransfer:
        row = of_side(session, actor, reference, side)
        row = session.get_one(NameTransfer, row.id, with_for_update=True, populate_existing=True)
        refuse_over(row, database_now(session))
        row.end(status, database_now(session))
        if status is TransferStatus.WITHDRAWN:
            _tell_target(session, row, "transfer.taken_back")
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(PLATFORM, change)


def of_side(session: Session, actor: Actor, reference: str, side: str) -> NameTransfer:
    """Return a transfer of which the actor is that side. Raises NotFound."""
    row = get(session, actor, reference)
    if not actor.is_platform and getattr(row, side) != actor.organization_id:
        raise lookup.missing(Prefix.TRANSFER)
    return row


def refuse_over(row: NameTransfer, now: datetime) -> None:
    """Raise Conflict `transfer_over` unless the offer stands."""
    if not row.is_open(now):
        raise Conflict(
            "transfer_over", "This offer was accepted, declined or withdrawn, or expired."
        )
