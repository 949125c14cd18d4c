"""Credentials at DNS providers, registrars and certificate authorities, and what was done with them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.orm import (
    BigId,
    Identified,
    Json,
    LongText,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    ascii_text,
    enum_of,
    same_organization,
    table,
    utc_now,
)
from nameplate.models.ranges import ranges
from nameplate.models.records import RecordType
from nameplate.models.sealing import SEALED

LEFT_ALONE = 3
"""Failures in a row, by the authority's own fault, from which on its account is left alone."""
PRIORITY = 100
"""Of an account of which nothing else is said."""


class AccountKind(StrEnum):
    """What an account is good for."""

    DNS = "dns"
    CA = "ca"
    REGISTRAR = "registrar"


class Account(Identified, SoftDeletable, Model):
    """A credential of an organization, or of the platform, at one provider."""

    __tablename__ = "accounts"
    __table_args__ = (
        *ranges("accounts"),
        sa.UniqueConstraint("organization_id", "id"),
        table("Credentials at DNS providers, registrars and certificate authorities."),
    )

    organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        index=True,
        comment="The organization that owns this row; NULL: the platform.",
    )
    kind: Mapped[AccountKind] = mapped_column(
        enum_of(AccountKind, "kind"), comment="What the account is good for."
    )
    provider: Mapped[str] = mapped_column(
        ascii_text(), comment="powerdns, rfc2136, acme, local ..."
    )
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    config: Mapped[dict[str, Any]] = mapped_column(
        Json, comment="What is not secret: addresses, zones, directory URL, account URL."
    )
    credentials: Mapped[str | None] = mapped_column(
        LongText,
        info={SEALED: True},
        comment="What is secret, as sealed JSON; never shown again.",
    )
    tested_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the credential was tried last."
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why it did not work, in words for a person."
    )
    key_changed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When its key at the authority was changed last."
    )
    key_change_began_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when the authority is to know another key; NULL: it knows it."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )
    priority: Mapped[int] = mapped_column(
        default=PRIORITY,
        server_default=str(PRIORITY),
        comment="Of accounts at authorities the one with the smallest number is asked first.",
    )
    outage_failures: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Failures in a row that were the authority's own."
    )
    outage_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When the next failure counts: until then an authority that is away is left alone.",
    )

    @classmethod
    def failing(cls, account_id: int, failures: int, until: datetime, now: datetime) -> sa.Update:
        """Return the statement that counts a failure, unless another one was counted just before.

        The account itself is what it was: nothing is connected anew for it.
        """
        return cls._noting(account_id, failures, until).where(
            cls.outage_failures == failures - 1,
            sa.or_(cls.outage_until.is_(None), cls.outage_until <= now),
        )

    @classmethod
    def answering(cls, account_id: int) -> sa.Update:
        """Return the statement that forgets the failures: the authority does its work."""
        return cls._noting(account_id, 0, None)

    @classmethod
    def _noting(cls, account_id: int, failures: int, until: datetime | None) -> sa.Update:
        table_: Any = cls.__table__
        values = {"outage_failures": failures, "outage_until": until}
        kept = {"updated_at": table_.c.updated_at}
        return sa.update(table_).where(table_.c.id == account_id).values(**values, **kept)

    @classmethod
    def removed(cls, actor: Actor) -> sa.Select[Any]:
        """Select the soft-deleted accounts that `actor` may bring back."""
        query = sa.select(cls).where(cls.deleted_at.is_not(None))
        return (
            query
            if actor.is_platform
            else query.where(cls.organization_id == actor.organization_id)
        )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the live accounts that `actor` may see: its own, or all for the platform."""
        query = sa.select(cls).where(cls.deleted_at.is_(None))
        return (
            query
            if actor.is_platform
            else query.where(cls.organization_id == actor.organization_id)
        )


class LedgerState(StrEnum):
    """Where a value that we write stands."""

    INTENDED = "intended"
    """About to be written: it may or may not be there."""
    PRESENT = "present"
    """Confirmed by reading back."""
    LEAVING = "leaving"
    """About to be removed: it may or may not be there."""


class LedgerPurpose(StrEnum):
    """Why we wrote a value."""

    is_proof: bool
    """Whether it proves something to somebody, and nobody's record asks for it."""

    RECORD = "record"
    CHALLENGE = "challenge"
    PERSIST = "persist"
    """A proof that stays, for all orders of an account at an authority (dns-persist-01)."""

    def __init__(self, word: str) -> None:
        self.is_proof = word != "record"  # known beforehand: it is asked for every entry of a zone


class LedgerEntry(Identified, Tenant, Model):
    """One value that Nameplate put into somebody's zone: the only values it may change or remove."""

    __tablename__ = "dns_ledger"
    __table_args__ = (
        *ranges("dns_ledger"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.UniqueConstraint(
            "account_id", "zone", "name", "record_type", "value_digest", name="unique_dns_ledger"
        ),
        sa.Index("dns_ledger_domain_index", "organization_domain_id"),
        table("Values that Nameplate itself put into zones."),
    )

    account_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="CASCADE"),
        comment="The account that wrote it.",
    )
    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The domain it was written for."
    )
    zone: Mapped[str] = mapped_column(ascii_text(), comment="Apex of the zone.")
    name: Mapped[str] = mapped_column(ascii_text(), comment="Absolute owner name.")
    record_type: Mapped[RecordType] = mapped_column(
        enum_of(RecordType, "record_type"), comment="Type of the record."
    )
    value: Mapped[str] = mapped_column(LongText, comment="Whole rdata in presentation form.")
    value_digest: Mapped[str] = mapped_column(ascii_text(64), comment="SHA-256 of `value`.")
    ttl: Mapped[int] = mapped_column(comment="Time to live in seconds.")
    purpose: Mapped[LedgerPurpose] = mapped_column(
        enum_of(LedgerPurpose, "purpose"), comment="Why it was written."
    )
    state: Mapped[LedgerState] = mapped_column(
        enum_of(LedgerState, "state"), comment="Where the value stands at the provider."
    )
    absent_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When a reading first lacked a value that is to go: readings may lag behind.",
    )
    dns_record_id: Mapped[int | None] = mapped_column(
        BigId, index=True, comment="The record it is the value of."
    )
    ssl_certificate_id: Mapped[int | None] = mapped_column(
        BigId, index=True, comment="The certificate whose challenge it answers."
    )

    @classmethod
    def becoming(cls, state: LedgerState) -> sa.Update:
        """Return the statement that notes where values stand. Narrow with `where`."""
        return sa.update(cls).values(state=state, absent_at=None)

    @classmethod
    def missing(cls, now: datetime) -> sa.Update:
        """Return the statement that notes a first reading without the values."""
        return sa.update(cls).where(cls.absent_at.is_(None)).values(absent_at=now)

    @classmethod
    def forgetting(cls) -> sa.Delete:
        """Return the statement that forgets values that are gone for sure. Narrow with `where`."""
        return sa.delete(cls)


class Budget(Model):
    """A GCRA bucket, exact over all workers: when the next act is allowed."""

    __tablename__ = "budgets"
    __table_args__ = (table("Rate budgets shared by all workers (GCRA)."),)

    key: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="What is limited: `acme:7:orders`."
    )
    arrival_at: Mapped[datetime] = mapped_column(
        UtcDateTime,
        server_default=utc_now(),
        comment="Theoretical arrival time of the next act.",
    )
