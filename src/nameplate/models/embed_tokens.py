"""Tokens for pages of others that show components: of an hour at most, and of little."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import (
    BigId,
    Identified,
    Json,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    table,
)


class EmbedToken(Identified, Tenant, Model):
    """A bearer token for a browser: what its maker may do and what it allows, whichever is less."""

    __tablename__ = "embed_tokens"
    __table_args__ = (table("Short-lived tokens for components in pages of others."),)

    key_id: Mapped[str] = mapped_column(
        ascii_text(32), unique=True, comment="Public part, by which the token is found."
    )
    token_hash: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the whole token, hex."
    )
    organization_domain_id: Mapped[int | None] = mapped_column(
        BigId, comment="The only domain that it shows; NULL: all of the organization."
    )
    actions: Mapped[list[Any]] = mapped_column(Json, comment="What it allows.")
    origins: Mapped[list[Any]] = mapped_column(Json, comment="Pages that may use it.")
    token_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("api_tokens.id", ondelete="CASCADE"),
        index=True,
        comment="The token that made it, and with which it ends.",
    )
    user_session_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("user_sessions.id", ondelete="CASCADE"),
        index=True,
        comment="The session that made it, and with which it ends.",
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True, comment="When it ends.")


class EmbedOrigin(Model):
    """An origin that some token of the last hour allows: browsers ask before they show the token."""

    __tablename__ = "embed_origins"
    __table_args__ = (table("Origins that may ask with an embed token."),)

    origin: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Scheme, host and port of a page."
    )
    expires_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="When the last token ends that allows it."
    )
