"""People who sign in: users, what they are in organizations, their sessions and second factors."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.roles import Role
from nameplate.models.orm import (
    BigId,
    Identified,
    LongText,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    enum_of,
    table,
)
from nameplate.models.sealing import SEALED


class SignInMethod(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105 - a word of the API
    OIDC = "oidc"
    INVITATION = "invitation"


class User(Identified, Model):
    """A person. What it may do is said by memberships, or by being an operator."""

    __tablename__ = "users"
    __table_args__ = (
        sa.UniqueConstraint("email", name="users_email_unique"),
        sa.UniqueConstraint("oidc_identity", name="users_oidc_identity_unique"),
        table("People who sign in."),
    )

    email: Mapped[str] = mapped_column(sa.String(255), comment="Address, in lower case.")
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    is_operator: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="Whether it acts for the platform."
    )
    disabled_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when it cannot sign in; NULL: it can."
    )
    password_hash: Mapped[str | None] = mapped_column(
        ascii_text(), comment="Argon2id of the password; NULL: there is none."
    )
    password_changed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the password was set last."
    )
    invitation_hash: Mapped[str | None] = mapped_column(
        ascii_text(64), unique=True, comment="SHA-256 of the token in an invitation, hex."
    )
    invitation_expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when the invitation works."
    )
    totp_secret: Mapped[str | None] = mapped_column(
        LongText, info={SEALED: True}, comment="Secret of the authenticator, sealed."
    )
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when a code is asked for; NULL: none is."
    )
    totp_step: Mapped[int] = mapped_column(
        BigId, default=0, server_default="0", comment="Last step whose code was used (RFC 6238)."
    )
    oidc_identity: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="SHA-256 of issuer and subject at the identity provider, hex."
    )


class Membership(Identified, Tenant, Model):
    """What a user is in an organization and all below it."""

    __tablename__ = "memberships"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "user_id", name="memberships_user_unique"),
        table("What users are in organizations."),
    )

    user_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("users.id", ondelete="CASCADE"), index=True, comment="The user."
    )
    role: Mapped[Role] = mapped_column(enum_of(Role, "role"), comment="What it may do.")


class UserSession(Identified, Model):
    """A browser in which a user is signed in: its cookie is kept as a hash."""

    __tablename__ = "user_sessions"
    __table_args__ = (table("Browsers in which users are signed in."),)

    user_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("users.id", ondelete="CASCADE"), index=True, comment="The user."
    )
    token_hash: Mapped[str] = mapped_column(
        ascii_text(64), unique=True, comment="SHA-256 of the cookie, hex."
    )
    method: Mapped[SignInMethod] = mapped_column(
        enum_of(SignInMethod, "method"), comment="How the user signed in."
    )
    address: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="Where the request came from that began it."
    )
    agent: Mapped[str | None] = mapped_column(sa.String(255), comment="Its User-Agent.")
    last_seen_at: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="When it was used last, to some minutes."
    )
    expires_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="When it ends however much it is used."
    )
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it was ended.")

    def revoke(self, now: datetime) -> None:
        """End it; repeating keeps the first moment."""
        self.revoked_at = self.revoked_at or now


class RecoveryCode(Identified, Model):
    """A code that replaces the authenticator once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (table("Codes that replace an authenticator, each once."),)

    user_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("users.id", ondelete="CASCADE"), index=True, comment="The user."
    )
    code_hash: Mapped[str] = mapped_column(
        ascii_text(64), unique=True, comment="SHA-256 of the code, hex."
    )
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="When it was used.")


class KnownDevice(Identified, Model):
    """A browser in which a user has signed in before: others' failures do not delay it."""

    __tablename__ = "known_devices"
    __table_args__ = (table("Browsers in which users have signed in before."),)

    user_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("users.id", ondelete="CASCADE"), index=True, comment="The user."
    )
    token_hash: Mapped[str] = mapped_column(
        ascii_text(64), unique=True, comment="SHA-256 of the cookie, hex."
    )
    expires_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="Until when it is known."
    )
