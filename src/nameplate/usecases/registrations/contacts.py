"""Contacts: sealed to their row, opened only for the registrar and their organization.

A contact that was changed is sent to the registrar once, and read back until the registrar shows it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.contacts import Contact, parse_contact
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import NotFound, Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease
from nameplate.models import Purchase, RegisteredName
from nameplate.ports.registrar import ContactKeeper
from nameplate.usecases import work
from nameplate.usecases.registrations import registrars, registrations
from nameplate.usecases.registrations.delegating import RegistrationTrouble
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.tools import Tools

_SOONEST, _LATEST = timedelta(minutes=2), timedelta(hours=1)
_SLOW = timedelta(days=1)
"""After which a registrar that shows another contact than it was sent is a problem."""


def keep(row: RegisteredName, ring: KeyRing, contact: Contact) -> None:
    """Seal a contact into a row that has its id."""
    row.contact = ring.seal(Secret(json.dumps(contact.as_json())), _place(row))


def opened(row: RegisteredName, ring: KeyRing) -> Contact:
    """Return the contact of a registration. Raises Refused `contact_missing`."""
    if row.contact is None:
        raise Refused("contact_missing", "The registration has no contact. Give one.")
    return parse_contact(json.loads(ring.open(row.contact, _place(row)).reveal()))


def read(row: RegisteredName, ring: KeyRing) -> Contact:
    """Return a contact to who may see its registration. Raises NotFound `contact_missing`."""
    if row.contact is None:
        raise NotFound("contact_missing", f"Nameplate has no contact of {row.name}. Give one.")
    return opened(row, ring)


def change(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str, contact: Contact
) -> RegisteredName:
    """Give a registration another contact; a worker brings it to the registrar.

    Raises NotFound, Conflict `registration_over`, Refused `act_unsupported`, `account_missing`.
    """
    connected = registrations.connected(sessions, tools, actor, reference)
    registrars.able(connected, ContactKeeper, "change contacts")  # type: ignore[type-abstract]  # a Protocol is asked for

    def transaction(session: Session) -> RegisteredName:
        now = database_now(session)
        row = registrations.changeable(session, actor, reference)
        keep(row, tools.keyring, contact)
        row.contact_wanted_at, row.contact_sent_at = now, None
        row.wake(now)
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(actor, transaction)


@dataclass(frozen=True, slots=True)
class ContactProgress:
    """What a step found and did about a contact, as it is recorded."""

    wanted_at: datetime | None = None
    """Of which change; None: none waits."""
    is_there: bool = False
    has_sent: bool = False
    trouble: RegistrationTrouble | None = None
    again: timedelta | None = None

    def record(self, row: RegisteredName, now: datetime) -> None:
        """Keep it in the row, unless the contact was changed again meanwhile."""
        if row.contact_wanted_at != self.wanted_at:
            return
        if self.is_there:
            row.contact_wanted_at = row.contact_sent_at = None
        elif self.has_sent:
            row.contact_sent_at = now


def advance(
    sessions: Sessions, tools: Tools, lease: Lease, row: RegisteredName, connected: Connected
) -> ContactProgress:
    """Look whether the registrar has the contact that waits, and send it once. Raises as registrars do."""
    registrar, wanted_at, sent_at = connected.registrar, row.contact_wanted_at, row.contact_sent_at
    if wanted_at is None or not isinstance(registrar, ContactKeeper):
        return ContactProgress()
    contact = opened(row, tools.keyring)
    if registrar.shows_contact(row.name, contact, exactly=sent_at is None):
        return ContactProgress(wanted_at, is_there=True)
    if sent_at is None:
        work.confirm(sessions, RegisteredName, lease)
        registrar.set_contact(row.name, contact)
        return ContactProgress(wanted_at, has_sent=True)
    gone = lease.now() - sent_at
    if gone <= _SLOW:
        return ContactProgress(wanted_at, again=min(max(gone / 2, _SOONEST), _LATEST))
    message = (
        f"The contact of {row.name} was sent to the registrar on {sent_at:%Y-%m-%d}, which still shows "
        "another one. Look for an e-mail that asks the registrant to confirm it, or ask the registrar."
    )
    return ContactProgress(wanted_at, trouble=RegistrationTrouble("contact_not_shown", message))


def keep_code(row: Purchase, ring: KeyRing, code: Secret) -> None:
    """Seal the code of a transfer into a row that has its id."""
    row.transfer_code = ring.seal(code, _code_place(row))


def code_of(row: Purchase, ring: KeyRing) -> Secret:
    """Return the code of a transfer. Raises Refused `transfer_code_missing`."""
    if row.transfer_code is None:
        raise Refused("transfer_code_missing", "The code of the transfer is gone. Start it again.")
    return ring.open(row.transfer_code, _code_place(row))


def _place(row: RegisteredName) -> Place:
    return Place("registrations", "contact", row.organization_id, row.id)


def _code_place(row: Purchase) -> Place:
    return Place("purchases", "transfer_code", row.organization_id, row.id)
