"""Paths of bindings without a slash at the end: `/api/` and `/api` are one prefix."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1010"
down_revision = "2026_11_28_1000"
branch_labels = None
depends_on = None

_TABLE = "application_domain_bindings"
_TRIMMED = "substr({of}path, 1, length({of}path) - 1)"


def upgrade() -> None:
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    ends = "path LIKE '/%/'"
    # MariaDB reads no table that it updates, but through a derived one.
    taken = (
        f"SELECT slashed.id FROM {_TABLE} slashed JOIN {_TABLE} plain "  # noqa: S608 - our own words
        "ON plain.organization_id = slashed.organization_id AND plain.hostname = slashed.hostname "
        f"AND plain.path = {_TRIMMED.format(of='slashed.')} AND plain.deleted_at IS NULL "
        "WHERE slashed.path LIKE '/%/'"
    )
    op.execute(
        f"UPDATE {_TABLE} SET status = 'disabled', "  # noqa: S608 - our own words
        "error_message = 'Another binding of the host has the same path without the last slash.' "
        f"WHERE id IN (SELECT id FROM ({taken}) taken)"
    )
    op.execute(
        f"UPDATE {_TABLE} SET path = {_TRIMMED.format(of='')} "  # noqa: S608 - our own words
        f"WHERE {ends} AND id NOT IN (SELECT id FROM ({taken}) taken)"
    )
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Change nothing: the older release reads the shorter form alike."""
