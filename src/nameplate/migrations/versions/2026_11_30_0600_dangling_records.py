"""Dangling records are looked for daily; servers remember the addresses that they left."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_0600"
down_revision = "2026_11_30_0400"
branch_labels = None
depends_on = None

_SCANS, _FOUND = "dangling_scans", "dangling_records"
_TURNS = ("you", "operator", "provider", "authority", "nameplate")


def upgrade() -> None:
    _scans()
    _found()
    comment = "IP addresses that the server had before."
    op.add_column("servers", c.json("former_addresses", comment))


def downgrade() -> None:
    op.drop_column("servers", "former_addresses")
    op.drop_table(_FOUND)
    op.drop_table(_SCANS)


def _scans() -> None:
    c.create(
        _SCANS,
        "Daily looks at the names of domains that are held, or were.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The domain."),
        c.moment("scanned_at", "When some of its names were looked at last."),
        c.ascii_text("done_until", "The last name looked at; NULL: the next look begins anew."),
        *c.work(),
        *_trouble(),
        c.primary(_SCANS),
        sa.UniqueConstraint("organization_domain_id", name=op.f("unique_dangling_scan")),
        *_places(_SCANS),
    )
    c.index(_SCANS, "organization_id", "organization_domain_id", name=f"{_SCANS}_domain_index")
    for column in ("next_action_at", "waits_for", "urgency"):
        c.index(_SCANS, column)
    c.isolate(_SCANS)


def _found() -> None:
    c.create(
        _FOUND,
        "Dangling DNS records that were found; they end when the cause is gone.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The domain."),
        c.ascii_text("name", "Name that was looked at, absolute.", nullable=False),
        c.ascii_text("problem", "Code of the cause.", 80, nullable=False),
        c.text("subject", "What it leads to: a target, an address, a name server.", null=False),
        c.choice("severity", "What can come of it."),
        c.choice("turn", "Who must act."),
        _prose("message", "What is wrong, for a person."),
        _prose("fix", "What to do."),
        c.json("evidence", "What was seen, one line each.", null=False),
        c.json("records", "Records to add and to remove.", null=False),
        sa.Column("last_seen_at", c.MOMENT, nullable=False, comment="When it was seen last."),
        c.moment("ended_at", "When it was seen to be gone; NULL: it is there."),
        c.primary(_FOUND),
        *_places(_FOUND),
        c.allowed(_FOUND, "severity", ("high", "medium", "low")),
        c.allowed(_FOUND, "turn", _TURNS),
    )
    c.index(_FOUND, "organization_id", "organization_domain_id", name=f"{_FOUND}_domain_index")
    c.index(_FOUND, "ended_at", name=f"{_FOUND}_ended_index")
    c.isolate(_FOUND)


def _places(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        c.refers(table, "organization_id", "organizations"),
        c.belongs(table, "organization_domain_id", "organization_domains"),
    ]


def _prose(name: str, comment: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, comment=comment)


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
