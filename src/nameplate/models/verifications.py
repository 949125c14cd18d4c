"""Proofs of control over a domain."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.lifecycle import VerificationStatus, move
from nameplate.models.holdings import HoldingScope
from nameplate.models.orm import (
    BigId,
    Document,
    Identified,
    Json,
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
from nameplate.models.surroundings import Surroundings

LOG_LENGTH = 50
"""Attempts kept in `verification_logs`; older ones are dropped."""


class VerificationLook(NamedTuple):
    """Why a look did or did not prove, as one entry of the log says it."""

    reason: str | None
    observed: tuple[str, ...]
    refused: str | None = None
    """Code of what keeps a proof that was seen from taking the name."""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Return what an entry says."""
        observed = tuple(entry.get("observed") or ())
        return cls(entry.get("reason"), observed, entry.get("refused"))


class VerificationMethodName(StrEnum):
    """How control can be proved."""

    DNS_TXT = "dns_txt"
    DNS_CNAME = "dns_cname"
    FILE_UPLOAD = "file_upload"
    EMAIL = "email"
    META_TAG = "meta_tag"
    ACME_HTTP = "acme_http"
    ACME_DNS = "acme_dns"


class LossReason(StrEnum):
    """Why a proof that was seen counts no more."""

    PROOF_GONE = "proof_gone"
    """It is not published any more."""
    NAME_SERVERS_CHANGED = "name_servers_changed"
    REGISTRAR_CHANGED = "registrar_changed"
    REGISTRATION_ENDED = "registration_ended"
    REGISTERED_ANEW = "registered_anew"
    """The name was given up and registered again, perhaps by somebody else."""

    @property
    def needs_new_token(self) -> bool:
        """Whether the old record proves nothing any more: a new owner may have copied it."""
        return self is not LossReason.PROOF_GONE


class Verification(Identified, SoftDeletable, Tenant, Work, Model):
    """One token for one domain by one method, and every attempt to see it."""

    __tablename__ = "domain_verifications"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("domain_verifications_org_status_index", "organization_id", "status"),
        sa.Index(
            "domain_verifications_domain_method_index",
            "organization_domain_id",
            "verification_method",
        ),
        sa.Index("domain_verifications_status_expiry_index", "status", "expires_at"),
        table("Proofs of control over domains."),
    )

    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The domain to be proved.")
    verification_method: Mapped[VerificationMethodName] = mapped_column(
        enum_of(VerificationMethodName, "verification_method"),
        index=True,
        comment="How control is proved.",
    )
    verification_token: Mapped[str] = mapped_column(
        ascii_text(), unique=True, comment="Random token of at least 160 bits (S14)."
    )
    verification_record_name: Mapped[str | None] = mapped_column(
        ascii_text(), comment="Absolute name of the DNS record to publish."
    )
    verification_record_value: Mapped[str | None] = mapped_column(
        sa.Text, comment="Value of the DNS record to publish."
    )
    verification_file_path: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Path of the file to publish."
    )
    verification_file_content: Mapped[str | None] = mapped_column(
        sa.Text, comment="Content of the file to publish."
    )
    verification_meta_tag: Mapped[str | None] = mapped_column(
        sa.String(255), comment="HTML meta tag to publish."
    )
    status: Mapped[VerificationStatus] = mapped_column(
        enum_of(VerificationStatus, "status"),
        default=VerificationStatus.PENDING,
        server_default="pending",
        index=True,
        comment="Where the proof stands.",
    )
    verification_attempts: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Looks so far."
    )
    last_verification_attempt_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the last look was."
    )
    verified_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the proof was seen."
    )
    proved_scope: Mapped[HoldingScope | None] = mapped_column(
        enum_of(HoldingScope, "proved_scope"),
        comment="How far the proof reaches; NULL before it was seen.",
    )
    lost_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when a proof that was seen is gone; NULL: it is there."
    )
    lost_reason: Mapped[LossReason | None] = mapped_column(
        enum_of(LossReason, "lost_reason"), comment="Why; NULL: it is not lost."
    )
    notices: Mapped[int] = mapped_column(
        sa.SmallInteger, default=0, server_default="0", comment="Notices given of the loss."
    )
    noticed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the last of them was given."
    )
    lapsed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when the grace is over; NULL: it is not."
    )
    surroundings: Mapped[Surroundings | None] = mapped_column(
        Document(Surroundings),
        comment="Name servers and registration of the name as they were when it was proved.",
    )
    points_here: Mapped[bool | None] = mapped_column(
        comment="Whether the name's addresses are servers of the platform; NULL: nobody looked."
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, index=True, comment="Until when the token can prove."
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why the last look did not prove, in words for a person."
    )
    verification_logs: Mapped[list[dict[str, Any]] | None] = mapped_column(
        Json, comment="The last looks: time, verdict, reason, what was seen from which server."
    )
    challenge_data: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="Data of ACME challenges."
    )
    verification_ip: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Address that answered the look that proved."
    )
    verification_user_agent: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Agent that completed the proof, where a person did."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    @property
    def last_look(self) -> VerificationLook | None:
        """The last look that `verification_logs` holds."""
        logs = self.verification_logs
        return VerificationLook.of(logs[-1]) if logs else None

    def look(self, entry: dict[str, Any], now: datetime) -> None:
        """Count one look and keep what it saw."""
        self.verification_attempts += 1
        self.last_verification_attempt_at = now
        self.verification_logs = [*(self.verification_logs or ()), entry][-LOG_LENGTH:]

    def refuse(self, code: str, message: str) -> None:
        """Record that the last look saw the proof, and why it takes no name."""
        if self.verification_logs:
            *earlier, last = self.verification_logs
            self.verification_logs = [*earlier, {**last, "refused": code}]
        self.error_message = message

    def start(self) -> None:
        """Record that looking has begun."""
        self.status = move(self.status, VerificationStatus.VERIFYING)

    def succeed(self, scope: HoldingScope, now: datetime) -> None:
        """Record that the proof was seen, and how far it reaches."""
        self.status = move(self.status, VerificationStatus.VERIFIED)
        self.proved_scope = scope
        self.verified_at = now
        self.find()
        self.error_message = None

    def find(self) -> None:
        """Record that the proof is there again: the loss is over, however far it went."""
        self.lost_at = self.lost_reason = self.noticed_at = self.lapsed_at = None
        self.notices = 0

    def lose(self, reason: LossReason, now: datetime) -> None:
        """Record that the proof counts no more, unless that is known; the graver reason stands."""
        self.lost_at = self.lost_at or now
        if self.lost_reason is None or self.lost_reason is LossReason.PROOF_GONE:
            self.lost_reason = reason

    def give_notice(self, now: datetime) -> None:
        """Record that one more notice was given."""
        self.notices += 1
        self.noticed_at = now

    def lapse(self, now: datetime) -> None:
        """Record that the grace is over: the name is kept, and serves nothing."""
        self.lapsed_at = self.lapsed_at or now

    def fail(self, reason: str) -> None:
        """Record that this proof cannot succeed any more."""
        self.status = move(self.status, VerificationStatus.FAILED)
        self.error_message = reason

    def expire(self, reason: str) -> None:
        """Record that the token has run out."""
        self.status = move(self.status, VerificationStatus.EXPIRED)
        self.error_message = reason
