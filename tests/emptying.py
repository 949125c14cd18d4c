"""Databases that are used again: what a test wrote is deleted, and a changed schema is noticed."""

from collections.abc import Iterable
from typing import LiteralString

from psycopg import sql

from tests.servers import mariadb as mariadb_server
from tests.servers import postgresql as postgresql_server

KEPT = "nameplate_version"
"""The table that says which revision the schema is at."""
MANY = 5000
"""Rows above which a copy of the template is the faster way to an empty database."""

_SCHEMA: LiteralString = """
WITH ours AS (
    SELECT c.oid, c.xmin FROM pg_class c WHERE c.oid >= 16384 AND relpersistence = 'p'
), rows AS (
    SELECT oid::text AS row, xmin FROM ours
    UNION ALL SELECT attrelid || attname, a.xmin FROM pg_attribute a JOIN ours ON oid = attrelid
    UNION ALL SELECT oid::text, xmin FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT oid::text, xmin FROM pg_policy
    UNION ALL SELECT oid::text, xmin FROM pg_trigger
    UNION ALL SELECT oid::text, xmin FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT nspname, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
    UNION ALL SELECT version_num, '0' FROM nameplate_version
)
SELECT concat(count(*), ' ', sum(hashtextextended(row || ' ' || xmin, 0))) FROM rows
"""
"""A sum over the catalogue: every change of the schema writes other rows there."""

_END_OTHERS: LiteralString = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""

_RESTART: LiteralString = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""


def schema_of(port: int, name: str) -> str:
    """Return a text that is another one as soon as somebody changes this PostgreSQL database's schema."""
    with postgresql_server.admin(port, name) as connection:
        return str(connection.execute(_SCHEMA).fetchone())


def postgresql(port: int, name: str, schema: str) -> bool:
    """Delete every row; return False when the database is none to use again: take a new copy."""
    with postgresql_server.admin(port, name) as connection:
        connection.execute(_END_OTHERS)
        if str(connection.execute(_SCHEMA).fetchone()) != schema:
            return False
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        filled = connection.execute(_filled(table for (table,) in tables)).fetchall()
        connection.execute(_RESTART)
        connection.execute("SET session_replication_role = replica")  # foreign keys are not asked
        deletes = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for (table,) in filled]
        return sum(connection.execute(one).rowcount for one in deletes) < MANY


def mariadb(port: int, name: str) -> None:
    """Delete every row."""
    with mariadb_server.connected(port, name) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        cursor.execute(_filled(table for (table,) in cursor.fetchall()))
        filled = cursor.fetchall()
        cursor.execute("SET foreign_key_checks = 0")
        for (table,) in filled:
            cursor.execute(f"DELETE FROM {table}")
        connection.commit()


def _filled(tables: Iterable[str]) -> str:
    """Return a question for the tables with rows: mostly a few of seventy."""
    return " UNION ALL ".join(
        f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables if table != KEPT
    )
