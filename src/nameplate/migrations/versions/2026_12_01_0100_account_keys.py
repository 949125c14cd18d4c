"""Changes of the keys of accounts at authorities."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0100"
down_revision = "2026_12_01_0010"
branch_labels = None
depends_on = None

_ACCOUNTS = "accounts"


def upgrade() -> None:
    comment = "When its key at the authority was changed last."
    op.add_column(_ACCOUNTS, c.moment("key_changed_at", comment))
    comment = "Since when the authority is to know another key; NULL: it knows it."
    op.add_column(_ACCOUNTS, c.moment("key_change_began_at", comment))


def downgrade() -> None:
    for column in ("key_change_began_at", "key_changed_at"):
        op.drop_column(_ACCOUNTS, column)
