"""The registrations of domains are watched, whoever their registrar is."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_04_0110"
down_revision = "2026_12_04_0010"
branch_labels = None
depends_on = None

_WATCHES, _DOMAINS = "registration_watches", "organization_domains"


def upgrade() -> None:
    c.create(
        _WATCHES,
        "Registrable domains whose registration is watched.",
        c.ascii_text("name", "Canonical registrable domain.", nullable=False),
        sa.Column("next_look_at", c.MOMENT, nullable=False, comment="When its registry is asked again."),
        c.number("attempts", "Looks in a row that came to nothing.", "0"),
        c.json("known", "What the registry said last; NULL: nothing yet."),
        c.primary(_WATCHES, "name"),
    )  # fmt: skip
    c.index(_WATCHES, "next_look_at")
    if c.dialect() == "postgresql":  # only a role that passes row-level security works with it
        op.execute(f"ALTER TABLE {_WATCHES} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {_WATCHES} FORCE ROW LEVEL SECURITY")
    comment = "What the registry of `domain_name` said last; NULL: nothing yet."
    op.add_column(_DOMAINS, c.json("registration", comment))


def downgrade() -> None:
    op.drop_column(_DOMAINS, "registration")
    op.drop_table(_WATCHES)
