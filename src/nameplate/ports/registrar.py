"""A registrar: names are looked up, bought, renewed, moved and delegated there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from nameplate.core.configuration import Credentials
from nameplate.core.contacts import Contact
from nameplate.core.delegation_signing import Ds
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.plugins import Plugin


class Act(StrEnum):
    """What costs money at a registrar."""

    REGISTER = "register"
    RENEW = "renew"
    TRANSFER = "transfer"
    REACTIVATE = "reactivate"


class Availability(StrEnum):
    """Whether a name can be registered."""

    AVAILABLE = "available"
    TAKEN = "taken"
    RESERVED = "reserved"
    """The registry keeps it for itself."""
    RESTRICTED = "restricted"
    """Sold under conditions that this registrar's API cannot meet, or not sold by it at all."""
    PREORDER = "preorder"
    UNKNOWN = "unknown"
    """The registry did not say; ask again later."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a registrar says about one name that somebody may want to register."""

    name: str
    """A registrable name, canonical (lower-case A-labels, no final dot)."""
    availability: Availability
    price: Money | None = None
    """Of one year's registration with all fees, where the registrar says so along with it."""
    is_premium: bool = False
    """It costs more than other names below its suffix, set by the registry or a seller."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an act would cost now, with all fees."""

    act: Act
    name: str
    years: int
    price: Money
    is_premium: bool = False
    valid_until: datetime | None = None
    """None: the registrar does not say."""


class RegistrationState(StrEnum):
    """Where a registration stands, as the registrar tells it."""

    PENDING = "pending"
    """Ordered; the registry has not confirmed it."""
    ACTIVE = "active"
    EXPIRED = "expired"
    """The period is over; a plain renewal still keeps it."""
    REDEMPTION = "redemption"
    """Only a reactivation brings it back."""
    TRANSFERRING_IN = "transferring_in"
    TRANSFERRING_OUT = "transferring_out"


@dataclass(frozen=True, slots=True)
class Registration:
    """A name in the account, as the registrar tells it. What it does not tell is None or empty."""

    name: str
    state: RegistrationState
    external_id: str = ""
    """The registrar's own id, or empty where the name is the id."""
    registered_at: datetime | None = None
    """Aware UTC, as all times here."""
    expires_at: datetime | None = None
    auto_renew: bool | None = None
    """Whether the registrar renews it by itself."""
    is_locked: bool | None = None
    """Whether it is protected from transfers."""
    has_privacy: bool | None = None
    name_servers: tuple[str, ...] = ()
    """Canonical, without final dot, sorted."""
    statuses: tuple[str, ...] = ()
    """EPP status codes (RFC 5731), as in `clientTransferProhibited`, sorted."""


class OperationState(StrEnum):
    """How far an act is at the registrar."""

    IN_PROGRESS = "in_progress"
    DONE = "done"
    FAILED = "failed"
    """It will not happen; what was charged for it is given back."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An act that the registrar has accepted."""

    state: OperationState
    id: str = ""
    """By which `OperationReader` asks for it again; empty when it was over at once."""
    act: Act | None = None
    """None: not one that costs money."""
    name: str = ""
    started_at: datetime | None = None
    order_id: str = ""
    transaction_id: str = ""
    charged: Money | None = None
    """What was taken, where the registrar says so."""
    detail: str = ""
    """Why it failed or what it waits for, in words for a person; bounded and cleaned."""


DONE = Operation(OperationState.DONE)
"""What an act answers that was over at once and costs nothing."""


class Registrar(Protocol):
    """One credential at one registrar. Methods may be called from several threads.

    Every method of this and of the abilities below raises `Unavailable` (try again later; an act may
    have taken effect, but for `RateLimited`, which says that nothing was done) or `Refused` (credential
    or registrar says no: nothing was done or charged), and nothing else.
    """

    def registrations(self) -> Sequence[Registration]:
        """Return every name in the account, with at least its state and its expiry."""
        ...

    def registration(self, name: str) -> Registration | None:
        """Return all that is told about one name; None when it is not in this account."""
        ...

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Return one offer for each of up to 50 registrable names, in their order.

        A name that this registrar does not sell is RESTRICTED, not an error.
        """
        ...

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return what an act would cost now, not from a cache older than a day.

        Raises Refused `act_unsupported` for what this registrar does not sell.
        """
        ...

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Set the name servers of a name in the account; again is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class RegistrationOrder:
    """What is to be registered or transferred in."""

    name: str
    years: int
    contact: Contact
    """Registrant, and administrative, technical and billing contact."""
    agreed: Quote
    """What the buyer has agreed to: an adapter passes the price on where the registrar takes one."""
    name_servers: tuple[str, ...] = ()
    """Empty: the registrar's own."""
    privacy: bool = True
    """Ask for privacy where it is free of charge."""
    auto_renew: bool = False
    """Whether the registrar is to renew it by itself."""


@runtime_checkable
class Seller(Protocol):
    """A registrar at which names can be registered."""

    def register(self, order: RegistrationOrder) -> Operation:
        """Register a name that is available.

        Raises Refused `name_taken` when somebody has it (this account included: a second order of one
        name never costs anything), `balance_low` when the account cannot pay, `price_changed` when it
        costs more than agreed.
        """
        ...


@runtime_checkable
class Renewer(Protocol):
    """A registrar at which registrations can be made longer."""

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Add years to a registration that ends at `expires_at` now.

        Raises Refused `expiry_moved` when the registrar can tell that it ends at another time: it was
        renewed already. `balance_low` and `price_changed` as in `Seller`.
        """
        ...


@runtime_checkable
class Reactivator(Protocol):
    """A registrar at which a name in redemption can be brought back."""

    def reactivate(self, name: str, agreed: Quote) -> Operation:
        """Bring a name back; raises as `Renewer` does, `name_not_in_redemption` when it is not there."""
        ...


@runtime_checkable
class Transferrer(Protocol):
    """A registrar to which names can be moved."""

    def transfer(self, order: RegistrationOrder, code: Secret) -> Operation:
        """Begin to move a name here with the code of its present registrar.

        Raises Refused `transfer_code_wrong`, `name_locked`, `transfer_too_early`, and as `Seller`.
        """
        ...


@runtime_checkable
class TransferCodes(Protocol):
    """A registrar that hands out the code with which a name moves elsewhere."""

    def transfer_code(self, name: str) -> Secret:
        """Return the authorization code of a name in the account."""
        ...


@runtime_checkable
class Locker(Protocol):
    """A registrar at which names can be protected from transfers."""

    def set_lock(self, name: str, *, locked: bool) -> Operation:
        """Lock or unlock; again is harmless."""
        ...


@runtime_checkable
class PrivacyGuard(Protocol):
    """A registrar that can keep contacts out of public directories."""

    def set_privacy(self, name: str, *, hidden: bool) -> Operation:
        """Hide or show; again is harmless."""
        ...


@runtime_checkable
class ContactKeeper(Protocol):
    """A registrar at which the contact of a name can be changed."""

    def set_contact(self, name: str, contact: Contact) -> Operation:
        """Use one contact in all four roles; again is harmless."""
        ...

    def shows_contact(self, name: str, contact: Contact, *, exactly: bool) -> bool:
        """Tell whether the registrar has this contact as the registrant of a name in the account.

        Unless `exactly`, one that is written in another way is the same (`contacts.is_same`).
        """
        ...


@runtime_checkable
class AutoRenewer(Protocol):
    """A registrar whose own renewals can be turned on and off."""

    def set_auto_renew(self, name: str, *, on: bool) -> Operation:
        """Turn the registrar's renewal on or off; again is harmless."""
        ...


@runtime_checkable
class DsKeeper(Protocol):
    """A registrar through which DS records reach the parent zone."""

    def ds(self, name: str) -> Sequence[Ds]:
        """Return the DS records that the registrar has, sorted."""
        ...

    def set_ds(self, name: str, records: Sequence[Ds]) -> Operation:
        """Make these, and no others, the DS records of a name, new ones first; again is harmless."""
        ...


@runtime_checkable
class Suggester(Protocol):
    """A registrar that proposes names."""

    def suggest(self, text: str, count: int) -> Sequence[str]:
        """Return up to `count` registrable names that are like `text`."""
        ...


@runtime_checkable
class Payer(Protocol):
    """A registrar whose account has a balance that purchases are taken from."""

    def balance(self) -> Money:
        """Return what can be spent now."""
        ...


@runtime_checkable
class OperationReader(Protocol):
    """A registrar whose acts take time."""

    def operation(self, operation_id: str) -> Operation:
        """Return how far an operation is. Raises Refused `operation_missing` for an unknown one."""
        ...

    def operations(self, name: str, since: datetime) -> Sequence[Operation]:
        """Return the operations of one name that began at or after `since`, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarConfiguration:
    """The settings that an account has at any registrar: the schema of each begins with them."""


def always(_configuration: Any) -> bool:  # noqa: ANN401 - an instance of `configuration`
    """Every account of this registrar shows what the public registries have."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarPlugin(Plugin):
    """A registrar in the group `nameplate.registrars` of entry points."""

    connect: Callable[[Any, Credentials, Callable[[], datetime]], Registrar]
    """Takes an instance of `configuration`, the opened credentials, and a clock (aware UTC).

    Sends no request yet. Raises `Refused` when they cannot be used."""
    shows_within: timedelta = timedelta(hours=1)
    """How long after an act reading may still show the state before it.

    An act whose answer was lost is never sent again before that."""
    max_years: int = 10
    proves: Callable[[Any], bool] = always
    """Takes an instance of `configuration`; False for a registrar's trial environment, where anybody can
    register any name: what is there gives no right to it."""
    contact: Contact | None = None
    """Whom names are registered for when nobody says: sandboxes only."""
    is_manual: bool = False
    """There is no API: names are entered by people, which proves nothing, and registries tell of them."""
