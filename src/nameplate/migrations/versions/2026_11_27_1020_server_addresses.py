"""Addresses of servers, beside the one that is their name."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_27_1020"
down_revision = "2026_11_27_1010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "servers",
        c.json("addresses", "IPv4 and IPv6 addresses of the server beside `address`."),
    )


def downgrade() -> None:
    op.drop_column("servers", "addresses")
