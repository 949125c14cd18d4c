"""What each index of the seeded tables costs and whether anything used it; part of bench.schema."""

from pathlib import Path
from typing import Any

import psycopg

from nameplate.models import metadata

SAMPLE = 50_000
"""Rows that are written once without and once with each index."""

INDEXES = """
SELECT i.relname, t.relname, t.reltuples, pg_relation_size(i.oid), s.idx_scan, x.indisunique,
       pg_get_indexdef(i.oid),
       array(SELECT attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY k(num, place)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num ORDER BY place)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_stat_all_indexes s ON s.indexrelid = i.oid
WHERE t.relnamespace = 'public'::regnamespace AND t.reltuples > 1000
ORDER BY t.relname, pg_relation_size(i.oid) DESC
"""

SPECIFIED = {
    "organization_domains": "domain_name subdomain full_domain status expires_at status,expires_at "
    "organization_id,domain_type",
    "dns_records": "record_type name status organization_domain_id,record_type "
    "organization_id,status recordable_type,recordable_id",
    "ssl_certificates": "common_name expires_at status organization_id,status "
    "expires_at,auto_renew organization_domain_id,status",
    "domain_verifications": "verification_method status expires_at organization_id,status "
    "organization_domain_id,verification_method status,expires_at",
    "application_domain_bindings": "status organization_id,status application_id,is_primary "
    "health_status,last_health_check_at",
}
"""Columns of the indexes that the specification of the schema names."""

WATCHED = {
    "next_action_at": "workers lease what is due",
    "updated_at": "the edge asks what changed",
}
"""Columns that are asked about all the time, though by no query of this bench on every table."""


def report(connection: psycopg.Connection[Any]) -> None:
    """Print size, cost of writing and use of every index, and name those that nothing needs."""
    rows = connection.execute(INDEXES).fetchall()
    plain = {table: _write(connection, table, None) for table in {row[1] for row in rows}}
    print(f"\n{'index':<58}{'MiB':>7}{'CPU µs/row':>12}{'scans':>8}  why")
    idle, costs = [], []
    for name, table, count, size, scans, unique, definition, columns in rows:
        cost = max(0.0, _write(connection, table, definition) - plain[table])
        why = _why(table, columns, unique=unique)
        print(f"{name:<58}{size / 2**20:>7.1f}{cost:>12.1f}{scans:>8}  {why}")
        costs.append((cost * count / 1e6, name))
        if not scans and not why:
            idle.append(name)
    connection.execute("DROP TABLE bare.copy")
    seconds, worst = max(costs)
    print(f"most expensive to load: {worst}, about {seconds:.1f} s of this load")
    print(f"used by nothing: {', '.join(idle) or 'none'}")


def _why(table: str, columns: list[str], *, unique: bool) -> str:
    """Return why an index must stay whether or not a query here used it."""
    if unique:
        return "unique"
    if ",".join(columns) in SPECIFIED.get(table, "").split():
        return "specified"
    if columns[0] in WATCHED:
        return WATCHED[columns[0]]
    for key in metadata.tables[table].foreign_key_constraints:
        local = [column for column in key.column_keys if column != "organization_id"]
        if columns[0] in local or columns[: len(key.column_keys)] == list(key.column_keys):
            return "foreign key"
    return ""


def _write(connection: psycopg.Connection[Any], table: str, definition: str | None) -> float:
    """Return the processor time in µs that a row takes in a copy of the table with this index."""
    columns = ", ".join(c.name for c in metadata.tables[table].c if c.computed is None)
    connection.execute("DROP TABLE IF EXISTS bare.copy")
    connection.execute(
        f"CREATE TABLE bare.copy (LIKE public.{table} INCLUDING GENERATED INCLUDING DEFAULTS)"
    )
    if definition:
        connection.execute(definition.replace(f" ON public.{table} ", " ON bare.copy "))
    times = []
    for _ in range(3):
        connection.execute("TRUNCATE bare.copy")
        started = _spent(connection)
        written = connection.execute(
            f"INSERT INTO bare.copy ({columns}) SELECT {columns} FROM public.{table} LIMIT {SAMPLE}"
        ).rowcount
        times.append((_spent(connection) - started) / written)
    return min(times)


def _spent(connection: psycopg.Connection[Any]) -> float:
    """Return the microseconds of processor time that the server has spent on this connection."""
    path = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    return int(path.read_text().split()[0]) / 1e3
