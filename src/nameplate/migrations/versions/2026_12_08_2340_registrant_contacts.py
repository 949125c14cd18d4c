"""Contacts and privacy of registrations can be changed, and are brought to the registrar."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_08_2340"
down_revision = "2026_12_08_2330"
branch_labels = None
depends_on = None

_TABLE = "registrations"
_MOMENTS = {
    "contact_wanted_at": "When the contact was given that the registrar does not show yet; NULL: none waits.",
    "contact_sent_at": "When that contact was sent to the registrar; NULL: not yet.",
}


def upgrade() -> None:
    comment = "Whether its contacts are to be hidden; NULL: as they are."
    op.add_column(_TABLE, sa.Column("privacy_wanted", sa.Boolean, comment=comment))
    for column, comment in _MOMENTS.items():
        op.add_column(_TABLE, c.moment(column, comment))


def downgrade() -> None:
    for column in (*_MOMENTS, "privacy_wanted"):
        op.drop_column(_TABLE, column)
