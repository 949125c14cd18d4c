"""What a registration proves: its organization holds the name with everything below, while it lasts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.models import Account, Domain, HoldingBasis, NameHolding, RegisteredName, telling
from nameplate.usecases import holders
from nameplate.usecases.claims import (
    domains,
    handovers,
    holdings,
    incumbents,
    lent_holdings,
    verifications,
)
from nameplate.usecases.hosting import offers
from nameplate.usecases.registrations import registrars
from nameplate.usecases.tools import Tools

TRIAL = "The registrar's account is of a trial environment, so it proves nothing. Prove the name by DNS."
_COUNTS = (RegistrationStatus.ACTIVE, RegistrationStatus.EXPIRING)
_ASKED_AGAIN = timedelta(hours=1)
"""Least time between two looks at a registrar because another account shows the name."""
_NEW_OWNER = "The name was registered anew by another organization."


def grant(
    session: Session,
    tools: Tools,
    row: RegisteredName,
    now: datetime,
    *,
    bought: bool,
    proves: bool,
    hosted: offers.HostingOffer | None = None,
) -> str | None:
    """Let the organization hold a name that is registered for it; return why it cannot, if so.

    `proves` is what the registrar's account says of itself: of a trial environment nothing is granted.
    A name that was `bought` was nobody's: who held it here holds it no more. Otherwise the holding of
    somebody else stays. Runs in a platform transaction under the lock row of the name.
    """
    try:
        claim = _claim(session, tools, row, hosted)
    except (Conflict, Invalid) as error:
        return error.detail
    if not proves:
        return TRIAL
    own = holders.holding(session, row.organization_id, row.name)
    if own is None or own.name != row.name or not own.subtree:
        for other in incumbents.in_the_way(session, claim, subtree=True) if bought else ():
            if other.grant_id is None:
                handovers.dispossess(session, tools, other, now, _NEW_OWNER)
        try:
            with session.begin_nested():
                lent_holdings.make_way(session, claim, now)
                holdings.take(session, claim, subtree=True, now=now)
        except Conflict as error:
            _ask_others(session, row, now)
            return error.detail
        session.get_one(NameHolding, row.name).basis = HoldingBasis.REGISTRATION
        telling.tell(
            session,
            "domain.proved_by_registration",
            claim,
            registration=ids.show(Prefix.REGISTRATION, row.id),
        )
    session.flush()
    handovers.rest_all(session, tools, row.organization_id, row.name, now)
    handovers.rest(session, tools, claim, now)
    return None


def is_refused(
    session: Session,
    tools: Tools,
    row: RegisteredName,
    claim: Domain | None,
    now: datetime,
    *,
    proves: bool,
) -> bool:
    """Let an unproved claim rest on the registration if it can by now; tell whether it cannot, and why."""
    if claim is None or claim.holding_name is not None or row.status not in _COUNTS:
        return False
    why = grant(session, tools, row, now, bought=False, proves=proves)
    if why is not None:
        note_refusal(row, why, now)
    return why is not None


def note_refusal(row: RegisteredName, why: str, now: datetime) -> None:
    """Say on the registration why its organization does not hold the name."""
    row.meet("registration_unproved" if why == TRIAL else "name_in_use", why, None, now)


def end(session: Session, tools: Tools, row: RegisteredName, now: datetime) -> None:
    """End what rests on a registration that is no more, as far as no proof supports it.

    Who has the name at another account looks at once whether it can hold it now. Runs in a platform
    transaction under the lock row of the name.
    """
    wake_others(session, row, now)
    claim = claim_of(session, row)
    held = session.get(NameHolding, row.name, populate_existing=True)
    if claim is None or held is None or held.organization_id != row.organization_id:
        return
    if held.basis is not HoldingBasis.REGISTRATION:
        return
    held.basis = HoldingBasis.PROOF
    lapsed = holdings.review(session, claim)
    if not holdings.settle(session, claim):
        claim.lapse("The registration that proved the name has ended.")
        lapsed = [claim, *lapsed]
    verifications.prove_anew(session, tools, lapsed, now)
    verifications.wake_dependents(session, claim, now, urgent=True)


def _of_others(row: RegisteredName) -> Sequence[sa.ColumnElement[bool]]:
    """Return what is true of registrations of the same name by accounts of other organizations."""
    return (
        RegisteredName.name == row.name,
        RegisteredName.current == 1,
        RegisteredName.organization_id != row.organization_id,
    )


def wake_others(session: Session, row: RegisteredName, now: datetime) -> None:
    """Have other accounts asked that showed the same name."""
    session.execute(RegisteredName.waking(now).where(*_of_others(row)))


def is_shown_elsewhere(session: Session, tools: Tools, row: RegisteredName) -> bool:
    """Tell whether another account showed the name after this one had lost it: it has moved."""
    since = row.missing_since
    return since is not None and any(
        other.status in _COUNTS
        and other.seen_at is not None
        and other.seen_at >= since
        and registrars.shows_names(tools, session.get(Account, other.account_id or 0))
        for other in session.scalars(RegisteredName.visible(PLATFORM).where(*_of_others(row)))
    )


def _ask_others(session: Session, row: RegisteredName, now: datetime) -> None:
    """Have the registrar asked by whose word somebody else holds the name: it may have moved."""
    old = sa.or_(RegisteredName.seen_at.is_(None), RegisteredName.seen_at < now - _ASKED_AGAIN)
    session.execute(RegisteredName.waking(now).where(*_of_others(row), old))


def follow(claim: Domain | None, row: RegisteredName, registrar: str) -> None:
    """Show the registration in the claim on its name."""
    if claim is None:
        return
    told = {
        "registrar": registrar,
        "registrar_domain_id": row.external_id,
        "registered_at": row.registered_at,
        "expires_at": row.expires_at,
    }
    for name, value in told.items():
        if getattr(claim, name) != value:
            setattr(claim, name, value)


def claim_of(session: Session, row: RegisteredName) -> Domain | None:
    """Return the organization's claim on a registered name."""
    claim: Domain | None = session.scalars(
        Domain.visible(Actor(row.organization_id)).where(Domain.full_domain == row.name)
    ).one_or_none()
    return claim


def _claim(
    session: Session, tools: Tools, row: RegisteredName, hosted: offers.HostingOffer | None
) -> Domain:
    known = claim_of(session, row)
    if known is not None:
        return known
    made = domains.add(
        session,
        tools,
        PLATFORM,
        name=row.name,
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        hosted=hosted,
    )
    session.refresh(made)
    return made
