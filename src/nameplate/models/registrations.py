"""Names at registrars, and every act there that costs money."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus, move
from nameplate.core.money import Money
from nameplate.core.purchases import Sent
from nameplate.models.orm import (
    BigId,
    Generated,
    Identified,
    Json,
    LongText,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    same_organization,
    table,
)
from nameplate.models.sealing import SEALED
from nameplate.ports.registrar import Act

_OVER = "CASE WHEN deleted_at IS NULL AND status NOT IN ('cancelled', 'ended') THEN 1 END"
_OPEN = (
    PurchaseStatus.CONFIRMED,
    PurchaseStatus.WAITING,
    PurchaseStatus.INTENDED,
    PurchaseStatus.SENT,
    PurchaseStatus.UNKNOWN,
)
_OPEN_SQL = "CASE WHEN status IN ({}) THEN 1 END".format(
    ", ".join(f"'{one.value}'" for one in _OPEN)
)


class RenewedBy(StrEnum):
    """Who makes a registration longer before it ends: one side, never both."""

    NAMEPLATE = "nameplate"
    REGISTRAR = "registrar"
    NONE = "none"


class RegisteredName(Identified, SoftDeletable, Tenant, Work, Model):
    """A name at a registrar that an organization has, or is about to have, by one account."""

    __tablename__ = "registrations"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "registrations_org_name_unique", "organization_id", "name", "current", unique=True
        ),
        sa.Index("registrations_account_name_unique", "account_id", "name", "current", unique=True),
        sa.Index("registrations_name_index", "name", "current"),
        sa.Index("registrations_org_status_index", "organization_id", "status"),
        sa.Index("registrations_expiry_index", "expires_at"),
        table("Names at registrars; an organization has each once, and so has an account."),
    )

    name: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain, A-labels.")
    current: Mapped[int | None] = mapped_column(
        sa.SmallInteger,
        Generated(_OVER),
        comment="1 while the name is, or is about to be, in the account; else NULL.",
    )
    account_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="SET NULL"),
        index=True,
        comment="The account at the registrar; NULL: it is gone.",
    )
    external_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="The registrar's own id of the name."
    )
    status: Mapped[RegistrationStatus] = mapped_column(
        enum_of(RegistrationStatus, "status"),
        default=RegistrationStatus.PENDING,
        server_default="pending",
        comment="Where the registration stands.",
    )
    registered_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the name was registered."
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the registration ends."
    )
    renewed_by: Mapped[RenewedBy] = mapped_column(
        enum_of(RenewedBy, "renewed_by"),
        default=RenewedBy.NAMEPLATE,
        server_default="nameplate",
        comment="Who makes it longer before it ends.",
    )
    registrar_renews: Mapped[bool | None] = mapped_column(
        comment="Whether the registrar says that it renews; NULL: it does not say."
    )
    lock_wanted: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="It is to be protected from transfers."
    )
    is_locked: Mapped[bool | None] = mapped_column(
        comment="Whether it is; NULL: the registrar does not say."
    )
    privacy_wanted: Mapped[bool | None] = mapped_column(
        comment="Whether its contacts are to be hidden; NULL: as they are."
    )
    has_privacy: Mapped[bool | None] = mapped_column(
        comment="Whether its contacts are hidden; NULL: the registrar does not say."
    )
    name_servers_wanted: Mapped[list[str] | None] = mapped_column(
        Json, comment="Name servers that it is to have; NULL: as they are."
    )
    name_servers: Mapped[list[str] | None] = mapped_column(
        Json, comment="Name servers that the registrar shows."
    )
    is_delegated: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Delegate it to the DNS account of its domain as soon as the zone is there.",
    )
    statuses: Mapped[list[str] | None] = mapped_column(
        Json, comment="EPP status codes that the registrar shows."
    )
    contact: Mapped[str | None] = mapped_column(
        LongText,
        info={SEALED: True},
        comment="Who registers it, as sealed JSON; gone with the organization.",
    )
    contact_wanted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When the contact was given that the registrar does not show yet; NULL: none waits.",
    )
    contact_sent_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When that contact was sent to the registrar; NULL: not yet."
    )
    seen_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the registrar was asked last."
    )
    missing_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when it is not in the account; NULL: it is."
    )
    expiry_notice_days: Mapped[int | None] = mapped_column(
        comment="Of which days before the end somebody was told last."
    )
    parent_servers: Mapped[list[str] | None] = mapped_column(
        Json, comment="Name servers that the registry gives out; NULL: not seen yet, or not known."
    )
    servers_changed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When Nameplate set the name servers last."
    )
    publishes_ds: Mapped[bool] = mapped_column(
        default=True,
        server_default=sa.true(),
        comment="The DS records of a signed zone are to be at the parent.",
    )
    ds_wanted: Mapped[list[str] | None] = mapped_column(
        Json, comment="DS records that the parent is to have; NULL: Nameplate does not keep them."
    )
    ds_seen: Mapped[list[str] | None] = mapped_column(
        Json, comment="DS records that the registrar shows; NULL: it does not say."
    )
    ds_withdrawn_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the registrar was seen without the DS records that were removed."
    )

    def become(self, status: RegistrationStatus) -> None:
        """Record where it stands."""
        self.status = move(self.status, status)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in {RegistrationStatus.CANCELLED, RegistrationStatus.ENDED}


class Purchase(Identified, Tenant, Model):
    """One act that costs money: who, when, what, how much, and what became of it."""

    __tablename__ = "purchases"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("registrations", "registration_id"),
        sa.Index("purchases_registration_open_unique", "registration_id", "open", unique=True),
        sa.Index("purchases_org_intended_index", "organization_id", "intended_at"),
        sa.Index("purchases_name_index", "name"),
        table("Acts at registrars that cost money."),
    )

    registration_id: Mapped[int | None] = mapped_column(
        BigId, comment="What it is for; NULL: it was never confirmed."
    )
    account_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="SET NULL"),
        index=True,
        comment="The account that pays; NULL: it is gone.",
    )
    name: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain, A-labels.")
    act: Mapped[Act] = mapped_column(enum_of(Act, "act"), comment="What is bought.")
    years: Mapped[int] = mapped_column(comment="For how many years.")
    status: Mapped[PurchaseStatus] = mapped_column(
        enum_of(PurchaseStatus, "status"),
        default=PurchaseStatus.QUOTED,
        server_default="quoted",
        comment="Where it stands.",
    )
    open: Mapped[int | None] = mapped_column(
        sa.SmallInteger,
        Generated(_OPEN_SQL),
        comment="1 from the confirmation until it is over; else NULL.",
    )
    currency: Mapped[str] = mapped_column(ascii_text(3), comment="ISO 4217.")
    quoted_amount: Mapped[int] = mapped_column(
        sa.BigInteger, comment="What the registrar asked for, in minor units."
    )
    is_premium: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="It costs more than other names."
    )
    valid_until: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="Until when the quote can be confirmed."
    )
    agreed_amount: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="What may be paid at most, as confirmed; in minor units."
    )
    accepts_premium: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="A premium price was agreed to."
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it was confirmed."
    )
    confirmed_by: Mapped[str | None] = mapped_column(
        sa.String(255), comment="By whom; `auto-renewal`: by that policy."
    )
    waits_because: Mapped[str | None] = mapped_column(
        sa.Text, comment="Over which limit it is, in words for a person."
    )
    approved_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the platform's operator approved it."
    )
    approved_by: Mapped[str | None] = mapped_column(sa.String(255), comment="Who did.")
    starts_from: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="The expiry that a renewal starts from."
    )
    intended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When everything was checked; it counts for the limits of this month."
    )
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it was sent last.")
    sends: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="How often it was sent."
    )
    looks: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Looks at what became of it since."
    )
    operation_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="By which the registrar tells how far it is."
    )
    is_done: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="The registrar says that it is done."
    )
    order_id: Mapped[str | None] = mapped_column(sa.String(255), comment="The registrar's order.")
    transaction_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="The registrar's transaction."
    )
    charged_amount: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="What the registrar says it took, in minor units."
    )
    ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it was settled, failed or cancelled."
    )
    error_code: Mapped[str | None] = mapped_column(
        ascii_text(80), comment="Why it failed, or what it waits for."
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="The same in words for a person."
    )
    transfer_code: Mapped[str | None] = mapped_column(
        LongText,
        info={SEALED: True},
        comment="The code with which a name moves here, sealed; gone when it is over.",
    )

    @property
    def price(self) -> Money:
        """What was quoted."""
        return Money(self.quoted_amount, self.currency)

    @property
    def agreed(self) -> Money:
        """What may be paid at most."""
        amount = self.quoted_amount if self.agreed_amount is None else self.agreed_amount
        return Money(amount, self.currency)

    @property
    def is_open(self) -> bool:
        """Whether it was confirmed and is not over."""
        return self.status in _OPEN

    @property
    def is_out(self) -> bool:
        """Whether it was sent and nobody knows yet what became of it."""
        return self.status in {PurchaseStatus.SENT, PurchaseStatus.UNKNOWN}

    @property
    def sent(self) -> Sent:
        """It as the rules about lost answers take it."""
        if self.sent_at is None:
            raise ValueError("a purchase that was not sent")
        return Sent(self.sent_at, self.sends, self.years, self.starts_from)

    @classmethod
    def open_of(cls, registration_id: int) -> sa.ColumnElement[bool]:
        """Return what is true of the purchase that is open for a registration."""
        return sa.and_(cls.registration_id == registration_id, cls.open == 1)

    def confirm(self, agreed: Money, by: str, now: datetime, *, accepts_premium: bool) -> None:
        """Record that somebody agrees to pay up to an amount."""
        self.status = move(self.status, PurchaseStatus.CONFIRMED)
        self.agreed_amount, self.accepts_premium = agreed.amount, accepts_premium
        self.confirmed_at, self.confirmed_by = now, by

    def hold(self, because: str) -> None:
        """Have it wait for a person."""
        self.status = move(self.status, PurchaseStatus.WAITING)
        self.waits_because = because

    def approve(self, by: str, now: datetime) -> None:
        """Record that the platform's operator lets it be, whatever the limits."""
        self.status = move(self.status, PurchaseStatus.CONFIRMED)
        self.approved_at, self.approved_by, self.waits_because = now, by, None

    def intend(self, now: datetime) -> None:
        """Record that everything was checked: it is sent next."""
        self.status = move(self.status, PurchaseStatus.INTENDED)
        self.intended_at = self.intended_at or now
        self.error_code = self.error_message = None

    def send(self, now: datetime) -> None:
        """Record that it is being sent: from here on only the registrar knows what became of it."""
        self.status = move(self.status, PurchaseStatus.SENT)
        self.sent_at = now
        self.sends += 1
        self.looks = 0
        self.operation_id = None
        self.is_done = False

    def unsend(self) -> None:
        """Record that the registrar did not take it: nothing was done."""
        self.status = move(self.status, PurchaseStatus.INTENDED)
        self.sends -= 1

    def repeat(self) -> None:
        """Record that it was looked for long enough and had no effect: it may be sent again."""
        self.status = move(self.status, PurchaseStatus.INTENDED)

    def doubt(self, code: str, message: str) -> None:
        """Record that nobody knows what became of it."""
        self.status = move(self.status, PurchaseStatus.UNKNOWN)
        self.error_code, self.error_message = code, message

    def settle(self, now: datetime) -> None:
        """Record that the registrar shows what was paid for."""
        self.status = move(self.status, PurchaseStatus.SETTLED)
        self.ended_at = now
        self.error_code = self.error_message = self.transfer_code = None

    def fail(self, code: str, message: str, now: datetime) -> None:
        """Record that it was not carried out, and nothing is owed."""
        self.status = move(self.status, PurchaseStatus.FAILED)
        self.ended_at, self.transfer_code = now, None
        self.error_code, self.error_message = code, message

    def cancel(self, message: str, now: datetime) -> None:
        """Record that nobody wants it any more; it was never sent."""
        self.status = move(self.status, PurchaseStatus.CANCELLED)
        self.ended_at, self.transfer_code = now, None
        self.error_code, self.error_message = None, message
        self.waits_because = None
