"""Why a domain is not ready, beside the copy of whether it is: lists need no facts for most of them."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0020"
down_revision = "2026_11_29_0010"
branch_labels = None
depends_on = None

_TABLE = "domain_readiness"


def upgrade() -> None:
    comment = "Reason of the condition that matters most, where nothing but marked rows decides it."
    op.add_column(_TABLE, c.ascii_text("reason", comment, length=80))


def downgrade() -> None:
    op.drop_column(_TABLE, "reason")
