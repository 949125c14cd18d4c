"""Building blocks of the revisions of November 2026, frozen with them.

Revisions import no live code, so that a change of the models never changes what an old revision
does. A later revision that needs something else brings its own module; this one stays as it is.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

MARIADB = ("mysql", "mariadb")

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *MARIADB)
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), *MARIADB)

NOW = {
    "sqlite": "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')",
    "postgresql": "now()",
    "mysql": "(utc_timestamp(6))",
    "mariadb": "(utc_timestamp(6))",
}


def dialect() -> str:
    """Return the name of the database kind that is being migrated, offline too."""
    return op.get_context().dialect.name


def big(name: str, comment: str, *, null: bool = False) -> sa.Column[Any]:
    """Return a BIGINT column."""
    return sa.Column(name, BIG, nullable=null, comment=comment)


def ascii_text(
    name: str,
    comment: str,
    length: int = 255,
    *,
    computed: sa.Computed | None = None,
    **options: Any,  # noqa: ANN401 - options of Column
) -> sa.Column[Any]:
    """Return a column of ASCII text that is compared byte by byte, trailing spaces too."""
    exact = mysql.VARCHAR(length, charset="ascii", collation="ascii_nopad_bin")
    options.setdefault("nullable", True)
    return sa.Column(
        name,
        sa.String(length).with_variant(exact, *MARIADB),
        *([computed] if computed is not None else []),
        comment=comment,
        **options,
    )


def text(
    name: str, comment: str, *, null: bool = True, default: str | None = None
) -> sa.Column[Any]:
    """Return a column of up to 255 characters."""
    return sa.Column(name, sa.String(255), nullable=null, server_default=default, comment=comment)


def prose(name: str, comment: str) -> sa.Column[Any]:
    """Return a nullable TEXT column for people."""
    return sa.Column(name, sa.Text(), nullable=True, comment=comment)


def long_text(name: str, comment: str, *, null: bool = True) -> sa.Column[Any]:
    """Return a column for up to 16 MiB of exact text."""
    return sa.Column(name, LONG, nullable=null, comment=comment)


def json(name: str, comment: str, *, null: bool = True) -> sa.Column[Any]:
    """Return a JSON column, JSONB on PostgreSQL."""
    return sa.Column(name, JSON, nullable=null, comment=comment)


def number(
    name: str, comment: str, default: str | None = None, *, null: bool = True
) -> sa.Column[Any]:
    """Return an INTEGER column; one with a default is NOT NULL."""
    return sa.Column(
        name,
        sa.Integer(),
        nullable=null and default is None,
        server_default=default,
        comment=comment,
    )


def flag(name: str, comment: str, *, default: bool) -> sa.Column[Any]:
    """Return a NOT NULL BOOLEAN column."""
    value = sa.true() if default else sa.false()
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=value, comment=comment)


def moment(name: str, comment: str, *, now: bool = False) -> sa.Column[Any]:
    """Return a column for a moment in UTC; with `now` NOT NULL, set by the database's clock."""
    default = sa.text(NOW[dialect()]) if now else None
    return sa.Column(name, MOMENT, nullable=not now, server_default=default, comment=comment)


def choice(
    name: str, comment: str, default: str | None = None, *, null: bool = False
) -> sa.Column[Any]:
    """Return a column for one of a set of words; `allowed` makes the CHECK."""
    return sa.Column(name, sa.String(32), nullable=null, server_default=default, comment=comment)


def generated(expression: str) -> sa.Computed:
    """Return a generated value: STORED on PostgreSQL, VIRTUAL on the others."""
    return sa.Computed(expression, persisted=dialect() == "postgresql")


def identity() -> list[sa.Column[Any]]:
    """Return the id and the times of making and last change."""
    return [
        big("id", "Identity of the row."),
        moment("created_at", "When the row was made (UTC).", now=True),
        moment("updated_at", "When the row last changed (UTC).", now=True),
    ]


def owner(
    comment: str = "The organization that owns this row.", *, null: bool = False
) -> sa.Column[Any]:
    """Return the organization_id of a tenant's row."""
    return big("organization_id", comment, null=null)


def soft_delete() -> list[sa.Column[Any]]:
    """Return the moment of soft deletion and the generated mark of live rows."""
    return [
        moment("deleted_at", "When the row was soft-deleted; NULL while it lives."),
        sa.Column(
            "live",
            sa.SmallInteger(),
            generated("CASE WHEN deleted_at IS NULL THEN 1 END"),
            nullable=True,
            comment="1 while the row lives, else NULL: unique indexes end with it, so that "
            "uniqueness counts live rows only (S3).",
        ),
    ]


def work() -> list[sa.Column[Any]]:
    """Return the columns by which workers lease a row."""
    return [
        moment("next_action_at", "When a worker should look at this row; NULL: never."),
        moment("lease_until", "Until when one worker has this row for itself."),
        sa.Column(
            "fence",
            BIG,
            nullable=False,
            server_default="0",
            comment="Grows with each lease; results carry it.",
        ),
        number("attempts", "Failed looks in a row, for the back-off.", "0"),
    ]


def primary(table: str, column: str = "id") -> sa.PrimaryKeyConstraint:
    """Return the named primary key."""
    return sa.PrimaryKeyConstraint(column, name=op.f(f"{table}_pkey"))


def pair(table: str) -> sa.UniqueConstraint:
    """Return the key that composite foreign keys of children refer to (S6)."""
    return sa.UniqueConstraint(
        "organization_id", "id", name=op.f(f"{table}_organization_id_id_unique")
    )


def allowed(table: str, column: str, words: Sequence[str]) -> sa.CheckConstraint:
    """Return the named CHECK that admits only `words` (S11)."""
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"{table}_{column}_check"))


def refers(
    table: str, column: str, parent: str, ondelete: str | None = "CASCADE", key: str = "id"
) -> sa.ForeignKeyConstraint:
    """Return a simple foreign key."""
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.{key}"], name=op.f(f"{table}_{parent}_foreign"), ondelete=ondelete
    )


def belongs(
    table: str, column: str, parent: str, ondelete: str = "CASCADE"
) -> sa.ForeignKeyConstraint:
    """Return the foreign key that keeps a child inside its parent's organization (S6)."""
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{parent}.organization_id", f"{parent}.id"],
        name=op.f(f"{table}_{parent}_foreign"),
        ondelete=ondelete,
    )


def clears(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    """Return the foreign key that empties `column`; composite where the database can do that."""
    if dialect() == "postgresql":
        return belongs(table, column, parent, f"SET NULL ({column})")
    return refers(table, column, parent, "SET NULL")


def create(table: str, comment: str, *items: sa.Column[Any] | sa.Constraint) -> None:
    """Create a table whose text is compared byte by byte on MariaDB (S14)."""
    op.create_table(
        table,
        *items,
        comment=comment,
        mariadb_engine="InnoDB",
        mariadb_default_charset="utf8mb4",
        mariadb_collate="utf8mb4_nopad_bin",
    )


def index(table: str, *columns: str, name: str | None = None, unique: bool = False) -> None:
    """Create an index; its name is `<table>_<columns>_index` unless given."""
    made = name or f"{table}_{'_'.join(columns)}_index"
    op.create_index(op.f(made), table, list(columns), unique=unique)


def isolate(table: str, column: str = "organization_id", *, shared: bool = False) -> None:
    """Let PostgreSQL show and take only rows of the transaction's organization.

    FORCE binds the table's owner too. With `shared`, rows without organization can be read.
    """
    if dialect() != "postgresql":
        return
    mine = f"{column} = NULLIF(current_setting('nameplate.organization_id', true), '')::bigint"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_tenant ON {table} USING ({mine}) WITH CHECK ({mine})")
    if shared:
        op.execute(f"CREATE POLICY {table}_shared ON {table} FOR SELECT USING ({column} IS NULL)")
