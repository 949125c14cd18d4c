"""Links by which somebody without an account sees what to publish for one domain."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import (
    BigId,
    Identified,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    same_organization,
    table,
)


class SetupLink(Identified, Tenant, Model):
    """A link for one domain: one browser exchanges its token for a session, both kept as hashes."""

    __tablename__ = "setup_links"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("setup_links_domain_index", "organization_id", "organization_domain_id"),
        table("Links that show what to publish for one domain, without a login."),
    )

    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The domain.")
    token_hash: Mapped[str] = mapped_column(
        ascii_text(64), unique=True, comment="SHA-256 of the token in the link, hex."
    )
    session_hash: Mapped[str | None] = mapped_column(
        ascii_text(64),
        comment="SHA-256 of what the browser keeps that opened the link, hex.",
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="Until when it works.")
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it was revoked.")
    opened_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When a browser exchanged the token: it does so once."
    )

    def works(self, now: datetime) -> bool:
        """Whether it shows anything: neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at

    def revoke(self, now: datetime) -> None:
        """End the link and the session that came of it; repeating keeps the first moment."""
        self.revoked_at = self.revoked_at or now

    def open(self, session_hash: str, now: datetime) -> None:
        """Record the browser that opened it."""
        self.session_hash = session_hash
        self.opened_at = now
