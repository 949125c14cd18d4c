"""What happens after a proof: notices, names that are kept, and names in quarantine."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_0300"
down_revision = "2026_11_29_0070"
branch_labels = None
depends_on = None

_TABLE = "quarantined_names"
_PROOFS = "domain_verifications"
_CHECK = f"{_PROOFS}_lost_reason_check"
_REASONS = (
    "proof_gone",
    "name_servers_changed",
    "registrar_changed",
    "registration_ended",
    "registered_anew",
)
_LAPSED = (
    "Since when the proof is lost for good: the name is kept for its holder and serves nothing; "
    "NULL: it serves."
)
_AROUND = "Name servers and registration of the name as they were when it was proved."


def upgrade() -> None:
    c.create(
        _TABLE,
        "Released names that may still point here.",
        *c.identity(),
        c.owner(),
        c.ascii_text("name", "Canonical name, `*.` for a wildcard.", nullable=False),
        c.ascii_text("base", "Registrable domain.", nullable=False),
        c.choice("scope", "The name alone, or everything below it too."),
        c.big("organization_domain_id", "The claim that held it."),
        c.choice("reason", "How it was given up."),
        _since(),
        c.moment("looked_at", "When somebody last looked where it points."),
        c.moment("away_since", "Since when it points elsewhere or nowhere; NULL: it points here."),
        c.prose("explanation", "What the last look saw, in words for a person."),
        *c.work(),
        *_trouble(),
        c.primary(_TABLE),
        sa.UniqueConstraint("organization_id", "name", name=op.f("unique_quarantined_name")),
        c.refers(_TABLE, "organization_id", "organizations"),
        c.belongs(_TABLE, "organization_domain_id", "organization_domains"),
        c.allowed(_TABLE, "scope", ("exact", "subtree")),
        c.allowed(_TABLE, "reason", ("removed", "lapsed")),
    )
    c.index(
        _TABLE, "organization_id", "organization_domain_id", name="quarantined_names_domain_index"
    )
    for column in ("name", "base", "next_action_at", "waits_for", "urgency"):
        c.index(_TABLE, column)
    c.isolate(_TABLE)
    op.add_column("name_holdings", c.moment("lapsed_at", _LAPSED))
    _loss()
    for made in _columns():
        op.add_column(_PROOFS, made)


def _loss() -> None:
    """Add why a proof is lost, and say it of those that are."""
    check = f"CHECK (lost_reason IN ({', '.join(repr(one) for one in _REASONS)}))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_PROOFS} ADD COLUMN lost_reason\nVARCHAR(32) CONSTRAINT {_CHECK} {check}"
        )
    else:
        op.add_column(_PROOFS, c.choice("lost_reason", "Why; NULL: it is not lost.", null=True))
        op.execute(f"ALTER TABLE {_PROOFS} ADD CONSTRAINT {_CHECK} {check}")
    if c.dialect() == "postgresql":  # FORCE hides the rows of organizations from the owner too
        op.execute(f"ALTER TABLE {_PROOFS} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE {_PROOFS} SET lost_reason = 'proof_gone' WHERE lost_at IS NOT NULL")  # noqa: S608 - our own words
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_PROOFS} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for column in reversed(_columns()):
        op.drop_column(_PROOFS, column.name)
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_PROOFS} DROP CONSTRAINT {_CHECK}")
    op.drop_column(_PROOFS, "lost_reason")
    op.drop_column("name_holdings", "lapsed_at")
    op.drop_table(_TABLE)


def _since() -> sa.Column[Any]:
    column = c.moment("since", "When it was given up.")
    column.nullable = False
    return column


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "notices",
            sa.SmallInteger(),
            nullable=False,
            server_default="0",
            comment="Notices given of the loss.",
        ),
        c.moment("noticed_at", "When the last of them was given."),
        c.moment("lapsed_at", "Since when the grace is over; NULL: it is not."),
        c.json("surroundings", _AROUND),
        sa.Column(
            "points_here",
            sa.Boolean(),
            nullable=True,
            comment="Whether the name's addresses are servers of the platform; NULL: nobody looked.",
        ),
    ]


def _trouble() -> list[sa.Column[Any]]:
    """Return the columns that say what stops the work on a row."""
    return [
        c.ascii_text("trouble_code", "What stops the work on this row; NULL: nothing.", 80),
        c.prose("trouble_message", "The same in words for a person."),
        c.moment("trouble_since", "Since when it is so."),
        c.ascii_text(
            "waits_for",
            "What has to change before the work can go on: `account:7`, `server:3`; NULL: time.",
            80,
        ),
        sa.Column(
            "urgency",
            sa.SmallInteger(),
            nullable=False,
            server_default="0",
            comment="1: takes something out of service, and is done before everything else.",
        ),
    ]
