"""What certificates are made with, by domain and organization, and who has said so."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_04_0010"
down_revision = "2026_12_03_0010"
branch_labels = None
depends_on = None

_CERTIFICATES, _DOMAINS, _OWNERS = "ssl_certificates", "organization_domains", "organizations"


def upgrade() -> None:
    comment = "How names are preferably proved to authorities."
    op.add_column(_DOMAINS, c.ascii_text("certificate_challenge", comment, 32))
    comment = "Accounts to order certificates with, by name, one on each line."
    op.add_column(_DOMAINS, c.prose("certificate_authorities", comment))
    comment = "Kind of the private keys of certificates, unless a domain says it."
    op.add_column(_OWNERS, c.ascii_text("key_type", comment, 16))
    comment = "Profile that certificates are ordered with, unless a domain says it."
    op.add_column(_OWNERS, c.ascii_text("certificate_profile", comment, 64))
    comment = "Root that certificates should lead to, unless a domain says it."
    op.add_column(_OWNERS, c.text("preferred_chain", comment, null=True))
    comment = "How names are preferably proved, unless a domain says it."
    op.add_column(_OWNERS, c.ascii_text("certificate_challenge", comment, 32))
    comment = "Accounts to order certificates with, unless a domain says it."
    op.add_column(_OWNERS, c.prose("certificate_authorities", comment))
    comment = "Accounts to order it with, by name, one on each line; NULL: by priority."
    op.add_column(_CERTIFICATES, c.prose("authorities", comment))
    comment = "Who has said what it is made with; NULL: it was asked for so."
    op.add_column(_CERTIFICATES, c.json("chosen_by", comment))


def downgrade() -> None:
    for column in ("chosen_by", "authorities"):
        op.drop_column(_CERTIFICATES, column)
    for column in (
        "certificate_authorities",
        "certificate_challenge",
        "preferred_chain",
        "certificate_profile",
        "key_type",
    ):
        op.drop_column(_OWNERS, column)
    for column in ("certificate_authorities", "certificate_challenge"):
        op.drop_column(_DOMAINS, column)
