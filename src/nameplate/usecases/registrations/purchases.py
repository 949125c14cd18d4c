"""Purchases: confirming a quote, approving what is over a limit, calling off what was not sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.contacts import Contact
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import Account, Purchase, RegisteredName, RenewedBy
from nameplate.ports.registrar import Act
from nameplate.usecases import lookup
from nameplate.usecases.registrations import contacts, quotes
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class Agreement:
    """What somebody agrees to."""

    amount: Money
    """What may be paid at most."""
    accepts_premium: bool = False
    contact: Contact | None = None
    """Required for a name that is new to the account."""
    transfer_code: Secret | None = None
    renewed_by: RenewedBy = RenewedBy.NAMEPLATE
    delegate: bool = False
    """Delegate it to the DNS account of its domain."""


def get(session: Session, actor: Actor, reference: str) -> Purchase:
    """Return the purchase with that id. Raises NotFound."""
    row: Purchase = lookup.find(
        session, Purchase.visible(actor), Purchase, Prefix.PURCHASE, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
    name: str | None = None,
) -> Sequence[Purchase]:
    """Return up to `limit` + 1 purchases in order of their ids, quotes included."""
    return lookup.page(
        session,
        Purchase.visible(actor),
        Purchase,
        limit=limit,
        after=after,
        status=status,
        name=None if name is None else lookup.spelled(name),
    )


def confirm(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str, terms: Agreement
) -> Purchase:
    """Agree to a quote: a worker buys it, once. Confirming again returns the same purchase.

    Without a contact it is that of the organization's last registration. Raises Conflict
    `quote_expired`, `amount_too_low`, `premium_not_accepted`, `registration_exists`, `name_in_use`,
    `purchase_open`, `expiry_moved`; Invalid `contact_required`, `transfer_code_required`.
    """
    with sessions.begin(actor, read_only=True) as session:
        account_id = get(session, actor, reference).account_id
    with sessions.begin(PLATFORM, read_only=True) as session:
        account = session.get(Account, account_id or 0)
    plugin = None if account is None else tools.registrars.get(account.provider)
    fallback = None if plugin is None else plugin.contact

    def change(session: Session) -> Purchase:
        now = database_now(session)
        return _confirm(session, tools, actor, reference, terms, fallback=fallback, now=now)

    return sessions.run(actor, change)


def _confirm(
    session: Session,
    tools: Tools,
    actor: Actor,
    reference: str,
    terms: Agreement,
    *,
    fallback: Contact | None,
    now: datetime,
) -> Purchase:
    found = get(session, actor, reference)
    lock_name(session, found.name)
    row: Purchase = session.get_one(
        Purchase, found.id, with_for_update=True, populate_existing=True
    )
    if row.status is not PurchaseStatus.QUOTED:
        return row
    if terms.contact is None and row.act in {Act.REGISTER, Act.TRANSFER}:
        terms = replace(terms, contact=_usual(session, tools, row) or fallback)
    _check(row, terms, now)
    if row.act in {Act.REGISTER, Act.TRANSFER}:
        registration = _begin(session, tools, row, terms)
    else:
        registration = _continue(session, row)
    row.registration_id = registration.id
    row.confirm(terms.amount, actor.name, now, accepts_premium=terms.accepts_premium)
    if actor.is_platform:  # who could approve it has confirmed it
        row.approved_at, row.approved_by = now, actor.name
    if terms.transfer_code is not None:
        contacts.keep_code(row, tools.keyring, terms.transfer_code)
    registration.wake(now)
    session.flush()
    session.refresh(row)
    return row


def _usual(session: Session, tools: Tools, row: Purchase) -> Contact | None:
    """Return the contact of the organization's last registration that has one."""
    query = RegisteredName.visible(Actor(row.organization_id)).where(
        RegisteredName.contact.is_not(None)
    )
    last: RegisteredName | None = session.scalars(
        query.order_by(RegisteredName.id.desc()).limit(1)
    ).first()
    return None if last is None else contacts.opened(last, tools.keyring)


def _check(row: Purchase, terms: Agreement, now: datetime) -> None:
    if row.valid_until <= now:
        raise Conflict("quote_expired", "The quote is too old. Ask for a new one.")
    if not terms.amount.covers(row.price):
        raise Conflict(
            "amount_too_low", f"The price is {row.price}, and up to {terms.amount} was agreed to."
        )
    if row.is_premium and not terms.accepts_premium:
        raise Conflict(
            "premium_not_accepted",
            f"{row.name} is a premium name for {row.price}. Agree to that explicitly.",
        )
    if row.act is Act.TRANSFER and terms.transfer_code is None:
        detail = "A transfer needs the authorization code of the present registrar."
        problem = Problem("/transfer_code", "transfer_code_required", detail)
        raise Invalid("transfer_code_required", detail, [problem])
    if row.act in {Act.REGISTER, Act.TRANSFER} and terms.contact is None:
        detail = "Registries require a contact."
        raise Invalid("contact_required", detail, [Problem("/contact", "contact_required", detail)])


def _begin(session: Session, tools: Tools, row: Purchase, terms: Agreement) -> RegisteredName:
    """Make the row of a name that is new: of an account's names one organization can have each."""
    if quotes.current(session, row.organization_id, row.name) is not None:
        raise quotes.exists(row.name)
    name, transfer = row.name, row.act is Act.TRANSFER
    made = RegisteredName(
        organization_id=row.organization_id,
        account_id=row.account_id,
        name=row.name,
        status=RegistrationStatus.TRANSFERRING_IN if transfer else RegistrationStatus.PENDING,
        renewed_by=terms.renewed_by,
        is_delegated=terms.delegate,
        # Of a name that is in use somebody agrees to what stops answering, once it can be compared.
        name_servers_wanted=[] if transfer and terms.delegate else None,
    )
    session.add(made)
    try:
        session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict("name_in_use", f"{name} is being registered already.") from error
    if terms.contact is not None:
        contacts.keep(made, tools.keyring, terms.contact)
    return made


def _continue(session: Session, row: Purchase) -> RegisteredName:
    """Return the registration that is to be renewed or brought back, if nothing is open for it."""
    registration = quotes.current(session, row.organization_id, row.name)
    if registration is None:
        raise lookup.missing(Prefix.REGISTRATION)
    session.refresh(registration, with_for_update=True)
    query = Purchase.visible(Actor(row.organization_id)).where(Purchase.open_of(registration.id))
    if session.scalars(query.limit(1)).first() is not None:
        raise Conflict(
            "purchase_open", f"Another purchase for {row.name} is not over. Wait until it is."
        )
    ends, start = registration.expires_at, row.starts_from
    if row.act is Act.RENEW and ends is not None and start is not None and ends > start:
        raise Conflict("expiry_moved", f"{row.name} ends at another time than when it was quoted.")
    return registration


def is_ordered_elsewhere(session: Session, row: Purchase, provider: str, since: datetime) -> bool:
    """Tell whether another order of a name was sent to the same provider, and nobody knows its end yet.

    Two accounts here may be one there: each order would take the other's name for its own.
    """
    if row.act not in {Act.REGISTER, Act.TRANSFER}:
        return False
    query = Purchase.visible(PLATFORM).join(Account, Account.id == Purchase.account_id)
    sent = query.where(
        Purchase.name == row.name,
        Purchase.id != row.id,
        Purchase.status.in_([PurchaseStatus.SENT, PurchaseStatus.UNKNOWN]),
        Purchase.sent_at > since,
        Account.provider == provider,
    )
    return session.scalars(sent.limit(1)).first() is not None


def approve(session: Session, actor: Actor, reference: str, now: datetime) -> Purchase:
    """Let a purchase be that is over a limit. Raises NotPermitted `platform_only`."""
    organizations.only_platform(actor, "approve purchases")
    row = _locked(session, actor, reference)
    if row.status is PurchaseStatus.WAITING:
        row.approve(actor.name, now)
        _wake(session, row, now)
    return row


def cancel(session: Session, actor: Actor, reference: str, now: datetime) -> Purchase:
    """Call off a purchase that was not sent yet. Raises Conflict `purchase_sent`."""
    row = _locked(session, actor, reference)
    if row.status in {PurchaseStatus.CONFIRMED, PurchaseStatus.WAITING, PurchaseStatus.INTENDED}:
        row.cancel("It was called off.", now)
        end_unborn(session, row)
        return row
    if row.is_out or row.status is PurchaseStatus.SETTLED:
        raise Conflict("purchase_sent", "It was sent to the registrar and cannot be called off.")
    return row


def end_unborn(session: Session, row: Purchase) -> None:
    """End the registration that a purchase was to begin, and that never came to be."""
    if row.registration_id is None or row.act not in {Act.REGISTER, Act.TRANSFER}:
        return
    registration = session.get(RegisteredName, row.registration_id)
    if registration is not None and registration.status in {
        RegistrationStatus.PENDING,
        RegistrationStatus.TRANSFERRING_IN,
    }:
        registration.become(RegistrationStatus.CANCELLED)
        registration.contact = None


def _locked(session: Session, actor: Actor, reference: str) -> Purchase:
    found = get(session, actor, reference)
    row: Purchase = session.get_one(
        Purchase, found.id, with_for_update=True, populate_existing=True
    )
    return row


def _wake(session: Session, row: Purchase, now: datetime) -> None:
    registration = session.get(RegisteredName, row.registration_id or 0)
    if registration is not None:
        registration.wake(now)
    session.flush()
