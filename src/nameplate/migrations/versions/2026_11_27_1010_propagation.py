"""What servers answered for a record, and the delegation that was seen at a domain."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_27_1010"
down_revision = "2026_11_27_1000"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dns_records",
        c.json(
            "propagation",
            "What each server answered at the last look, and until when caches keep it.",
        ),
    )
    op.add_column(
        "organization_domains",
        c.json(
            "delegation",
            "The zone that the Internet saw at the name, and whose servers it should be.",
        ),
    )


def downgrade() -> None:
    op.drop_column("organization_domains", "delegation")
    op.drop_column("dns_records", "propagation")
