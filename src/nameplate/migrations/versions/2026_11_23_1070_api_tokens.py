"""Bearer tokens, and answers kept for repeated requests."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1070"
down_revision = "2026_11_23_1060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _api_tokens()
    _idempotency_keys()


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_table("api_tokens")


def _api_tokens() -> None:
    c.create(
        "api_tokens",
        "Bearer tokens of the API, hashed.",
        *c.identity(),
        c.owner("The organization it acts for; NULL: a platform token of an operator.", null=True),
        c.text("name", "Name for people and audit.", null=False),
        c.ascii_text("key_id", "Public part, by which the token is found.", 32, nullable=False),
        c.ascii_text("token_hash", "SHA-256 of the whole token, hex.", 64, nullable=False),
        c.moment("expires_at", "Until when it is accepted; NULL: no end."),
        c.moment("revoked_at", "When it was revoked."),
        c.moment("last_used_at", "When it was used last, to the hour."),
        c.primary("api_tokens"),
        sa.UniqueConstraint("key_id", name=op.f("api_tokens_key_id_unique")),
        c.refers("api_tokens", "organization_id", "organizations"),
    )
    c.index("api_tokens", "organization_id")
    c.isolate("api_tokens")


def _idempotency_keys() -> None:
    c.create(
        "idempotency_keys",
        "Answers kept for repeated requests (Idempotency-Key).",
        *c.identity(),
        c.ascii_text("principal", "Organization and token that asked.", 64, nullable=False),
        c.ascii_text("route", "Method and path.", nullable=False),
        c.ascii_text("key", "The caller's key.", nullable=False),
        c.ascii_text("request_hash", "SHA-256 of the request body, hex.", 64, nullable=False),
        c.number("response_status", "HTTP status of the answer."),
        c.long_text("response_body", "Body of the answer."),
        c.primary("idempotency_keys"),
        sa.UniqueConstraint("principal", "route", "key", name=op.f("unique_idempotency_key")),
    )
