"""References and moments that stood in JSON become columns: a domain's account, a lost proof.

The statements run also where they are only printed, so they are sets of rows in SQL. What is odd in
a column of JSON stops nothing: an account that is not there becomes NULL, what is no moment stays.
"""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1730"
down_revision = "2026_11_28_1020"
branch_labels = None
depends_on = None

_DOMAINS, _PROOFS = "organization_domains", "domain_verifications"
_FORCED = (_DOMAINS, _PROOFS, "accounts")
_KEY = (
    "CONSTRAINT organization_domains_accounts_foreign FOREIGN KEY(dns_account_id) "
    "REFERENCES accounts (id) ON DELETE SET NULL"
)
_DATE = "20[0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_MOMENT = f"^{_DATE}T{_TIME}[+]00:00$"
"""How `lost_at` was written. A day that its month does not have is one of the next month."""


def upgrade() -> None:
    op.add_column(
        _DOMAINS,
        c.big(
            "dns_account_id",
            "The account with which records are written; NULL: none.",
            null=True,
        ),
    )
    op.add_column(
        _PROOFS, c.moment("lost_at", "Since when a proof that was seen is gone; NULL: it is there.")
    )
    _comment("Settings at that DNS host: the zone, and whether it is hosted here.")
    _force(on=False)
    for statement in _UP[_kind()]:
        op.execute(statement)
    _force(on=True)
    _refer()
    c.index(_DOMAINS, "dns_account_id")


def downgrade() -> None:
    _force(on=False)
    for statement in _DOWN[_kind()]:
        op.execute(statement)
    _force(on=True)
    _comment("Settings of that DNS host, the account among them.")
    op.drop_column(_PROOFS, "lost_at")
    _release()
    op.drop_index(op.f("organization_domains_dns_account_id_index"), _DOMAINS)
    op.drop_column(_DOMAINS, "dns_account_id")


def _kind() -> str:
    return "mariadb" if c.dialect() in c.MARIADB else c.dialect()


def _comment(text: str) -> None:
    if c.dialect() != "sqlite":
        op.alter_column(
            _DOMAINS, "dns_config", existing_type=c.JSON, existing_nullable=True, comment=text
        )


def _force(*, on: bool) -> None:
    """Let the owner of the tables see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        for table in _FORCED:
            op.execute(f"ALTER TABLE {table} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _refer() -> None:
    """Add the foreign key; SQLite takes one only with its table, so it is edited there."""
    if c.dialect() == "sqlite":
        _edit(f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ', {_KEY})'")
        return
    op.create_foreign_key(
        op.f("organization_domains_accounts_foreign"),
        _DOMAINS,
        "accounts",
        ["dns_account_id"],
        ["id"],
        ondelete="SET NULL",
    )


def _release() -> None:
    if c.dialect() == "sqlite":
        _edit(f"replace(sql, ', {_KEY}', '')")
        return
    op.drop_constraint(op.f("organization_domains_accounts_foreign"), _DOMAINS, type_="foreignkey")


def _edit(sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} WHERE type = 'table' AND name = '{_DOMAINS}'"  # noqa: S608 - our own words
    )
    op.execute("PRAGMA writable_schema = RESET")


def _account(number: str) -> str:
    """Return the statement that finds the account of each domain, its own or the platform's."""
    return (
        f"UPDATE {_DOMAINS} SET dns_account_id = (SELECT accounts.id FROM accounts "  # noqa: S608 - our own words
        f"WHERE accounts.id = {number} AND (accounts.organization_id IS NULL "
        f"OR accounts.organization_id = {_DOMAINS}.organization_id)) "
        "WHERE dns_config IS NOT NULL"
    )


def _without(column: str, key: str, rest: str, where: str) -> str:
    """Return the statement that takes a key out of an object, and leaves no empty one."""
    table = _DOMAINS if key == "account_id" else _PROOFS
    return f"UPDATE {table} SET {column} = NULLIF({rest}, '{{}}') WHERE {where}"  # noqa: S608 - our own words


def _lost(moment: str) -> str:
    return f"UPDATE {_PROOFS} SET lost_at = {moment} WHERE metadata IS NOT NULL"  # noqa: S608 - our own words


def _object(column: str, test: str) -> str:
    return f"CASE WHEN {test} THEN {column} ELSE '{{}}' END"


def _sqlite(column: str, key: str) -> str:
    """Return the type of what stands under a key; NULL where there is no such key."""
    return f"CASE WHEN json_valid({column}) THEN json_type({column}, '$.{key}') END"


_SQLITE_LOST = "json_extract(metadata, '$.lost_at')"
_SQLITE_FRACTION = f"substr({_SQLITE_LOST}, 20, max(length({_SQLITE_LOST}) - 25, 0))"
"""The point and up to six digits, or nothing."""
_DIGITS = "[0-9]" * 2
_SQLITE_MOMENT = (
    f"CASE WHEN {_sqlite('metadata', 'lost_at')} = 'text' THEN CASE "
    f"WHEN {_SQLITE_LOST} GLOB '20{_DIGITS}-{_DIGITS}-{_DIGITS}T{_DIGITS}:*+00:00' "
    f"AND time(substr({_SQLITE_LOST}, 12, 8)) IS NOT NULL "
    f"AND length({_SQLITE_FRACTION}) BETWEEN 0 AND 7 "
    f"AND trim({_SQLITE_FRACTION}, '0123456789') IN ('', '.') "
    f"THEN date(substr({_SQLITE_LOST}, 1, 8) || '01', "
    f"'+' || (substr({_SQLITE_LOST}, 9, 2) - 1) || ' days') || ' ' || "
    f"substr({_SQLITE_LOST}, 12, 8) || "
    f"substr(coalesce(nullif({_SQLITE_FRACTION}, ''), '.') || '000000', 1, 7) "
    "END END"
)
_MARIADB_LOST = "JSON_VALUE(metadata, '$.lost_at')"
_POSTGRESQL_LOST = "metadata ->> 'lost_at'"


_UP = {
    "sqlite": (
        _account(
            f"CASE WHEN {_sqlite('dns_config', 'account_id')} = 'integer' "
            "THEN json_extract(dns_config, '$.account_id') END"
        ),
        _without(
            "dns_config",
            "account_id",
            "json_remove(dns_config, '$.account_id')",
            f"{_sqlite('dns_config', 'account_id')} IS NOT NULL",
        ),
        _lost(_SQLITE_MOMENT),
        _without(
            "metadata",
            "lost_at",
            "json_remove(metadata, '$.lost_at')",
            f"lost_at IS NOT NULL OR {_sqlite('metadata', 'lost_at')} = 'null'",
        ),
    ),
    "postgresql": (
        _account(
            "CASE WHEN jsonb_typeof(dns_config -> 'account_id') = 'number' "
            "AND dns_config ->> 'account_id' ~ '^[0-9]{1,18}$' "
            "THEN (dns_config ->> 'account_id')::bigint END"
        ),
        _without(
            "dns_config",
            "account_id",
            "dns_config - 'account_id'",
            "jsonb_typeof(dns_config) = 'object' AND dns_config -> 'account_id' IS NOT NULL",
        ),
        _lost(
            f"CASE WHEN {_POSTGRESQL_LOST} ~ '{_MOMENT}' THEN "
            f"((substr({_POSTGRESQL_LOST}, 1, 8) || '01')::timestamp "
            f"+ (substr({_POSTGRESQL_LOST}, 9, 2)::int - 1) * interval '1 day' "
            f"+ substr({_POSTGRESQL_LOST}, 12, length({_POSTGRESQL_LOST}) - 17)::interval) "
            "AT TIME ZONE 'UTC' END"
        ),
        _without(
            "metadata",
            "lost_at",
            "metadata - 'lost_at'",
            "lost_at IS NOT NULL OR (jsonb_typeof(metadata) = 'object' "
            "AND jsonb_typeof(metadata -> 'lost_at') = 'null')",
        ),
    ),
    "mariadb": (
        _account(
            "CASE WHEN JSON_TYPE(JSON_EXTRACT(dns_config, '$.account_id')) = 'INTEGER' "
            "AND JSON_VALUE(dns_config, '$.account_id') REGEXP '^[0-9]{1,18}$' "
            "THEN CAST(JSON_VALUE(dns_config, '$.account_id') AS SIGNED) END"
        ),
        _without(
            "dns_config",
            "account_id",
            "JSON_REMOVE(dns_config, '$.account_id')",
            "JSON_TYPE(dns_config) = 'OBJECT' AND JSON_EXISTS(dns_config, '$.account_id')",
        ),
        _lost(
            f"CASE WHEN {_MARIADB_LOST} REGEXP '{_MOMENT}' THEN "
            f"CAST(CONCAT(SUBSTR({_MARIADB_LOST}, 1, 8), '01 ', "
            f"SUBSTR({_MARIADB_LOST}, 12, LENGTH({_MARIADB_LOST}) - 17)) AS DATETIME(6)) "
            f"+ INTERVAL (SUBSTR({_MARIADB_LOST}, 9, 2) - 1) DAY END"
        ),
        _without(
            "metadata",
            "lost_at",
            "JSON_REMOVE(metadata, '$.lost_at')",
            "lost_at IS NOT NULL OR (JSON_TYPE(metadata) = 'OBJECT' "
            "AND JSON_TYPE(JSON_EXTRACT(metadata, '$.lost_at')) = 'NULL')",
        ),
    ),
}

_OBJECTS = {
    "sqlite": "json_valid({0}) AND json_type({0}) = 'object'",
    "postgresql": "jsonb_typeof({0}) = 'object'",
    "mariadb": "JSON_TYPE({0}) = 'OBJECT'",
}


def _back(kind: str, table: str, column: str, value: str, text: str) -> str:
    """Return the statement that puts a column's value back into an object of JSON."""
    key = "account_id" if table == _DOMAINS else "lost_at"
    whole = _object(column, _OBJECTS[kind].format(column))
    changed = f"json_set({whole}, '$.{key}', {text})"
    if kind == "postgresql":
        changed = f"{whole} || jsonb_build_object('{key}', {text})"
    return f"UPDATE {table} SET {column} = {changed} WHERE {value} IS NOT NULL"  # noqa: S608 - our own words


_LOST_TEXTS = {
    "sqlite": "replace(lost_at, ' ', 'T') || '+00:00'",
    "postgresql": "replace((lost_at AT TIME ZONE 'UTC')::text, ' ', 'T') || '+00:00'",
    "mariadb": "CONCAT(REPLACE(lost_at, ' ', 'T'), '+00:00')",
}
_DOWN = {
    kind: (
        _back(kind, _DOMAINS, "dns_config", "dns_account_id", "dns_account_id"),
        _back(kind, _PROOFS, "metadata", "lost_at", text),
    )
    for kind, text in _LOST_TEXTS.items()
}
