"""DNS records of a domain."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from nameplate.core.lifecycle import RecordStatus, before, move
from nameplate.models.observations import Observation
from nameplate.models.orm import (
    BigId,
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
from nameplate.models.ranges import ranges


class RecordType(StrEnum):
    """Type of a DNS record."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    TXT = "TXT"
    SRV = "SRV"
    CAA = "CAA"
    NS = "NS"
    SOA = "SOA"
    PTR = "PTR"
    HTTPS = "HTTPS"
    SVCB = "SVCB"
    DS = "DS"
    TLSA = "TLSA"
    SSHFP = "SSHFP"
    ALIAS = "ALIAS"
    ANAME = "ANAME"
    NAPTR = "NAPTR"
    LOC = "LOC"
    DNAME = "DNAME"
    URI = "URI"
    OPENPGPKEY = "OPENPGPKEY"
    SMIMEA = "SMIMEA"
    RP = "RP"


class RecordableType(StrEnum):
    """What a record can have been made for (S5)."""

    APPLICATION = "application"
    SERVER = "server"
    SSL_CERTIFICATE = "ssl_certificate"
    DOMAIN_VERIFICATION = "domain_verification"
    APPLICATION_DOMAIN_BINDING = "application_domain_binding"


AUTOMATIC = (RecordableType.APPLICATION_DOMAIN_BINDING, RecordableType.SERVER)
"""What Nameplate itself makes records for, and keeps them right (`usecases/dns/pointing.py`)."""


def digest(value: str) -> str:
    """Return the hex SHA-256 of a canonical value: what uniqueness is counted over (S4)."""
    return hashlib.sha256(value.encode()).hexdigest()


class Record(Identified, SoftDeletable, Tenant, Work, Model):
    """One DNS record: what we want at the provider, and what we know of it there."""

    __tablename__ = "dns_records"
    __table_args__ = (
        *ranges("dns_records"),
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.CheckConstraint(
            "(recordable_type IS NULL) = (recordable_id IS NULL)", name="recordable_pair"
        ),
        sa.Index("dns_records_domain_type_index", "organization_domain_id", "record_type"),
        sa.Index("dns_records_org_status_index", "organization_id", "status"),
        sa.Index("dns_records_recordable_index", "recordable_type", "recordable_id"),
        sa.Index(
            "unique_dns_record",
            "organization_domain_id",
            "name",
            "record_type",
            "value_digest",
            "live",
            unique=True,
        ),
        table("DNS records of domains, wanted and known."),
    )

    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The domain that the record belongs to."
    )
    recordable_type: Mapped[RecordableType | None] = mapped_column(
        enum_of(RecordableType, "recordable_type"), comment="What the record was made for."
    )
    recordable_id: Mapped[int | None] = mapped_column(
        BigId, comment="Id of what the record was made for."
    )
    record_type: Mapped[RecordType] = mapped_column(
        enum_of(RecordType, "record_type"), index=True, comment="Type of the record (RFC 1035 ...)."
    )
    name: Mapped[str] = mapped_column(
        ascii_text(), index=True, comment="Owner name relative to the domain: `www`, `@`, `*`."
    )
    value: Mapped[str] = mapped_column(
        LongText, comment="Rdata in canonical presentation form, without priority, weight, port."
    )
    value_digest: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of `value`: uniqueness is counted over it (S4)."
    )
    ttl: Mapped[int] = mapped_column(
        default=3600, server_default="3600", comment="Time to live in seconds."
    )
    priority: Mapped[int | None] = mapped_column(comment="Preference of MX, priority of SRV.")
    weight: Mapped[int | None] = mapped_column(comment="Weight of SRV.")
    port: Mapped[int | None] = mapped_column(comment="Port of SRV.")
    status: Mapped[RecordStatus] = mapped_column(
        enum_of(RecordStatus, "status"),
        default=RecordStatus.PENDING,
        server_default="pending",
        index=True,
        comment="Where the record stands between wish and provider.",
    )
    external_record_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="The provider's own id of the record."
    )
    last_synced_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the provider last confirmed the record."
    )
    propagation_checked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the authoritative servers were asked last."
    )
    propagated: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Every authoritative server answers with the record.",
    )
    drifted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="Since when the provider has something else, though nobody changed it here.",
    )
    _propagation: Mapped[dict[str, Any] | None] = mapped_column(
        "propagation",
        Json,
        comment="What each server answered at the last look, and until when caches keep it.",
    )
    managed_by_system: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Made and kept by Nameplate."
    )
    proxy_enabled: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="The provider's edge answers (Cloudflare).",
    )
    notes: Mapped[str | None] = mapped_column(sa.Text, comment="Free text for people.")
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong, in words for a person."
    )

    @validates("value")
    def _keep_digest(self, _key: str, value: str) -> str:
        self.value_digest = digest(value)
        return value

    @property
    def propagation(self) -> Observation | None:
        """The last check; None if the current value has not been checked.

        Made when asked for: records are read by the thousand, and few are asked.
        """
        return Observation.from_json(self._propagation)

    @property
    def is_automatic(self) -> bool:
        """Whether Nameplate made the record and keeps it right."""
        return self.recordable_type in AUTOMATIC

    @classmethod
    def crediting(cls, kind: RecordableType | None, id_: int | None) -> sa.Update:
        """Return the statement that says for what rows were made; None: they are their owner's."""
        automatic = kind in AUTOMATIC
        return sa.update(cls).values(
            recordable_type=kind, recordable_id=id_, managed_by_system=automatic
        )

    def want(self) -> None:
        """Ask for the record to be written to the provider (again)."""
        self.status = move(self.status, RecordStatus.PENDING)
        self.propagated = False
        self.drifted_at = None
        self._propagation = None
        self.error_message = None

    def sync(self) -> None:
        """Record the intent to write."""
        self.status = move(self.status, RecordStatus.SYNCING)

    def confirm(self, now: datetime, external_id: str | None = None) -> None:
        """Record that the provider has the record."""
        self.status = move(self.status, RecordStatus.ACTIVE)
        self.last_synced_at = now
        self.external_record_id = external_id or self.external_record_id
        self.drifted_at = None
        self.error_message = None

    def fail(self, reason: str) -> None:
        """Record why the provider does not have the record."""
        self.status = move(self.status, RecordStatus.ERROR)
        self.error_message = reason

    @classmethod
    def syncing(cls) -> sa.Update:
        """Record the intent to write; committed before the provider is called. Narrow with `where`."""
        return cls._moving(RecordStatus.SYNCING, drifted_at=None)

    @classmethod
    def confirming(cls, now: datetime) -> sa.Update:
        """Record that the provider has the records, and have them looked for. Narrow with `where`."""
        planned = sa.case((cls.next_action_at <= now, cls.next_action_at), else_=now)
        return cls._moving(
            RecordStatus.ACTIVE, last_synced_at=now, drifted_at=None, error_message=None,
            next_action_at=planned,
        )  # fmt: skip

    @classmethod
    def seeing(cls, now: datetime) -> sa.Update:
        """Record that the provider still has the active records. Narrow with `where`."""
        values = {"last_synced_at": now, "updated_at": cls.updated_at}  # no change of the record
        return sa.update(cls).where(cls.status == RecordStatus.ACTIVE).values(values)

    @classmethod
    def failing(cls, reason: str) -> sa.Update:
        """Record why the provider does not have the records. Narrow with `where`."""
        return cls._moving(RecordStatus.ERROR, error_message=reason)

    @classmethod
    def drifting(cls, now: datetime, reason: str) -> sa.Update:
        """Record that somebody changed the records at the provider. Narrow with `where`."""
        since = sa.func.coalesce(cls.drifted_at, now)
        return cls._moving(RecordStatus.ERROR, drifted_at=since, error_message=reason)

    @classmethod
    def rewriting(cls, **values: Any) -> sa.Update:  # noqa: ANN401 - columns
        """Ask for the records to be written with other values. Narrow with `where`."""
        if "value" in values:
            values["value_digest"] = digest(values["value"])
        anew = {
            "propagated": False,
            "_propagation": sa.null(),
            "drifted_at": None,
            "error_message": None,
        }
        return cls._moving(RecordStatus.PENDING, **values, **anew)

    @classmethod
    def hiding(cls, now: datetime) -> sa.Update:
        """Soft-delete the records: nothing hangs below one. Narrow with `where`."""
        live = cls.deleted_at.is_(None)
        return sa.update(cls).where(live).values(deleted_at=now, next_action_at=None)

    @classmethod
    def numbering(cls) -> sa.Update:
        """Return the statement that notes the provider's ids, by `record_id` and `external_id`."""
        rows: Any = cls.__table__
        return (
            sa.update(rows)
            .where(rows.c.id == sa.bindparam("record_id"))
            .values(external_record_id=sa.bindparam("external_id"))
        )

    @classmethod
    def _moving(cls, target: RecordStatus, **values: Any) -> sa.Update:  # noqa: ANN401 - columns
        return sa.update(cls).where(cls.status.in_(before(target))).values(status=target, **values)

    def disable(self) -> None:
        """Keep the record here and take it from the provider."""
        self.status = move(self.status, RecordStatus.DISABLED)
        self.propagated = False

    def see(self, look: Observation | None, *, everywhere: bool, now: datetime) -> None:
        """Record what the servers answered, and whether every authoritative one has the record."""
        self.propagated = everywhere
        self._propagation = None if look is None else look.as_json()
        self.propagation_checked_at = now
