"""Contacts at rest: sealed to their row, opened only for the registrar and their organization."""

import json

from nameplate.core.contacts import Contact, parse_contact
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.models import Purchase, RegisteredName


def keep(row: RegisteredName, ring: KeyRing, contact: Contact) -> None:
    """Seal a contact into a row that has its id."""
    row.contact = ring.seal(Secret(json.dumps(contact.as_json())), _place(row))


def opened(row: RegisteredName, ring: KeyRing) -> Contact:
    """Return the contact of a registration. Raises Refused `contact_missing`."""
    if row.contact is None:
        raise Refused("contact_missing", "The registration has no contact. Give one.")
    return parse_contact(json.loads(ring.open(row.contact, _place(row)).reveal()))


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
