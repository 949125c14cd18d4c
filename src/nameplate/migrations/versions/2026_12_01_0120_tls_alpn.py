"""Answers to tls-alpn-01, found by host."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0120"
down_revision = "2026_12_01_0110"
branch_labels = None
depends_on = None

_TABLE = "http_challenges"
_CHECK = f"{_TABLE}_challenge_type_check"


def upgrade() -> None:
    check = "CHECK (challenge_type IN ('http-01', 'dns-01', 'tls-alpn-01'))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_TABLE} ADD COLUMN challenge_type\nVARCHAR(32) DEFAULT 'http-01' NOT NULL "
            f"CONSTRAINT {_CHECK} {check}"
        )
    else:
        op.add_column(_TABLE, c.choice("challenge_type", "How it is asked for.", "http-01"))
        op.execute(f"ALTER TABLE {_TABLE} ADD CONSTRAINT {_CHECK} {check}")
    c.index(_TABLE, "hostname")


def downgrade() -> None:
    op.drop_index(op.f("http_challenges_hostname_index"), _TABLE)
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_TABLE} DROP CONSTRAINT {_CHECK}")
    op.drop_column(_TABLE, "challenge_type")
