"""An account lists a name once; another organization's account may list it, too."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_07_0410"
down_revision = "2026_12_07_0110"
branch_labels = None
depends_on = None

_TABLE, _FORMER = "registrations", "registrations_name_unique"
_ORGANIZATION, _ACCOUNT = "registrations_org_name_unique", "registrations_account_name_unique"
_NAME, _PURCHASES = "registrations_name_index", "purchases_name_index"
_WAS, _IS = (
    "Names at registrars; one organization has each.",
    "Names at registrars; an organization has each once, and so has an account.",
)


def upgrade() -> None:
    keys = ("name", "current")
    c.index(_TABLE, "organization_id", *keys, name=_ORGANIZATION, unique=True)
    c.index(_TABLE, "account_id", *keys, name=_ACCOUNT, unique=True)
    c.index(_TABLE, *keys, name=_NAME)
    c.index("purchases", "name", name=_PURCHASES)
    op.drop_index(op.f(_FORMER), _TABLE)
    _comment(_IS)


def downgrade() -> None:
    # The older release admits one organization to each name: it keeps the first one.
    _force(on=False)
    op.execute(
        f"UPDATE {_TABLE} SET status = 'ended', next_action_at = NULL WHERE id IN ("  # noqa: S608 - our own words
        f"SELECT id FROM (SELECT l.id FROM {_TABLE} l JOIN {_TABLE} e ON e.name = l.name "
        "AND e.current = 1 AND l.current = 1 AND e.id < l.id) later)"
    )
    _force(on=True)
    c.index(_TABLE, "name", "current", name=_FORMER, unique=True)
    op.drop_index(op.f(_PURCHASES), "purchases")
    for name in (_NAME, _ACCOUNT, _ORGANIZATION):
        op.drop_index(op.f(name), _TABLE)
    _comment(_WAS)


def _force(*, on: bool) -> None:
    """Let the table's owner see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _comment(text: str) -> None:
    """Describe the table; SQLite keeps no comments."""
    if c.dialect() != "sqlite":
        op.create_table_comment(_TABLE, text)
