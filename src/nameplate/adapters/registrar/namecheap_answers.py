"""Namecheap's answers about registrations: dates, prices, and what each number of an error means."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from nameplate.adapters.vendors.namecheap import malformed
from nameplate.core.contacts import Contact
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.money import Money
from nameplate.ports.registrar import OperationState

NOT_OURS = "name_not_in_account"
_ERRORS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("2019166", "2016166"), (NOT_OURS, "The name is not in this Namecheap account.")),
    **dict.fromkeys(("3019166", "4019166"), ("name_taken", "The name is not available at Namecheap.")),
    "2030166": ("suffix_not_sold", "Namecheap does not manage such a name."),
    "2030280": ("suffix_not_sold", "Namecheap does not sell names below this suffix by its API."),
    "2011280": ("suffix_not_sold", "Namecheap does not know this suffix."),
    "2011169": ("provider_refused", "Namecheap checks at most 50 names at a time."),
    "2011170": ("provider_refused", "Namecheap does not accept the promotion code."),
    "2015167": ("years_invalid", "Namecheap does not register the name for that number of years."),
    "2015182": ("contact_invalid", "Namecheap does not accept the phone number of the contact."),
    "2015267": ("contact_invalid", "The registry of this name needs consent that the API cannot give."),
    "2010323": ("contact_invalid", "Namecheap needs more fields of the contact."),
    "2011168": ("name_servers_invalid", "Namecheap does not accept these name servers."),
    "2011322": ("contact_invalid", "The registry of this name needs data that the API cannot give."),
    "2020166": ("name_not_in_redemption", "The name has not expired, or cannot be brought back any more."),
    "2033409": ("order_refused", "Namecheap found no account to charge the order to."),
    "2033407": ("order_refused", "Namecheap did not charge the order."),
    "2033270": ("order_refused", "Namecheap cannot turn privacy on for this order."),
    "4022336": ("contact_invalid", "Namecheap could not read the account's address."),
    "4019337": ("contact_invalid", "Namecheap could not read the contacts of the name."),
    "4011103": (NOT_OURS, "This API user may not use the name."),
}  # fmt: skip
"""Number -> code and sentence; each says that nothing was done or charged."""
_UNKNOWN: Mapping[str, str] = {
    "3031510": "The registry behind Namecheap answered with an error.",
    "3028166": "The registry behind Namecheap answered with an error.",
    "3031166": "Namecheap got no information from the registry.",
    "3031900": "The registry behind Namecheap gave an unknown answer.",
    "3016166": "The name is not at the provider behind Namecheap.",
    "3050900": "The provider behind Namecheap failed.",
    "3024510": "The provider behind Namecheap failed.",
    "3050511": "The provider behind Namecheap failed.",
    "2528166": "Namecheap could not complete the order.",
    "4011331": "Namecheap got an invalid status from the provider.",
    "4023166": "Namecheap could not renew the name.",
    "4024167": "Namecheap could not change the years of the name.",
    "4023271": "Namecheap could not add what belongs to the order.",
    "5019169": "Namecheap failed for an unknown reason.",
    "5050169": "Namecheap failed for an unknown reason.",
    "5050900": "Namecheap failed for an unknown reason.",
}
"""Number -> sentence; whether an order was carried out has to be looked at."""
_FAILED = ("3", "4", "5")
"""Beginnings of the numbers of errors inside Namecheap."""
_POOR = ("insufficient", "not enough funds", "account balance")
_CODES = ("epp", "auth code", "authorization code")
_NOBODY = "0001"
_EXPIRED = "2020166"
"""Says of a renewal that it comes too late, and of a reactivation that it comes too early."""
_LATE = ("name_in_redemption", "Only a reactivation brings the name back.")


def explain(numbers: frozenset[str], said: str) -> NameplateError:
    """Return what the errors of an answer mean; the numbers count, and words only where there is none."""
    words = said.lower()
    if any(word in words for word in _POOR):
        return Refused("balance_low", f"The balance at Namecheap is too low: {said}")
    for number in sorted(numbers & _ERRORS.keys()):
        is_late = number == _EXPIRED and "reactivate your" in words
        code, sentence = _LATE if is_late else _ERRORS[number]
        return Refused(code, _told(sentence, number, said))
    for number in sorted(numbers & _UNKNOWN.keys()):
        return Unavailable("provider_failed", _told(_UNKNOWN[number], number, said))
    if any(number.startswith(_FAILED) for number in numbers):
        return Unavailable("provider_failed", f"Namecheap failed: {said}")
    if any(word in words for word in _CODES):
        return Refused("transfer_code_wrong", f"Namecheap rejected the transfer code: {said}")
    shown = ", ".join(sorted(numbers)) or "no number"
    return Refused("provider_refused", f"Namecheap refused ({shown}): {said}")


def date(text: str | None) -> datetime | None:
    """Return a date, which Namecheap writes with the month first; None for none. Raises Unavailable."""
    if not text or text.startswith(_NOBODY):
        return None
    try:
        return datetime.strptime(text.strip()[:10], "%m/%d/%Y").replace(tzinfo=UTC)
    except ValueError:
        raise malformed() from None


def amount(text: str | None) -> Decimal:
    """Return a decimal number; nothing is 0. Raises Unavailable."""
    try:
        found = Decimal((text or "0").replace(",", "").strip() or "0")
    except InvalidOperation:
        raise malformed() from None
    if not found.is_finite() or found < 0:
        raise malformed()
    return found


def money(text: str | None, currency: str = "USD") -> Money | None:
    """Return an amount that was charged, None where Namecheap does not say."""
    return Money.of(amount(text), currency) if text else None


def is_true(text: str | None) -> bool:
    """Return a truth value as Namecheap spells it."""
    return (text or "").strip().lower() == "true"


def host(text: str) -> str:
    """Return a name server in canonical form."""
    return text.strip().lower().removesuffix(".")


_ROLES = ("Registrant", "Tech", "Admin", "AuxBilling")


def contact_fields(contact: Contact) -> dict[str, str]:
    """Return one contact as the parameters of all four roles."""
    fields = {name: value for name, value in registrant_fields(contact).items() if value}
    return {f"{role}{name}": value for role in _ROLES for name, value in fields.items()}


def registrant_fields(contact: Contact) -> dict[str, str]:
    """Return one contact as Namecheap writes it, with the fields that are empty."""
    return {
        "FirstName": contact.first_name,
        "LastName": contact.last_name,
        "Address1": contact.street,
        "City": contact.city,
        "StateProvince": contact.state or contact.city,
        "PostalCode": contact.postal_code,
        "Country": contact.country,
        "Phone": contact.phone,
        "EmailAddress": contact.email,
        "OrganizationName": contact.organization,
        "Address2": contact.street2,
    }


_TRANSFERRED = "complete"
_ENDED = ("cancel", "reject", "fail", "denied", "expired")


def transfer_state(text: str) -> OperationState:
    """Return how far a transfer is: its sentence says it, its number means different things by time."""
    words = text.lower()
    if _TRANSFERRED in words:
        return OperationState.DONE
    if any(word in words for word in _ENDED):
        return OperationState.FAILED
    return OperationState.IN_PROGRESS


def _told(sentence: str, number: str, said: str) -> str:
    """Return our sentence with the registrar's own words."""
    return f"{sentence} ({number}: {said})"
