"""Quotes: what an act costs now, kept so that somebody can agree to exactly that."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound, Problem
from nameplate.core.ids import Prefix
from nameplate.core.purchases import years_after
from nameplate.db import Sessions, database_now
from nameplate.models import Account, Purchase, RegisteredName
from nameplate.ports.registrar import (
    Act,
    Availability,
    Quote,
    Reactivator,
    RegistrationState,
    Renewer,
    Seller,
    Transferrer,
)
from nameplate.usecases import lookup
from nameplate.usecases.registrations import registrars
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

VALID_FOR = timedelta(minutes=30)
_ABILITIES = {
    Act.REGISTER: Seller,
    Act.RENEW: Renewer,
    Act.TRANSFER: Transferrer,
    Act.REACTIVATE: Reactivator,
}
_NEW = (Act.REGISTER, Act.TRANSFER)


def quote(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    *,
    act: Act,
    name: str,
    years: int = 1,
    account: str | None = None,
    organization: str | None = None,
) -> Purchase:
    """Ask what an act costs, and keep the answer for half an hour. Nothing is bought.

    Raises Invalid `years_invalid`, Conflict `name_not_available`, `registration_exists`, NotFound
    `registration_not_found`, and as registrars do.
    """
    wanted = registrars.registrable(tools, name)
    _check_years(years, 1 if act is Act.REACTIVATE else 10)
    with sessions.begin(actor, read_only=True) as session:
        owner_id = organizations.acting(session, actor, organization).id
    with sessions.begin(PLATFORM, read_only=True) as session:
        row = current(session, owner_id, wanted)
        if act in _NEW and row is not None:
            raise exists(wanted)
        if act not in _NEW and row is None:
            raise lookup.missing(Prefix.REGISTRATION)
        chosen = (
            registrars.choose(session, actor, owner_id, account)
            if row is None
            else session.get(Account, row.account_id or 0)
        )
    connected = registrars.connect(tools, chosen)
    _check_years(years, connected.plugin.max_years)
    registrars.able(connected, _ABILITIES[act], act.value)
    starts_from = _checked(connected, act, wanted)
    found = connected.registrar.quote(act, wanted, years)

    def keep(session: Session) -> Purchase:
        now = database_now(session)
        if starts_from is not None and act is Act.RENEW:
            _check_end(starts_from, years, connected.plugin.max_years, now)
        made = made_of(owner_id, connected.account.id, found, now)
        made.registration_id = None if row is None else row.id
        made.starts_from = starts_from
        session.add(made)
        session.flush()
        session.refresh(made)
        return made

    return sessions.run(PLATFORM, keep)


def made_of(owner_id: int, account_id: int, found: Quote, now: datetime) -> Purchase:
    """Return a new row for a quote."""
    limit = now + VALID_FOR
    return Purchase(
        organization_id=owner_id,
        account_id=account_id,
        name=found.name,
        act=found.act,
        years=found.years,
        currency=found.price.currency,
        quoted_amount=found.price.amount,
        is_premium=found.is_premium,
        valid_until=min(limit, found.valid_until or limit),
    )


def current(session: Session, owner_id: int, name: str) -> RegisteredName | None:
    """Return an organization's registration of a name that is, or is about to be, there."""
    row: RegisteredName | None = session.scalars(
        RegisteredName.visible(Actor(owner_id)).where(
            RegisteredName.name == name, RegisteredName.current == 1
        )
    ).one_or_none()
    return row


def exists(name: str) -> Conflict:
    """Return the refusal of what the organization has, or is about to have, already."""
    return Conflict("registration_exists", f"There is a registration of {name} already.")


def _checked(connected: Connected, act: Act, name: str) -> datetime | None:
    """See to it that an act makes sense now; return the expiry that a renewal starts from."""
    if act is Act.REGISTER:
        (offer,) = connected.registrar.offers([name])
        if offer.availability is not Availability.AVAILABLE:
            raise Conflict(
                "name_not_available",
                f"{name} cannot be registered: the registrar says `{offer.availability}`.",
            )
        return None
    if act is Act.TRANSFER:
        return None
    seen = connected.registrar.registration(name)
    if seen is None:
        raise NotFound("registration_not_found", f"{name} is not in the account at the registrar.")
    if act is Act.REACTIVATE:
        if seen.state is not RegistrationState.REDEMPTION:
            raise Conflict("name_not_in_redemption", f"{name} can be renewed as usual.")
        return None
    if seen.state is RegistrationState.REDEMPTION:
        raise Conflict("name_in_redemption", f"Only a reactivation brings {name} back.")
    return seen.expires_at


def _check_years(years: int, most: int) -> None:
    if not 1 <= years <= most:
        raise _years(f"Expected 1 to {most} years." if most > 1 else "Expected 1 year.")


def _check_end(starts_from: datetime, years: int, most: int, now: datetime) -> None:
    if years_after(starts_from, years) > years_after(now, most):
        raise _years(f"A registration can end {most} years from now at the latest.")


def _years(detail: str) -> Invalid:
    return Invalid("years_invalid", detail, [Problem("/years", "years_invalid", detail)])
