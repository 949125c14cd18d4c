"""Bindings of one application on several ports may share a host and path."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_02_0010"
down_revision = "2026_12_01_0310"
branch_labels = None
depends_on = None

_TABLE = "application_domain_bindings"
_UNIQUE = "unique_app_domain_binding"
_OF_PATH = ("application_id", "organization_domain_id", "subdomain_key", "path")


def upgrade() -> None:
    op.add_column(
        _TABLE,
        sa.Column(
            "port_key",
            sa.Integer(),
            c.generated("coalesce(port, 0)"),
            nullable=True,
            comment="`port` without NULL, so that two rows without it collide (S9).",
        ),
    )
    _replace(*_OF_PATH, "port_key", "live")


def downgrade() -> None:
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    # MariaDB reads no table that it updates, but through a derived one.
    later = (
        f"SELECT one.id FROM {_TABLE} one JOIN {_TABLE} earlier ON earlier.id < one.id "  # noqa: S608 - our own words
        + "".join(f"AND earlier.{key} = one.{key} " for key in _OF_PATH)
        + "WHERE one.deleted_at IS NULL AND earlier.deleted_at IS NULL"
    )
    op.execute(
        f"UPDATE {_TABLE} SET deleted_at = updated_at "  # noqa: S608 - our own words
        f"WHERE id IN (SELECT id FROM ({later}) later)"
    )
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    _replace(*_OF_PATH, "live")
    op.drop_column(_TABLE, "port_key")


def _replace(*columns: str) -> None:
    """Make the index anew; the new one first, as MariaDB needs one for the foreign key."""
    c.index(_TABLE, *columns, name=f"{_UNIQUE}_new", unique=True)
    op.drop_index(_UNIQUE, _TABLE)
    if c.dialect() == "postgresql":
        op.execute(f"ALTER INDEX {_UNIQUE}_new RENAME TO {_UNIQUE}")
        return
    c.index(_TABLE, *columns, name=_UNIQUE, unique=True)
    op.drop_index(f"{_UNIQUE}_new", _TABLE)
