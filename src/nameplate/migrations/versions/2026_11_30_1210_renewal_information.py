"""When the authority of a certificate suggests to replace it (ARI, RFC 9773)."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1210"
down_revision = "2026_11_30_1100"
branch_labels = None
depends_on = None

_TABLE = "ssl_certificates"


def upgrade() -> None:
    comment = "From when on its authority suggests to replace it (RFC 9773)."
    op.add_column(_TABLE, c.moment("renewal_window_starts_at", comment))
    comment = "Until when its authority suggests to replace it."
    op.add_column(_TABLE, c.moment("renewal_window_ends_at", comment))
    comment = "Page on which the authority says why, where that is unusual."
    op.add_column(_TABLE, c.prose("renewal_explanation_url", comment))
    comment = "When the authority is asked for its suggestion again."
    op.add_column(_TABLE, c.moment("renewal_info_due_at", comment))


def downgrade() -> None:
    for column in (
        "renewal_info_due_at",
        "renewal_explanation_url",
        "renewal_window_ends_at",
        "renewal_window_starts_at",
    ):
        op.drop_column(_TABLE, column)
