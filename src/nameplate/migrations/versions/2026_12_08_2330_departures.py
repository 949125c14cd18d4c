"""Servers go on serving bindings that move away until the others serve and DNS leads there."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_08_2330"
down_revision = "2026_12_07_0510"
branch_labels = None
depends_on = None

_PLACEMENTS = "binding_placements"
_COLUMNS = {
    "leaving_since": "Since when the binding is moving away from the server, which serves it on; NULL: it is not.",
    "led_over_at": "When DNS was led to where it moves, which was seen to serve it; NULL: it leads here.",
    "leaves_at": "When caches have forgotten the server, which serves it no more then.",
}


def upgrade() -> None:
    for column, comment in _COLUMNS.items():
        op.add_column(_PLACEMENTS, c.moment(column, comment))
    c.index(_PLACEMENTS, "leaving_since")
    _comment("How bindings are there at each server of their group, and at those that they leave.")


def downgrade() -> None:
    _comment("How bindings on groups of servers are there at each server.")
    op.drop_index(op.f(f"{_PLACEMENTS}_leaving_since_index"), _PLACEMENTS)
    for column in reversed(_COLUMNS):
        op.drop_column(_PLACEMENTS, column)


def _comment(text: str) -> None:
    """Describe the table; SQLite keeps no comments."""
    if c.dialect() != "sqlite":
        op.create_table_comment(_PLACEMENTS, text)
