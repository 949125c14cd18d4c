"""Seven more types of records: NAPTR, LOC, DNAME, URI, OPENPGPKEY, SMIMEA and RP."""

from collections.abc import Sequence

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0040"
down_revision = "2026_11_29_0020"
branch_labels = None
depends_on = None

_OLD = (
    *("A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "NS", "SOA", "PTR"),
    *("HTTPS", "SVCB", "DS", "TLSA", "SSHFP", "ALIAS", "ANAME"),
)
_NEW = ("NAPTR", "LOC", "DNAME", "URI", "OPENPGPKEY", "SMIMEA", "RP")
_TYPED = ("dns_records", "dns_ledger")


def upgrade() -> None:
    _admit(_OLD, (*_OLD, *_NEW))


def downgrade() -> None:
    # The older release cannot name these types: what it manages of them stays at the provider.
    for table in _TYPED:
        _force(table, on=False)
        op.execute(f"DELETE FROM {table} WHERE record_type IN ({_listed(_NEW)})")  # noqa: S608 - our own words
        _force(table, on=True)
    _admit((*_OLD, *_NEW), _OLD)


def _force(table: str, *, on: bool) -> None:
    """Let the table's owner see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _admit(old: Sequence[str], new: Sequence[str]) -> None:
    """Change which record types the two tables take."""
    if c.dialect() == "sqlite":
        _admit_on_sqlite(old, new)
        return
    for table in _TYPED:
        name = f"{table}_record_type_check"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (record_type IN ({_listed(new)}))"
        )


def _admit_on_sqlite(old: Sequence[str], new: Sequence[str]) -> None:
    """Edit the CHECKs where SQLite keeps them, as its page on ALTER TABLE says (section 7).

    Copying the tables would take long for millions of records. Other connections read the schema
    again only when a table was made or dropped.
    """
    quoted = [f"record_type IN ({_listed(words)})".replace("'", "''") for words in (old, new)]
    op.execute("CREATE TABLE types_admitted (id INTEGER)")
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{quoted[0]}', '{quoted[1]}') "  # noqa: S608 - our own words
        f"WHERE type = 'table' AND name IN ({_listed(_TYPED)})"
    )
    op.execute("PRAGMA writable_schema = RESET")
    op.execute("DROP TABLE types_admitted")
