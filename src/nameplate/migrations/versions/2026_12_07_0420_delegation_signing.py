"""DS records of registrations, and what their registries give out."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_07_0420"
down_revision = "2026_12_07_0410"
branch_labels = None
depends_on = None

_TABLE = "registrations"
_FORMER = "Until when reading may show what was before our last change."


def upgrade() -> None:
    for column in (
        c.json(
            "parent_servers",
            "Name servers that the registry gives out; NULL: not seen yet, or not known.",
        ),
        c.moment("servers_changed_at", "When Nameplate set the name servers last."),
        c.flag(
            "publishes_ds", "The DS records of a signed zone are to be at the parent.", default=True
        ),
        c.json(
            "ds_wanted",
            "DS records that the parent is to have; NULL: Nameplate does not keep them.",
        ),
        c.json("ds_seen", "DS records that the registrar shows; NULL: it does not say."),
        c.moment(
            "ds_withdrawn_at",
            "When the registrar was seen without the DS records that were removed.",
        ),
    ):
        op.add_column(_TABLE, column)
    op.drop_column(_TABLE, "act_pending_until")


def downgrade() -> None:
    op.add_column(_TABLE, c.moment("act_pending_until", _FORMER))
    for name in (
        *(
            "ds_withdrawn_at",
            "ds_seen",
            "ds_wanted",
            "publishes_ds",
            "servers_changed_at",
            "parent_servers",
        ),
    ):
        op.drop_column(_TABLE, name)
