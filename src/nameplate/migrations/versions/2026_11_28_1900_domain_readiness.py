"""Which domains are ready, as a copy that the filter of lists is answered from."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1900"
down_revision = "2026_11_28_1840"
branch_labels = None
depends_on = None

_TABLE = "domain_readiness"
_READY = "Every condition was met, as far as health checks are on time."


def upgrade() -> None:
    c.create(
        _TABLE,
        "Which domains are ready: a copy for the filter of lists, worked out from facts.",
        c.owner(),
        c.big("organization_domain_id", "The domain."),
        c.flag("ready", _READY, default=False),
        sa.Column(
            "holds_until",
            c.MOMENT,
            nullable=True,
            server_default=sa.text(c.NOW[c.dialect()]),
            comment="When that has to be worked out anew; NULL: when a row changes.",
        ),
        sa.Column(
            "changes",
            c.BIG,
            nullable=False,
            server_default="0",
            comment="How often what it was worked out from has changed.",
        ),
        c.primary(_TABLE, "organization_domain_id"),
        c.refers(_TABLE, "organization_id", "organizations"),
        c.belongs(_TABLE, "organization_domain_id", "organization_domains"),
    )
    c.index(
        _TABLE, "organization_id", "ready", "organization_domain_id",
        name="domain_readiness_owner_index",
    )  # fmt: skip
    c.index(_TABLE, "ready", "organization_domain_id", name="domain_readiness_ready_index")
    c.index(_TABLE, "holds_until")
    _fill()
    c.isolate(_TABLE)


def downgrade() -> None:
    op.drop_table(_TABLE)


def _fill() -> None:
    """Give every domain its row, to be worked out; FORCE hides their rows from the owner too."""
    forced = c.dialect() == "postgresql"
    if forced:
        op.execute("ALTER TABLE organization_domains NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO domain_readiness (organization_domain_id, organization_id) "
        "SELECT id, organization_id FROM organization_domains"
    )
    if forced:
        op.execute("ALTER TABLE organization_domains FORCE ROW LEVEL SECURITY")
