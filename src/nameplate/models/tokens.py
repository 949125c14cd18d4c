"""Bearer tokens of the API, and answers kept for repeated requests."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.orm import BigId, Identified, LongText, Model, UtcDateTime, ascii_text, table


class ApiToken(Identified, Model):
    """A bearer token: only its hash is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (table("Bearer tokens of the API, hashed."),)

    organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        index=True,
        comment="The organization it acts for; NULL: a platform token of an operator.",
    )
    server_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("servers.id", ondelete="CASCADE"),
        index=True,
        comment="The server whose agent it is, and nothing else; NULL: it is no agent's.",
    )
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people and audit.")
    key_id: Mapped[str] = mapped_column(
        ascii_text(32), unique=True, comment="Public part, by which the token is found."
    )
    token_hash: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the whole token, hex."
    )
    may_export_keys: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Whether it may export private keys of certificates.",
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when it is accepted; NULL: no end."
    )
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it was revoked.")
    last_used_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it was used last, to the hour."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the tokens that `actor` may see: its organization's, or all for the platform."""
        query = sa.select(cls)
        return (
            query
            if actor.is_platform
            else query.where(cls.organization_id == actor.organization_id)
        )

    def revoke(self, now: datetime) -> None:
        """End the token's life; repeating keeps the first moment."""
        self.revoked_at = self.revoked_at or now


class IdempotencyKey(Identified, Model):
    """The answer of one POST, kept for a day, written in the transaction of its effect."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        sa.UniqueConstraint("principal", "route", "key", name="unique_idempotency_key"),
        table("Answers kept for repeated requests (Idempotency-Key)."),
    )

    principal: Mapped[str] = mapped_column(
        ascii_text(64), comment="Organization and token that asked."
    )
    route: Mapped[str] = mapped_column(ascii_text(), comment="Method and path.")
    key: Mapped[str] = mapped_column(ascii_text(), comment="The caller's key.")
    request_hash: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the request body, hex."
    )
    response_status: Mapped[int | None] = mapped_column(comment="HTTP status of the answer.")
    response_body: Mapped[str | None] = mapped_column(LongText, comment="Body of the answer.")
