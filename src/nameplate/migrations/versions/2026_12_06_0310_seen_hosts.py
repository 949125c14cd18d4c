"""How services that serve hosts themselves see the hosts of bindings."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_06_0310"
down_revision = "2026_12_06_0210"
branch_labels = None
depends_on = None

_TABLE = "application_domain_bindings"


def upgrade() -> None:
    comment = "How the service sees the host whose proxy is a service, such as Cloudflare."
    op.add_column(_TABLE, c.json("seen_host", comment))


def downgrade() -> None:
    op.drop_column(_TABLE, "seen_host")
