"""Links that show what to publish for one domain without a login; checks by hand are counted."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0060"
down_revision = "2026_11_29_0040"
branch_labels = None
depends_on = None

_TABLE = "setup_links"


def upgrade() -> None:
    c.create(
        _TABLE,
        "Links that show what to publish for one domain, without a login.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The domain."),
        c.ascii_text("token_hash", "SHA-256 of the token in the link, hex.", 64, nullable=False),
        c.ascii_text(
            "session_hash", "SHA-256 of what the browser keeps that opened the link, hex.", 64
        ),
        sa.Column("expires_at", c.MOMENT, nullable=False, comment="Until when it works."),
        sa.Column("revoked_at", c.MOMENT, nullable=True, comment="When it was revoked."),
        sa.Column(
            "opened_at",
            c.MOMENT,
            nullable=True,
            comment="When a browser exchanged the token: it does so once.",
        ),
        c.primary(_TABLE),
        sa.UniqueConstraint("token_hash", name=op.f("setup_links_token_hash_unique")),
        c.refers(_TABLE, "organization_id", "organizations"),
        c.belongs(_TABLE, "organization_domain_id", "organization_domains"),
    )
    c.index(_TABLE, "organization_id", "organization_domain_id", name="setup_links_domain_index")
    c.isolate(_TABLE)
    comment = "Theoretical arrival time of the next check that a person asks for (GCRA)."
    op.add_column("organization_domains", c.moment("check_allowed_at", comment))


def downgrade() -> None:
    op.drop_column("organization_domains", "check_allowed_at")
    op.drop_table(_TABLE)
