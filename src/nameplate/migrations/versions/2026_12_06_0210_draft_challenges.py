"""Two challenges that are still drafts: dns-account-01, and dns-persist-01 with records that stay."""

from collections.abc import Sequence

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_06_0210"
down_revision = "2026_12_05_0010"
branch_labels = None
depends_on = None

_CHALLENGES = ("http-01", "dns-01", "tls-alpn-01")
_DRAFTS = ("dns-account-01", "dns-persist-01")
_PURPOSES = ("record", "challenge")
_PERSIST = ("persist",)
_CHOICES = (
    ("ssl_certificates", "acme_challenge_type", _CHALLENGES, _DRAFTS),
    ("http_challenges", "challenge_type", _CHALLENGES, _DRAFTS),
    ("dns_ledger", "purpose", _PURPOSES, _PERSIST),
)
_PREFERRED = ("organizations", "organization_domains")


def upgrade() -> None:
    for table, column, old, new in _CHOICES:
        _admit(table, column, old, (*old, *new))


def downgrade() -> None:
    # The older release proves the names by dns-01; records that stayed are left at the provider.
    tables = ("ssl_certificates", "dns_ledger", *_PREFERRED)
    for table in tables:
        _force(table, on=False)
    drafts = _listed(_DRAFTS)
    op.execute(
        "UPDATE ssl_certificates SET acme_challenge_type = 'dns-01' "  # noqa: S608 - our own words
        f"WHERE acme_challenge_type IN ({drafts})"
    )
    op.execute(f"DELETE FROM dns_ledger WHERE purpose IN ({_listed(_PERSIST)})")  # noqa: S608 - our own words
    for table in _PREFERRED:
        op.execute(
            f"UPDATE {table} SET certificate_challenge = 'dns-01' "  # noqa: S608 - our own words
            f"WHERE certificate_challenge IN ({drafts})"
        )
    for table in tables:
        _force(table, on=True)
    for table, column, old, new in _CHOICES:
        _admit(table, column, (*old, *new), old)


def _force(table: str, *, on: bool) -> None:
    """Let the table's owner see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _admit(table: str, column: str, old: Sequence[str], new: Sequence[str]) -> None:
    """Change which values a column takes."""
    if c.dialect() == "sqlite":
        _admit_on_sqlite(table, *(f"{column} IN ({_listed(words)})" for words in (old, new)))
        return
    name = f"{table}_{column}_check"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({_listed(new)}))")


def _admit_on_sqlite(table: str, old: str, new: str) -> None:
    """Edit the CHECK where SQLite keeps it, as its page on ALTER TABLE says (section 7).

    Copying the table would take long. Other connections read the schema again only when a table was
    made or dropped.
    """
    quoted = [words.replace("'", "''") for words in (old, new)]
    op.execute("CREATE TABLE challenges_admitted (id INTEGER)")
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{quoted[0]}', '{quoted[1]}') "  # noqa: S608 - our own words
        f"WHERE type = 'table' AND name = '{table}'"
    )
    op.execute("PRAGMA writable_schema = RESET")
    op.execute("DROP TABLE challenges_admitted")
