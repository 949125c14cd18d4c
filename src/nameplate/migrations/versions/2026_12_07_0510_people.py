"""People who sign in, what they are in organizations, and tokens for pages of others."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_07_0510"
down_revision = "2026_12_07_0420"
branch_labels = None
depends_on = None

_FREE = ("users", "user_sessions", "recovery_codes", "known_devices", "embed_origins")


def upgrade() -> None:
    _users()
    c.create(
        "memberships",
        "What users are in organizations.",
        *c.identity(),
        c.owner(),
        c.big("user_id", "The user."),
        c.choice("role", "What it may do."),
        c.primary("memberships"),
        c.allowed("memberships", "role", ("owner", "admin", "member", "viewer")),
        sa.UniqueConstraint("organization_id", "user_id", name="memberships_user_unique"),
        c.refers("memberships", "organization_id", "organizations"),
        c.refers("memberships", "user_id", "users"),
    )
    c.index("memberships", "user_id")
    c.isolate("memberships")
    _sessions()
    _embedding()
    if c.dialect() == "postgresql":
        for table in _FREE:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in ("embed_tokens", "memberships", *reversed(_FREE)):
        op.drop_table(table)


def _users() -> None:
    c.create(
        "users",
        "People who sign in.",
        *c.identity(),
        c.text("email", "Address, in lower case.", null=False),
        c.text("name", "Name for people.", null=False),
        c.flag("is_operator", "Whether it acts for the platform.", default=False),
        c.moment("disabled_at", "Since when it cannot sign in; NULL: it can."),
        c.ascii_text("password_hash", "Argon2id of the password; NULL: there is none."),
        c.moment("password_changed_at", "When the password was set last."),
        c.ascii_text("invitation_hash", "SHA-256 of the token in an invitation, hex.", 64),
        c.moment("invitation_expires_at", "Until when the invitation works."),
        c.long_text("totp_secret", "Secret of the authenticator, sealed."),
        c.moment("totp_confirmed_at", "Since when a code is asked for; NULL: none is."),
        _big_zero("totp_step", "Last step whose code was used (RFC 6238)."),
        c.ascii_text(
            "oidc_identity", "SHA-256 of issuer and subject at the identity provider, hex.", 64
        ),
        c.primary("users"),
        sa.UniqueConstraint("email", name="users_email_unique"),
        sa.UniqueConstraint("oidc_identity", name="users_oidc_identity_unique"),
        sa.UniqueConstraint("invitation_hash", name=op.f("users_invitation_hash_unique")),
    )


def _sessions() -> None:
    c.create(
        "user_sessions",
        "Browsers in which users are signed in.",
        *c.identity(),
        c.big("user_id", "The user."),
        c.ascii_text("token_hash", "SHA-256 of the cookie, hex.", 64, nullable=False),
        c.choice("method", "How the user signed in."),
        c.ascii_text("address", "Where the request came from that began it.", 64),
        c.text("agent", "Its User-Agent."),
        _required("last_seen_at", "When it was used last, to some minutes."),
        _required("expires_at", "When it ends however much it is used."),
        c.moment("revoked_at", "When it was ended."),
        c.primary("user_sessions"),
        c.allowed("user_sessions", "method", ("password", "oidc", "invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("user_sessions_token_hash_unique")),
        c.refers("user_sessions", "user_id", "users"),
    )
    c.create(
        "recovery_codes",
        "Codes that replace an authenticator, each once.",
        *c.identity(),
        c.big("user_id", "The user."),
        c.ascii_text("code_hash", "SHA-256 of the code, hex.", 64, nullable=False),
        c.moment("used_at", "When it was used."),
        c.primary("recovery_codes"),
        sa.UniqueConstraint("code_hash", name=op.f("recovery_codes_code_hash_unique")),
        c.refers("recovery_codes", "user_id", "users"),
    )
    c.create(
        "known_devices",
        "Browsers in which users have signed in before.",
        *c.identity(),
        c.big("user_id", "The user."),
        c.ascii_text("token_hash", "SHA-256 of the cookie, hex.", 64, nullable=False),
        _required("expires_at", "Until when it is known."),
        c.primary("known_devices"),
        sa.UniqueConstraint("token_hash", name=op.f("known_devices_token_hash_unique")),
        c.refers("known_devices", "user_id", "users"),
    )
    for table in ("user_sessions", "recovery_codes", "known_devices"):
        c.index(table, "user_id")
    for table in ("user_sessions", "known_devices"):
        c.index(table, "expires_at")


def _embedding() -> None:
    table = "embed_tokens"
    c.create(
        table,
        "Short-lived tokens for components in pages of others.",
        *c.identity(),
        c.owner(),
        c.ascii_text("key_id", "Public part, by which the token is found.", 32, nullable=False),
        c.ascii_text("token_hash", "SHA-256 of the whole token, hex.", 64, nullable=False),
        c.big(
            "organization_domain_id",
            "The only domain that it shows; NULL: all of the organization.",
            null=True,
        ),
        c.json("actions", "What it allows.", null=False),
        c.json("origins", "Pages that may use it.", null=False),
        c.big("token_id", "The token that made it, and with which it ends.", null=True),
        c.big("user_session_id", "The session that made it, and with which it ends.", null=True),
        _required("expires_at", "When it ends."),
        c.primary(table),
        sa.UniqueConstraint("key_id", name=op.f(f"{table}_key_id_unique")),
        c.refers(table, "organization_id", "organizations"),
        c.refers(table, "token_id", "api_tokens"),
        c.refers(table, "user_session_id", "user_sessions"),
    )
    for column in ("token_id", "user_session_id", "expires_at"):
        c.index(table, column)
    c.isolate(table)
    c.create(
        "embed_origins",
        "Origins that may ask with an embed token.",
        c.ascii_text("origin", "Scheme, host and port of a page.", nullable=False),
        _required("expires_at", "When the last token ends that allows it."),
        c.primary("embed_origins", "origin"),
    )
    c.index("embed_origins", "expires_at")


def _required(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, c.MOMENT, nullable=False, comment=comment)


def _big_zero(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, c.BIG, nullable=False, server_default="0", comment=comment)
