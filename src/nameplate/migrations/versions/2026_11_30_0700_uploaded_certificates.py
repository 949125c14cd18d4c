"""Uploaded certificates: their key's fingerprint, the domains they span, notices, exported keys."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_0700"
down_revision = "2026_11_30_0600"
branch_labels = None
depends_on = None

_TABLE = "ssl_certificates"
_TOKENS = "api_tokens"


def upgrade() -> None:
    comment = "SHA-256 of the SubjectPublicKeyInfo, lower-case hex."
    op.add_column(_TABLE, c.ascii_text("public_key_fingerprint", comment, length=64))
    comment = "It covers names of other domains of the organization, too."
    op.add_column(_TABLE, c.flag("spans_domains", comment, default=False))
    comment = "Days before the end of the notice of expiry that was given last."
    op.add_column(_TABLE, c.number("expiry_notice_days", comment))
    comment = "When the private key was exported last."
    op.add_column(_TABLE, c.moment("key_exported_at", comment))
    c.index(_TABLE, "public_key_fingerprint")
    c.index(_TABLE, "organization_id", "spans_domains", name="ssl_certificates_spanning_index")
    comment = "Whether it may export private keys of certificates."
    op.add_column(_TOKENS, c.flag("may_export_keys", comment, default=False))


def downgrade() -> None:
    op.drop_column(_TOKENS, "may_export_keys")
    op.drop_index("ssl_certificates_spanning_index", _TABLE)
    op.drop_index("ssl_certificates_public_key_fingerprint_index", _TABLE)
    for column in (
        "key_exported_at",
        "expiry_notice_days",
        "spans_domains",
        "public_key_fingerprint",
    ):
        op.drop_column(_TABLE, column)
