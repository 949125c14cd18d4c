"""Which keys have sealed stored secrets, which processes run, and less that tenants can read.

Tables of no organization get row-level security too: nothing of budgets, counts and processes, of
name locks only the one that the transaction names, of kept answers those of the own organization.
"""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1940"
down_revision = "2026_11_28_1930"
branch_labels = None
depends_on = None

_CLOSED = ("budgets", "step_counts", "live_processes")
"""Only a role that passes row-level security works with these."""
_OWN = (
    "split_part(principal, ':', 1) = NULLIF(current_setting('nameplate.organization_id', true), '')"
)
_NAMED = "base = current_setting('nameplate.base', true)"


def upgrade() -> None:
    c.create(
        "sealing_keys",
        "Keys that have sealed stored secrets; the keys are elsewhere.",
        c.ascii_text("key_id", "Id of the key in the key ring.", 32, nullable=False),
        c.ascii_text(
            "check_value", "Derived from the key: tells it from another of the same id.", 64
        ),
        c.moment("created_at", "When the key was first used (UTC).", now=True),
        c.moment("retired_at", "Since when nothing may be sealed with it; NULL: it may."),
        c.primary("sealing_keys", "key_id"),
    )
    c.create(
        "live_processes",
        "Running processes; each says every few seconds that it lives.",
        c.ascii_text("id", "Random id of this run of the process.", 40, nullable=False),
        c.text("host", "Name of its machine.", null=False),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Number of the process there."),
        c.ascii_text("key_id", "Id of the key that it seals with.", 32, nullable=False),
        c.moment("started_at", "When it started (UTC).", now=True),
        c.moment("seen_at", "When it last said that it lives (UTC).", now=True),
        c.primary("live_processes"),
    )
    if c.dialect() == "postgresql":
        _isolate()


def downgrade() -> None:
    if c.dialect() == "postgresql":
        _open()
    op.drop_table("live_processes")
    op.drop_table("sealing_keys")


def _isolate() -> None:
    for table in (*_CLOSED, "sealing_keys", "idempotency_keys", "name_locks"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _allow("idempotency_keys", "tenant", "ALL", f"USING ({_OWN}) WITH CHECK ({_OWN})")
    _allow("name_locks", "named", "ALL", f"USING ({_NAMED}) WITH CHECK ({_NAMED})")
    # Whoever seals locks the row of the key, which UPDATE permits; nothing can be changed.
    _allow("sealing_keys", "seen", "SELECT", "USING (true)")
    _allow("sealing_keys", "held", "UPDATE", "USING (true) WITH CHECK (false)")
    _allow(
        "sealing_keys",
        "noted",
        "INSERT",
        "WITH CHECK (check_value IS NULL AND retired_at IS NULL)",
    )


def _allow(table: str, name: str, command: str, condition: str) -> None:
    op.execute(f"CREATE POLICY {table}_{name} ON {table} FOR {command} {condition}")


def _open() -> None:
    op.execute("DROP POLICY idempotency_keys_tenant ON idempotency_keys")
    op.execute("DROP POLICY name_locks_named ON name_locks")
    for table in ("budgets", "step_counts", "idempotency_keys", "name_locks"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
