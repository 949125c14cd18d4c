"""The operator approves private suffixes and lists ports for bindings; every proof is looked at.

Proofs beside which another way was offered were never looked at again, and those of an organization
that was removed and restored are void.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1930"
down_revision = "2026_11_28_1920"
branch_labels = None
depends_on = None

_DOMAINS = "organization_domains"
_PROOFS = "domain_verifications"
_CHECK = f"{_DOMAINS}_suffix_approval_check"


def upgrade() -> None:
    comment = "Other ports there that the organization may choose for a binding."
    op.add_column("applications", c.json("binding_ports", comment))
    _approval()
    comment = "Why the operator denied it; NULL: they did not."
    op.add_column(_DOMAINS, c.prose("suffix_denial", comment))
    with _whole_tables(_DOMAINS, _PROOFS):
        _look_again()


def downgrade() -> None:
    op.drop_column(_DOMAINS, "suffix_denial")
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_DOMAINS} DROP CONSTRAINT {_CHECK}")
    op.drop_column(_DOMAINS, "suffix_approval")
    op.drop_column("applications", "binding_ports")


def _approval() -> None:
    comment = (
        "What the operator decided about a name in the private section of the public suffix list; "
        "NULL: it is not in there."
    )
    check = "CHECK (suffix_approval IN ('waiting', 'approved', 'denied'))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_DOMAINS} ADD COLUMN suffix_approval\nVARCHAR(32) "
            f"CONSTRAINT {_CHECK} {check}"
        )
        return
    op.add_column(_DOMAINS, c.choice("suffix_approval", comment, null=True))
    op.execute(f"ALTER TABLE {_DOMAINS} ADD CONSTRAINT {_CHECK} {check}")


@contextmanager
def _whole_tables(*tables: str) -> Iterator[None]:
    """Let the tables' owner see every row: FORCE hides those of organizations from it too."""
    if c.dialect() != "postgresql":
        yield
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _look_again() -> None:
    now = c.NOW[c.dialect()]
    unproved = f"SELECT id FROM {_DOMAINS} WHERE verified_at IS NULL"  # noqa: S608 - our own words
    op.execute(
        f"UPDATE {_PROOFS} SET next_action_at = {now} "  # noqa: S608 - our own words
        "WHERE status = 'verified' AND deleted_at IS NULL AND next_action_at IS NULL"
    )
    op.execute(
        f"UPDATE {_PROOFS} SET status = 'expired', proved_scope = NULL "  # noqa: S608 - our own words
        f"WHERE status = 'verified' AND organization_domain_id IN ({unproved})"
    )
