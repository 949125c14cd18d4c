"""Messages with a code for the owner of a name."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import (
    BigId,
    Identified,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    enum_of,
    same_organization,
    table,
)


class MailState(StrEnum):
    """What became of a message."""

    INTENDED = "intended"
    """About to be handed over. Where that is all that is known, it may have been."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The mail server refused it for good."""
    FAILED = "failed"
    """It was certainly not handed over, but may be later."""
    UNKNOWN = "unknown"
    """The connection ended when the message was out and no answer in."""


PERHAPS_SENT = (MailState.INTENDED, MailState.ACCEPTED, MailState.UNKNOWN)
"""States in which somebody may have the code."""


class ProofMail(Identified, Tenant, Model):
    """One message; the row comes before the message."""

    __tablename__ = "proof_mails"
    __table_args__ = (
        same_organization("domain_verifications", "domain_verification_id"),
        sa.Index("proof_mails_verification_index", "organization_id", "domain_verification_id"),
        sa.Index("proof_mails_home_index", "home", "created_at"),
        sa.Index("proof_mails_limited_index", "limited_as", "created_at"),
        table("Messages with a code for the owner of a name."),
    )

    domain_verification_id: Mapped[int] = mapped_column(
        BigId, comment="The verification that the code confirms."
    )
    home: Mapped[str] = mapped_column(
        ascii_text(), comment="The name whose owner was asked; mail is limited for it."
    )
    limited_as: Mapped[str] = mapped_column(
        ascii_text(320), comment="The same, or the contact's address; mail is limited for it too."
    )
    code_digest: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the code, in hexadecimal; the code is kept nowhere."
    )
    state: Mapped[MailState] = mapped_column(
        enum_of(MailState, "state"), comment="What became of the message."
    )
    explanation: Mapped[str | None] = mapped_column(
        sa.Text, comment="What the mail server refused, in words for a person."
    )
    wrong_codes: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="How often a wrong code was entered."
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the code was entered."
    )

    def conclude(self, state: MailState, explanation: str | None) -> None:
        """Record what became of the message."""
        self.state = state
        self.explanation = explanation

    @classmethod
    def forgetting(cls, before: datetime) -> sa.Delete:
        """Return the statement that removes what was sent before a moment."""
        return sa.delete(cls).where(cls.created_at < before)
