"""Why a server fails stands where every row of work says what stops it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1901"
down_revision = "2026_11_28_1900"
branch_labels = None
depends_on = None

_TABLE = "servers"


def upgrade() -> None:
    with _every_row():
        op.execute(
            "UPDATE servers SET trouble_code = error_code, trouble_message = error_message, "
            "trouble_since = failing_since WHERE error_code IS NOT NULL"
        )
    for column in ("error_code", "error_message", "failing_since"):
        op.drop_column(_TABLE, column)


def downgrade() -> None:
    op.add_column(
        _TABLE,
        c.prose("error_code", "Why the last attempt to configure the proxy failed, for programs."),
    )
    op.add_column(_TABLE, c.prose("error_message", "The same in words for a person."))
    op.add_column(
        _TABLE, c.moment("failing_since", "When the first of the failed attempts in a row ended.")
    )
    with _every_row():
        op.execute(
            sa.text(
                "UPDATE servers SET error_code = trouble_code, error_message = trouble_message, "
                "failing_since = trouble_since WHERE trouble_code IS NOT NULL"
            )
        )


@contextmanager
def _every_row() -> Iterator[None]:
    """Let the table's owner see every row: FORCE hides those of organizations from it too."""
    forced = c.dialect() == "postgresql"
    if forced:
        op.execute("ALTER TABLE servers NO FORCE ROW LEVEL SECURITY")
    yield
    if forced:
        op.execute("ALTER TABLE servers FORCE ROW LEVEL SECURITY")
