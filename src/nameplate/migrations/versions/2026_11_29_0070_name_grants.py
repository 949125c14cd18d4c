"""Holders of names lend what is below them to other organizations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0070"
down_revision = "2026_11_29_0060"
branch_labels = None
depends_on = None

_TABLE = "name_grants"
_SCOPE = "The name alone, or everything below it too."


def upgrade() -> None:
    c.create(
        _TABLE,
        "Names that their holder lends to another organization.",
        *c.identity(),
        c.big("organization_id", "The organization that lends."),
        c.big(
            "grantee_organization_id",
            "The organization that may use the name; NULL: nobody has accepted it yet.",
            null=True,
        ),
        c.ascii_text("name", "Canonical name, without `*.`.", nullable=False),
        c.choice("scope", _SCOPE),
        c.ascii_text("base", "Registrable domain.", nullable=False),
        c.flag("may_lend", "The grantee may lend names below it in turn.", default=False),
        c.moment("ends_at", "When it ends, by agreement or by a revocation; NULL: it does not."),
        c.moment("revoked_at", "When the lender revoked it, perhaps with notice."),
        c.ascii_text(
            "code_hash", "SHA-256 of the code by which an organization accepts it, hex.", 64
        ),
        c.moment("code_expires_at", "Until when the code is accepted."),
        *c.work(),
        *_trouble(),
        c.primary(_TABLE),
        sa.UniqueConstraint("code_hash", name=op.f("unique_grant_code")),
        c.refers(_TABLE, "organization_id", "organizations"),
        sa.ForeignKeyConstraint(
            ["grantee_organization_id"],
            ["organizations.id"],
            name=op.f("name_grants_grantee_foreign"),
            ondelete="CASCADE",
        ),
        c.allowed(_TABLE, "scope", ("exact", "subtree")),
    )
    c.index(_TABLE, "organization_id", name="name_grants_lender_index")
    c.index(_TABLE, "grantee_organization_id", name="name_grants_grantee_index")
    c.index(_TABLE, "base", name="name_grants_base_index")
    for column in ("next_action_at", "waits_for", "urgency"):
        c.index(_TABLE, column)
    c.isolate(_TABLE)
    _show_to_grantee()
    op.add_column("name_holdings", c.big("grant_id", "The grant it rests on.", null=True))
    op.add_column(
        "organization_domains",
        c.big("grant_id", "The grant that the claim is to rest on.", null=True),
    )


def downgrade() -> None:
    op.drop_column("organization_domains", "grant_id")
    op.drop_column("name_holdings", "grant_id")
    op.drop_table(_TABLE)


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


def _show_to_grantee() -> None:
    """Let the other side see a grant, too; only the lender writes it."""
    if c.dialect() != "postgresql":
        return
    mine = "NULLIF(current_setting('nameplate.organization_id', true), '')::bigint"
    op.execute(
        f"CREATE POLICY {_TABLE}_received ON {_TABLE} FOR SELECT "
        f"USING (grantee_organization_id = {mine})"
    )
