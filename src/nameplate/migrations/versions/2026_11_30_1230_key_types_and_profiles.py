"""Kinds of keys and profiles of certificates, by domain and by certificate."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1230"
down_revision = "2026_11_30_1220"
branch_labels = None
depends_on = None

_CERTIFICATES, _DOMAINS = "ssl_certificates", "organization_domains"


def upgrade() -> None:
    comment = "Kind of the private keys of new certificates; NULL: ec256."
    op.add_column(_DOMAINS, c.ascii_text("key_type", comment, 16))
    comment = "The authority's profile that new certificates are ordered with."
    op.add_column(_DOMAINS, c.ascii_text("certificate_profile", comment, 64))
    comment = "Kind of its private keys; NULL: ec256."
    op.add_column(_CERTIFICATES, c.ascii_text("key_type", comment, 16))
    comment = "The authority's profile to order with."
    op.add_column(_CERTIFICATES, c.ascii_text("profile", comment, 64))
    comment = "The authority did not have that profile at the last renewal."
    op.add_column(_CERTIFICATES, c.flag("is_profile_gone", comment, default=False))


def downgrade() -> None:
    for column in ("is_profile_gone", "profile", "key_type"):
        op.drop_column(_CERTIFICATES, column)
    for column in ("certificate_profile", "key_type"):
        op.drop_column(_DOMAINS, column)
