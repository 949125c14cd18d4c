"""Health by thresholds, the looks of the last day, and what `/edge/ask` was asked."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_07_0110"
down_revision = "2026_12_07_0010"
branch_labels = None
depends_on = None

_BINDINGS, _HOURS, _ASKS = "application_domain_bindings", "health_hours", "edge_asks"


def upgrade() -> None:
    comment = "Since when health checks fail; NULL: the last one did not."
    op.add_column(_BINDINGS, c.moment("failing_since", comment))
    comment = "How many health checks in a row failed, and went well."
    op.add_column(_BINDINGS, c.json("known_health", comment))
    comment = "Since when the target gets no requests while others of its route are well."
    op.add_column(_BINDINGS, c.moment("held_back_at", comment))
    _hours()
    _asks()


def downgrade() -> None:
    op.drop_table(_ASKS)
    op.drop_table(_HOURS)
    for column in ("held_back_at", "known_health", "failing_since"):
        op.drop_column(_BINDINGS, column)


def _hours() -> None:
    c.create(
        _HOURS,
        "Health checks of the last day: one row for each binding and hour.",
        c.big("binding_id", "The binding that was checked."),
        sa.Column("hour", c.MOMENT, nullable=False, comment="When the hour began (UTC)."),
        sa.Column(
            "looks", sa.Text(), nullable=False,
            comment="`minute,looks,failed,status,milliseconds,longest;` for some minutes each; "
            "status 0: no answer.",
        ),
        c.owner(),
        sa.PrimaryKeyConstraint("binding_id", "hour", name=op.f(f"{_HOURS}_pkey")),
        c.refers(_HOURS, "organization_id", "organizations"),
        c.belongs(_HOURS, "binding_id", _BINDINGS),
    )  # fmt: skip
    c.index(_HOURS, "hour")
    c.index(_HOURS, "organization_id", "binding_id", name=f"{_HOURS}_binding_index")
    c.isolate(_HOURS)


def _asks() -> None:
    c.create(
        _ASKS,
        "Questions that `/edge/ask` was asked, by outcome, and unknown names by suffix.",
        c.ascii_text("outcome", "How it was answered, and why.", 32, nullable=False),
        c.ascii_text("suffix", "Suffix of unknown names; empty: all questions.", nullable=False),
        sa.Column("asked", c.BIG, nullable=False, server_default="0", comment="How often."),
        sa.Column(
            "last_at", c.MOMENT, nullable=False, comment="When that was added up last."
        ),
        sa.PrimaryKeyConstraint("outcome", "suffix", name=op.f(f"{_ASKS}_pkey")),
    )  # fmt: skip
    c.index(_ASKS, "last_at")
    if c.dialect() == "postgresql":  # only a role that passes row-level security works with it
        op.execute(f"ALTER TABLE {_ASKS} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {_ASKS} FORCE ROW LEVEL SECURITY")
