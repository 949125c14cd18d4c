"""Redirects between hosts, and exactly one primary binding of each application."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_02_0020"
down_revision = "2026_12_02_0010"
branch_labels = None
depends_on = None

_TABLE = "application_domain_bindings"
_PRIMARY = f"{_TABLE}_primary_unique"
_STATUS = f"{_TABLE}_redirect_status_check"
_KIND = f"{_TABLE}_redirect_check"


def upgrade() -> None:
    _checked(
        c.choice("redirect", "Where the host redirects to; `none`: it serves.", "none"),
        "VARCHAR(32) DEFAULT 'none' NOT NULL",
        _KIND,
        "redirect IN ('none', 'to_primary', 'www', 'apex')",
    )
    _checked(
        c.number("redirect_status", "HTTP status of the redirect.", "308"),
        "INTEGER DEFAULT '308' NOT NULL",
        _STATUS,
        "redirect_status IN (301, 308)",
    )
    comment = "Host that it redirects to, by `redirect`; follows the primary."
    op.add_column(_TABLE, c.ascii_text("redirect_to", comment, 511))
    c.index(_TABLE, "redirect_to")
    _choose()
    op.add_column(
        _TABLE,
        sa.Column(
            "primary_key",
            sa.SmallInteger(),
            c.generated("CASE WHEN is_primary THEN 1 END"),
            nullable=True,
            comment="1 for the primary binding, else NULL: an application has at most one, removed ones counted.",
        ),
    )
    c.index(_TABLE, "application_id", "primary_key", name=_PRIMARY, unique=True)


def downgrade() -> None:
    op.drop_index(_PRIMARY, _TABLE)
    op.drop_column(_TABLE, "primary_key")
    op.drop_index(op.f(f"{_TABLE}_redirect_to_index"), _TABLE)
    if c.dialect() != "sqlite":
        for check in (_KIND, _STATUS):
            op.execute(f"ALTER TABLE {_TABLE} DROP CONSTRAINT {check}")
    for column in ("redirect_to", "redirect_status", "redirect"):
        op.drop_column(_TABLE, column)


def _checked(column: sa.Column[object], sqlite: str, name: str, rule: str) -> None:
    """Add a column with its CHECK, which SQLite takes only together."""
    check = f"CONSTRAINT {name} CHECK ({rule})"
    if c.dialect() == "sqlite":
        op.execute(f"ALTER TABLE {_TABLE} ADD COLUMN {column.name}\n{sqlite} {check}")
    else:
        op.add_column(_TABLE, column)
        op.execute(f"ALTER TABLE {_TABLE} ADD {check}")


def _choose() -> None:
    """Leave each application one primary binding: the first that is one, else the first that lives."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    chosen = (
        f"SELECT COALESCE(MIN(CASE WHEN is_primary THEN id END), MIN(id)) AS id FROM {_TABLE} "  # noqa: S608 - our own words
        "WHERE deleted_at IS NULL GROUP BY application_id"
    )
    # MariaDB reads no table that it updates, but through a derived one.
    among = f"id IN (SELECT id FROM ({chosen}) chosen)"  # noqa: S608 - our own words
    for value, where in (
        ("false", f"is_primary AND NOT {among}"),
        ("true", f"NOT is_primary AND {among}"),
    ):
        op.execute(f"UPDATE {_TABLE} SET is_primary = {value} WHERE {where}")  # noqa: S608 - our own words
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
