"""The operator approves private suffixes, and lists the ports that bindings may choose."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1930"
down_revision = "2026_11_28_1840"
branch_labels = None
depends_on = None

_DOMAINS = "organization_domains"
_CHECK = f"{_DOMAINS}_suffix_approval_check"


def upgrade() -> None:
    comment = "Other ports there that the organization may choose for a binding."
    op.add_column("applications", c.json("binding_ports", comment))
    _approval()
    comment = "Why the operator denied it; NULL: they did not."
    op.add_column(_DOMAINS, c.prose("suffix_denial", comment))


def downgrade() -> None:
    op.drop_column(_DOMAINS, "suffix_denial")
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_DOMAINS} DROP CONSTRAINT {_CHECK}")
    op.drop_column(_DOMAINS, "suffix_approval")
    op.drop_column("applications", "binding_ports")


def _approval() -> None:
    comment = (
        "What the operator decided about a name in the private section of the public suffix list; "
        "NULL: it is not in there."
    )
    check = "CHECK (suffix_approval IN ('waiting', 'approved', 'denied'))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_DOMAINS} ADD COLUMN suffix_approval\nVARCHAR(32) "
            f"CONSTRAINT {_CHECK} {check}"
        )
        return
    op.add_column(_DOMAINS, c.choice("suffix_approval", comment, null=True))
    op.execute(f"ALTER TABLE {_DOMAINS} ADD CONSTRAINT {_CHECK} {check}")
