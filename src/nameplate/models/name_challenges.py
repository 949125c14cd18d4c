"""Challenges of a name: somebody else has proved it, so its holder must prove it again or lose it."""

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
    Work,
    ascii_text,
    enum_of,
    same_organization,
    table,
)


class ChallengeStatus(StrEnum):
    """Where a challenge stands."""

    OPEN = "open"
    WON = "won"
    """The name is the challenger's."""
    REFUSED = "refused"
    """The name stays with its holder."""
    WITHDRAWN = "withdrawn"


class NameChallenge(Identified, Tenant, Work, Model):
    """One claim's challenge of whoever stands in its way; it belongs to the challenger."""

    __tablename__ = "name_challenges"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.UniqueConstraint("contested_name", name="unique_contested_name"),
        sa.Index("name_challenges_domain_index", "organization_id", "organization_domain_id"),
        sa.Index("name_challenges_base_index", "base"),
        table("Challenges: a holder proves its name again, or loses it to who has proved it."),
    )

    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The challenging claim.")
    domain_verification_id: Mapped[int] = mapped_column(
        BigId, comment="The proof by which it was opened."
    )
    name: Mapped[str] = mapped_column(ascii_text(), comment="Canonical name, without `*.`.")
    base: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain.")
    contested_name: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The name while the challenge is open: no other one is on it."
    )
    status: Mapped[ChallengeStatus] = mapped_column(
        enum_of(ChallengeStatus, "status"),
        default=ChallengeStatus.OPEN,
        server_default="open",
        comment="Where it stands.",
    )
    first_failed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When every proof in the way was definitely missing for the first time.",
    )
    decides_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the proofs in the way are looked at for the second time."
    )
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it ended.")
    outcome_code: Mapped[str | None] = mapped_column(
        ascii_text(80), comment="Why it ended as it did."
    )
    outcome_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="The same in words for a person."
    )

    @property
    def is_open(self) -> bool:
        """Whether it is not decided yet."""
        return self.status is ChallengeStatus.OPEN

    def end(self, status: ChallengeStatus, code: str, message: str, now: datetime) -> None:
        """Record how it ended, once and for all."""
        self.status, self.outcome_code, self.outcome_message = status, code, message
        self.ended_at, self.contested_name, self.next_action_at = now, None, None
