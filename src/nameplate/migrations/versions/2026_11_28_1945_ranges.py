"""Numbers within their range and names that are not empty, kept by the database itself."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1945"
down_revision = "2026_11_28_1940"
branch_labels = None
depends_on = None

_TTL, _SIXTEEN_BITS, _PORT = (0, 2147483647), (0, 65535), (1, 65535)
_RANGES = {
    "dns_records": {
        "ttl": _TTL,
        "priority": _SIXTEEN_BITS,
        "weight": _SIXTEEN_BITS,
        "port": _SIXTEEN_BITS,
    },
    "dns_ledger": {"ttl": _TTL},
    "applications": {"upstream_port": _PORT},
    "application_domain_bindings": {"port": _PORT, "traffic_weight": (0, 100)},
}
_FILLED = {
    "organizations": ("name",),
    "applications": ("name",),
    "servers": ("name", "address"),
    "accounts": ("name",),
    "dns_records": ("name",),
}
_TABLES = tuple(dict.fromkeys((*_RANGES, *_FILLED)))


def upgrade() -> None:
    for table in _TABLES:
        _mend(table)
        checks = [f"CONSTRAINT {name} CHECK ({rule})" for name, rule in _checks(table).items()]
        if c.dialect() == "sqlite":
            added = "".join(f", {check}" for check in checks).replace("'", "''")
            _edit(table, f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || '{added})'")
        else:
            op.execute(f"ALTER TABLE {table} {', '.join(f'ADD {check}' for check in checks)}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        checks = _checks(table)
        if c.dialect() == "sqlite":
            parts = [f", CONSTRAINT {name} CHECK ({rule})" for name, rule in checks.items()]
            added = "".join(parts).replace("'", "''")
            _edit(table, f"replace(sql, '{added}', '')")
        else:
            op.execute(f"ALTER TABLE {table} {', '.join(f'DROP CONSTRAINT {n}' for n in checks)}")


def _checks(table: str) -> dict[str, str]:
    """Return the CHECKs of a table by name."""
    ranges = {
        f"{table}_{column}_range_check": f"{column} BETWEEN {least} AND {most}"
        for column, (least, most) in _RANGES.get(table, {}).items()
    }
    filled = {
        f"{table}_{column}_filled_check": f"{column} <> ''" for column in _FILLED.get(table, ())
    }
    return ranges | filled


def _mend(table: str) -> None:
    """Bring what is out of range to its nearest end, and name what has no name."""
    _force(table, on=False)
    for column, (least, most) in _RANGES.get(table, {}).items():
        op.execute(
            f"UPDATE {table} SET {column} = CASE WHEN {column} < {least} THEN {least} ELSE {most} END "  # noqa: S608 - our own words
            f"WHERE {column} NOT BETWEEN {least} AND {most}"
        )
    for column in _FILLED.get(table, ()):
        op.execute(f"UPDATE {table} SET {column} = 'unnamed' WHERE {column} = ''")  # noqa: S608 - our own words
    _force(table, on=True)


def _edit(table: str, sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} WHERE type = 'table' AND name = '{table}'"  # noqa: S608 - our own words
    )
    op.execute("PRAGMA writable_schema = RESET")


def _force(table: str, *, on: bool) -> None:
    """Let the owner of the table see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")
