"""What stops the work on a row, since when, and what has to change before it can go on."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1820"
down_revision = "2026_11_28_1730"
branch_labels = None
depends_on = None

_TABLES = (
    "servers",
    "organization_domains",
    "dns_records",
    "ssl_certificates",
    "domain_verifications",
    "application_domain_bindings",
)


def upgrade() -> None:
    for table in _TABLES:
        for column in _columns():
            _add(table, column)
        c.index(table, "waits_for")


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(op.f(f"{table}_waits_for_index"), table)
        for column in ("waits_for", "trouble_since", "trouble_message", "trouble_code"):
            op.drop_column(table, column)


def _columns() -> list["sa.Column[object]"]:
    return [
        c.ascii_text("trouble_code", "What stops the work on this row; NULL: nothing.", 80),
        c.prose("trouble_message", "The same in words for a person."),
        c.moment("trouble_since", "Since when it is so."),
        c.ascii_text(
            "waits_for",
            "What has to change before the work can go on: `account:7`, `server:3`; NULL: time.",
            80,
        ),
    ]


def _add(table: str, column: "sa.Column[object]") -> None:
    if c.dialect() != "sqlite":
        op.add_column(table, column)
        return
    # On a line of its own: SQLAlchemy reads a generated column up to the end of its line.
    kind = column.type.compile(op.get_bind().dialect)
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column.name}\n{kind}")
