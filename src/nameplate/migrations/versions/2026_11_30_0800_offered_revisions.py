"""Which configuration a proxy is offered that fetches it from the edge."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_0800"
down_revision = "2026_11_30_0700"
branch_labels = None
depends_on = None

_TABLE = "servers"


def upgrade() -> None:
    comment = "SHA-256 of what a proxy that fetches its configuration is offered."
    op.add_column(_TABLE, c.ascii_text("offered_fingerprint", comment, 64))
    comment = "How often that changed; the proxy shows which one it serves."
    op.add_column(_TABLE, c.number("offered_revision", comment, "0"))


def downgrade() -> None:
    op.drop_column(_TABLE, "offered_revision")
    op.drop_column(_TABLE, "offered_fingerprint")
