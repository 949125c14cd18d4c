"""Preferred chains of certificates, by domain and by certificate."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0110"
down_revision = "2026_12_01_0100"
branch_labels = None
depends_on = None

_CERTIFICATES, _DOMAINS = "ssl_certificates", "organization_domains"


def upgrade() -> None:
    comment = "Common name of the root that new certificates should lead to."
    op.add_column(_DOMAINS, c.text("preferred_chain", comment, null=True))
    comment = "Common name of the root to lead to; NULL: as the account says."
    op.add_column(_CERTIFICATES, c.text("preferred_chain", comment, null=True))
    comment = "Why another chain is served than that, in words for a person."
    op.add_column(_CERTIFICATES, c.prose("chain_note", comment))


def downgrade() -> None:
    for column in ("chain_note", "preferred_chain"):
        op.drop_column(_CERTIFICATES, column)
    op.drop_column(_DOMAINS, "preferred_chain")
