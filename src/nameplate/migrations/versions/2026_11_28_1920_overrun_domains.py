"""A domain remembers when it was taken from a worker that had not released it."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1920"
down_revision = "2026_11_28_1910"
branch_labels = None
depends_on = None

_COMMENT = (
    "When a worker last took the domain from one that had not released it: that one may act yet."
)


def upgrade() -> None:
    op.add_column("organization_domains", c.moment("overrun_at", _COMMENT))


def downgrade() -> None:
    op.drop_column("organization_domains", "overrun_at")
