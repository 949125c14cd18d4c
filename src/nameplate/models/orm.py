"""The declarative root, column types and the traits that tables share."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Protocol, Self

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, PassiveFlag, declared_attr, mapped_column
from sqlalchemy.orm.attributes import flag_modified, get_history, instance_state
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import expression

from nameplate.core.actor import Actor
from nameplate.models.channels import WORK

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(referred_table_name)s_foreign",
        "pk": "%(table_name)s_pkey",
    }
)


class _UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, aware and in UTC on the Python side, with microseconds, on every database (S15)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Use DATETIME(6) on MariaDB, which has no type with a zone."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - where it is spoken

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times; hand the database UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("Naive datetime. Every time in Nameplate is aware and in UTC.")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:  # noqa: ANN401 - SQLAlchemy's
        """Return what reads a value; PostgreSQL's are in UTC already, and a list has thousands."""
        return (
            _in_utc if dialect.name == "postgresql" else super().result_processor(dialect, coltype)
        )


UtcDateTime = _UtcDateTime()
"""One for all columns of times: SQLAlchemy makes a class for each instance of a type of ours."""


def _in_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


class utc_now(expression.FunctionElement[datetime]):  # noqa: N801 - reads as an SQL function
    """The database's own clock in UTC: the only clock that all workers share."""

    type = UtcDateTime
    inherit_cache = True


@compiles(utc_now)
def _utc_now(_element: utc_now, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return "now()"


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(_element: utc_now, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(utc_now, "mysql", "mariadb")
def _utc_now_mariadb(_element: utc_now, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return "(utc_timestamp(6))"


class later(expression.FunctionElement[datetime]):  # noqa: N801 - reads as an SQL function
    """A moment and a number of seconds after it."""

    type = UtcDateTime
    inherit_cache = True

    def __init__(self, at: Any, seconds: Any) -> None:  # noqa: ANN401 - columns or expressions
        """Take the moment and the seconds."""
        super().__init__(at, seconds)


@compiles(later)
def _later(element: later, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    at, seconds = (compiler.process(one, **kw) for one in element.clauses)
    return f"({at} + ({seconds}) * INTERVAL '1 second')"


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    at, seconds = (compiler.process(one, **kw) for one in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {at}, printf('%+d seconds', {seconds})) || '000')"


@compiles(later, "mysql", "mariadb")
def _later_mariadb(element: later, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    at, seconds = (compiler.process(one, **kw) for one in element.clauses)
    return f"timestampadd(SECOND, {seconds}, {at})"


class among(expression.FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """A column is one of many values, which are one parameter named `key`.

    On PostgreSQL the statement is the same for any number of them: nobody reads it again.
    """

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, column: Any, key: str) -> None:  # noqa: ANN401 - a column
        """Take the column and the parameter's name."""
        super().__init__(column, sa.bindparam(key, type_=sa.ARRAY(column.type)))

    def self_group(self, against: Any = None) -> Self:  # noqa: ANN401 - an operator
        """Stand in a condition as it is: `IN (…) = 1` could use no index."""
        del against
        return self


@compiles(among)
def _among(element: among, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    column, values = element.clauses
    text: str = compiler.process(column.in_(sa.bindparam(values.key, expanding=True)), **kw)
    return text


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    column, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY({values})"


class parent_name(expression.FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """A name without its first label; one that has no dot as it is."""

    type = sa.String()
    inherit_cache = True


@compiles(parent_name)
def _parent_name(element: parent_name, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    name = compiler.process(element.clauses, **kw)
    return f"substr({name}, instr({name}, '.') + 1)"


@compiles(parent_name, "postgresql")
def _parent_name_postgresql(element: parent_name, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    name = compiler.process(element.clauses, **kw)
    return f"substr({name}, strpos({name}, '.') + 1)"


class row_version(expression.FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """What is another text whenever the row of a column was written anew; NULL where that is not known.

    PostgreSQL tells the transaction that wrote a row last (`xmin`).
    """

    type = sa.String()
    inherit_cache = True


@compiles(row_version)
def _row_version(_element: row_version, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return "NULL"


@compiles(row_version, "postgresql")
def _row_version_postgresql(element: row_version, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    (column,) = element.clauses
    return f"{compiler.process(column, **kw).rpartition('.')[0]}.xmin::text"


class Generated(sa.Computed):
    """A value that the database generates: STORED on PostgreSQL, VIRTUAL on the others (S10)."""

    inherit_cache = True

    def _copy(self, *, target_table: sa.Table | None = None, **kw: Any) -> "Generated":  # noqa: ANN401 - SQLAlchemy copies columns of mixins
        return Generated(super()._copy(target_table=target_table, **kw).sqltext)


@compiles(Generated)
def _generated(element: Generated, compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return f"GENERATED ALWAYS AS ({_expression(element, compiler)}) VIRTUAL"


@compiles(Generated, "postgresql")
def _generated_postgresql(element: Generated, compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return f"GENERATED ALWAYS AS ({_expression(element, compiler)}) STORED"


def _expression(element: Generated, compiler: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    text: str = compiler.sql_compiler.process(
        element.sqltext, include_table=False, literal_binds=True
    )
    return text


class _Jsonb(sa.types.TypeDecorator[Any]):
    """PostgreSQL's JSONB. No dialect is imported but that of the database in use."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - where it is spoken

        return dialect.type_descriptor(postgresql.JSONB())


class _MediumText(sa.types.TypeDecorator[str]):
    """MariaDB's text of up to 16 MiB, compared byte by byte."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - where it is spoken

        return dialect.type_descriptor(mysql.MEDIUMTEXT(collation="utf8mb4_bin"))


class _Ascii(sa.types.TypeDecorator[str]):
    """MariaDB's ASCII text, compared byte by byte, trailing spaces too."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - where it is spoken

        text: Any = self.impl_instance
        exact = mysql.VARCHAR(text.length, charset="ascii", collation="ascii_nopad_bin")
        return dialect.type_descriptor(exact)


class JsonValue(Protocol):
    """A value that knows how it stands in a JSON column, and what former versions wrote there."""

    def as_json(self) -> dict[str, Any] | None:
        """Return the JSON object, or None where there is nothing to keep."""
        ...

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the value. Never raises for what is missing or odd."""
        ...


def moment(text: Any) -> datetime | None:  # noqa: ANN401 - whatever stands in a JSON column
    """Return the moment that an ISO text of a JSON column names, in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Document(sa.types.TypeDecorator[Any]):
    """A JSON column whose content is a typed value; nothing to keep is SQL's NULL."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self, kind: type[JsonValue]) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Use JSONB on PostgreSQL."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - where it is spoken

            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))

    def process_bind_param(self, value: JsonValue | None, _dialect: sa.Dialect) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of the value."""
        return None if value is None else value.as_json()

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> JsonValue | None:  # noqa: ANN401 - JSON
        """Return the value."""
        return self.kind.from_json(value)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:  # noqa: ANN401 - SQLAlchemy's
        """Return what reads a value; what stands for nothing is made once, as values never change."""
        read: Any = super().result_processor(dialect, coltype)
        nothing = self.kind.from_json(None)
        return lambda value: nothing if value is None else read(value)


BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Json = sa.JSON().with_variant(_Jsonb(), "postgresql")
LongText = sa.Text().with_variant(_MediumText(), "mysql", "mariadb")


@cache
def ascii_text(length: int = 255) -> sa.String:
    """Return the type of names and tokens: ASCII, compared byte by byte, trailing spaces too (S14)."""
    return sa.String(length).with_variant(_Ascii(length), "mysql", "mariadb")


def enum_of(kind: type[StrEnum], name: str) -> sa.Enum:
    """VARCHAR with a named CHECK instead of a native enum (S11)."""
    return sa.Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Model(DeclarativeBase):
    """Root of all tables."""

    metadata = metadata
    type_annotation_map: ClassVar = {datetime: UtcDateTime}


def is_changed(row: Any, *columns: str) -> bool:  # noqa: ANN401 - a mapped object
    """Tell whether one of these columns was given another value since the row was read or made.

    Only what was set is compared: every flush asks this of every row in it.
    """
    set_ = instance_state(row).committed_state
    return any(
        get_history(row, column, PassiveFlag.PASSIVE_NO_INITIALIZE).has_changes()
        for column in columns
        if column in set_
    )


def table(comment: str) -> dict[str, str]:
    """Return the table options; byte-exact comparison on MariaDB is added when a table is created."""
    return {"comment": comment}


@compiles(CreateTable, "mysql", "mariadb")
def _create_table(element: CreateTable, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    text: str = compiler.visit_create_table(element, **kw)
    if element.element.metadata is not metadata:
        return text
    return f"{text.rstrip()} DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_nopad_bin\n\n"


class Identified:
    """A row with a BIGINT id and the times of its making and last change."""

    id: Mapped[int] = mapped_column(
        BigId, primary_key=True, sort_order=-2, comment="Identity of the row."
    )
    created_at: Mapped[datetime] = mapped_column(
        UtcDateTime,
        server_default=utc_now(),
        sort_order=20,
        comment="When the row was made (UTC).",
    )
    updated_at: Mapped[datetime] = mapped_column(
        UtcDateTime,
        server_default=utc_now(),
        onupdate=utc_now(),
        sort_order=21,
        comment="When the row last changed (UTC).",
    )


class SoftDeletable:
    """A row that can be hidden and brought back (S7)."""

    deleted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        sort_order=22,
        comment="When the row was soft-deleted; NULL while it lives.",
    )
    live: Mapped[int | None] = mapped_column(
        sa.SmallInteger,
        Generated("CASE WHEN deleted_at IS NULL THEN 1 END"),
        sort_order=23,
        comment="1 while the row lives, else NULL: unique indexes end with it, so that "
        "uniqueness counts live rows only (S3).",
    )


class Tenant:
    """A row that belongs to one organization."""

    @declared_attr
    def organization_id(cls) -> Mapped[int]:  # noqa: N805 - declared_attr takes the class
        """Name the owning organization."""
        return mapped_column(
            BigId,
            sa.ForeignKey("organizations.id", ondelete="CASCADE"),
            sort_order=-1,
            comment="The organization that owns this row.",
        )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the live rows that `actor` may see: every query of a tenant noun starts here."""
        query = sa.select(cls)
        if issubclass(cls, SoftDeletable):
            query = query.where(cls.deleted_at.is_(None))
        if not actor.is_platform:
            query = query.where(cls.organization_id == actor.organization_id)
        return query

    @classmethod
    def removed(cls, actor: Actor) -> sa.Select[Any]:
        """Select the soft-deleted rows that `actor` may bring back."""
        query = sa.select(cls).where(cls.deleted_at.is_not(None))  # type: ignore[attr-defined]  # with SoftDeletable
        if not actor.is_platform:
            query = query.where(cls.organization_id == actor.organization_id)
        return query


class Work:
    """A row that background work reconciles: lease, one step, release."""

    next_action_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        index=True,
        sort_order=10,
        comment="When a worker should look at this row; NULL: never.",
    )
    lease_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, sort_order=11, comment="Until when one worker has this row for itself."
    )
    fence: Mapped[int] = mapped_column(
        BigId,
        default=0,
        server_default="0",
        sort_order=12,
        comment="Grows with each lease; results carry it.",
    )
    attempts: Mapped[int] = mapped_column(
        default=0,
        server_default="0",
        sort_order=13,
        comment="Failed looks in a row, for the back-off.",
    )
    trouble_code: Mapped[str | None] = mapped_column(
        ascii_text(80), sort_order=14, comment="What stops the work on this row; NULL: nothing."
    )
    trouble_message: Mapped[str | None] = mapped_column(
        sa.Text, sort_order=15, comment="The same in words for a person."
    )
    trouble_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, sort_order=16, comment="Since when it is so."
    )
    waits_for: Mapped[str | None] = mapped_column(
        ascii_text(80),
        index=True,
        sort_order=17,
        comment="What has to change before the work can go on: `account:7`, `server:3`; NULL: time.",
    )
    urgency: Mapped[int] = mapped_column(
        sa.SmallInteger,
        default=0,
        server_default="0",
        index=True,
        sort_order=18,
        comment="1: takes something out of service, and is done before everything else.",
    )

    def meet(self, code: str, message: str, waits_for: str | None, now: datetime) -> None:
        """Keep what stops the work, since when, and what it waits for."""
        if self.trouble_code != code:
            self.trouble_code = code
            self.trouble_since = now
        self.trouble_message = message
        self.waits_for = waits_for

    def overcome(self) -> str | None:
        """Forget what stopped the work; return what it waited for."""
        waited_for = self.waits_for
        self.trouble_code = self.trouble_message = self.trouble_since = self.waits_for = None
        return waited_for

    @classmethod
    def meeting(cls, code: str, message: str, waits_for: str | None, now: datetime) -> sa.Update:
        """Return the statement that does as `meet` for rows that nothing stops; narrow it."""
        return (
            sa.update(cls)
            .where(cls.trouble_code.is_(None))
            .values(
                trouble_code=code,
                trouble_message=message,
                trouble_since=now,
                waits_for=waits_for,
            )
        )

    @classmethod
    def waking(cls, at: datetime | sa.ColumnElement[Any], *, urgent: bool = False) -> sa.Update:
        """Return the statement that does as `wake`, reading and locking nothing before."""
        planned, then = cls.next_action_at, sa.type_coerce(at, UtcDateTime)
        later = sa.or_(planned.is_(None), planned > then, planned == cls.lease_until)
        values = {"next_action_at": sa.case((later, then), else_=planned)}
        statement = sa.update(cls).values(values | ({"urgency": 1} if urgent else {}))
        return statement.execution_options(nameplate_announces=(WORK,))

    def wake(self, at: datetime, *, urgent: bool = False) -> None:
        """Ask a worker to look at this row at `at`, or earlier when that is planned already.

        What is planned early enough is written all the same: a worker may have taken the row since
        it was read, and would otherwise not learn that there is more to do. The end of a lease is
        no plan: whoever ends the lease before says what is due.
        """
        if urgent:
            self.urgency = 1
        leased = self.next_action_at is not None and self.next_action_at == self.lease_until
        if leased or self.next_action_at is None or self.next_action_at > at:
            self.next_action_at = at
        else:
            flag_modified(self, "next_action_at")


def same_organization(parent: str, local: str, *, ondelete: str = "CASCADE") -> sa.Constraint:
    """Return the composite foreign key that keeps a child inside its parent's organization (S6)."""
    return sa.ForeignKeyConstraint(
        ["organization_id", local], [f"{parent}.organization_id", f"{parent}.id"], ondelete=ondelete
    )


def unique_while_live(table_name: str, *columns: str) -> tuple[sa.Index, ...]:
    """Return one unique index for each column that counts live rows only (S3)."""
    return tuple(
        sa.Index(f"{table_name}_{column}_unique", column, "live", unique=True) for column in columns
    )


def clears_reference(parent: str, local: str) -> tuple[sa.Constraint, sa.Constraint]:
    """Return the foreign key that empties `local` when the parent is deleted (S6).

    PostgreSQL can empty one column of a composite key, so it keeps parent and child in one
    organization; on the others the key is simple and `db.py` compares the organizations.
    """
    composite = sa.ForeignKeyConstraint(
        ["organization_id", local],
        [f"{parent}.organization_id", f"{parent}.id"],
        ondelete=f"SET NULL ({local})",
        info={"column_list": True},
    )
    simple = sa.ForeignKeyConstraint(
        [local], [f"{parent}.id"], ondelete="SET NULL", info={"column_list": False}
    )
    return (
        composite.ddl_if(dialect="postgresql"),
        simple.ddl_if(callable_=_lacks_column_list),
    )


def _lacks_column_list(*_args: object, dialect: sa.Dialect, **_kw: object) -> bool:
    return dialect.name != "postgresql"
