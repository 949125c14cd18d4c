"""What takes something out of service is marked as urgent; steps are counted by kind and outcome."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1840"
down_revision = "2026_11_28_1830"
branch_labels = None
depends_on = None

_TABLES = (
    "application_domain_bindings",
    "dns_records",
    "domain_verifications",
    "organization_domains",
    "servers",
    "ssl_certificates",
)
_COMMENT = "1: takes something out of service, and is done before everything else."


def upgrade() -> None:
    for table in _TABLES:
        column = sa.Column(
            "urgency", sa.SmallInteger(), nullable=False, server_default="0", comment=_COMMENT
        )
        op.add_column(table, column)
        c.index(table, "urgency")
    op.create_table(
        "step_counts",
        c.ascii_text("kind", "Kind of row that the steps worked on.", 32, nullable=False),
        c.ascii_text("outcome", "`ok`, or the code of what went wrong.", 100, nullable=False),
        sa.Column(
            "steps",
            c.BIG,
            nullable=False,
            server_default="0",
            comment="How many steps of all workers ended like that.",
        ),
        sa.PrimaryKeyConstraint("kind", "outcome", name=op.f("step_counts_pkey")),
        comment="Steps of all workers since the beginning, by kind and outcome.",
    )


def downgrade() -> None:
    op.drop_table("step_counts")
    for table in _TABLES:
        op.drop_index(op.f(f"{table}_urgency_index"), table)
        op.drop_column(table, "urgency")
