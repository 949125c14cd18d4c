"""Delegated ACME challenges: what each organization's labels are made from."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1000"
down_revision = "2026_11_30_0800"
branch_labels = None
depends_on = None

_TABLE = "organizations"
_RANDOM = {
    "sqlite": "lower(hex(randomblob(24)))",
    "postgresql": "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')",
    "mysql": "lower(hex(random_bytes(24)))",
    "mariadb": "lower(hex(random_bytes(24)))",
}
"""Of each row another, from the database's own strong source."""


def upgrade() -> None:
    if (
        c.dialect() == "sqlite"
    ):  # on a line of its own: what reads the schema takes it for part of `live`
        op.execute(f"ALTER TABLE {_TABLE} ADD COLUMN challenge_seed\nVARCHAR(64)")
    else:
        comment = "What the labels of delegated ACME challenges are made from. It never changes."
        op.add_column(_TABLE, c.ascii_text("challenge_seed", comment, length=64))
    if c.dialect() == "postgresql":  # FORCE hides the rows from the owner too
        op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE {_TABLE} SET challenge_seed = {_RANDOM[c.dialect()]}")  # noqa: S608 - our own words
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_column(_TABLE, "challenge_seed")
