"""JSON objects that the database makes of columns: the same text on SQLite, PostgreSQL and MariaDB."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import expression

from nameplate.models.orm import Json

Pair = tuple[str, sa.ColumnElement[Any]]


class json_object(expression.FunctionElement[Any]):  # noqa: N801 - reads as an SQL function
    """A JSON object of names and values."""

    type = Json
    inherit_cache = True

    def __init__(self, *pairs: Pair) -> None:
        """Take the names and their values."""
        parts: list[Any] = []
        for name, value in pairs:
            switch = isinstance(value.type, sa.Boolean)
            text = isinstance(value.type, sa.String)
            shown = json_switch(value) if switch else json_text(value) if text else value
            parts += [sa.literal_column(f"'{name}'"), shown]
        super().__init__(*parts)


class json_text(expression.FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """A text, in MariaDB in the one collation that its JSON has."""

    type = sa.String()
    inherit_cache = True


class json_switch(expression.FunctionElement[Any]):  # noqa: N801 - reads as an SQL function
    """A truth value as JSON has it, where the database keeps a number."""

    type = Json
    inherit_cache = True


@compiles(json_object)
def _object(element: json_object, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return f"json_object({compiler.process(element.clauses, **kw)})"


@compiles(json_object, "postgresql")
def _object_postgresql(element: json_object, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"jsonb_build_object({compiler.process(element.clauses, **kw)})"


@compiles(json_text)
def _text(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    text: str = compiler.process(element.clauses, **kw)
    return text


@compiles(json_text, "postgresql")
def _text_postgresql(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"({compiler.process(element.clauses, **kw)})::text"


@compiles(json_text, "mysql", "mariadb")
def _text_mariadb(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin"


@compiles(json_switch, "postgresql")
def _switch_postgresql(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"({compiler.process(element.clauses, **kw)})"


@compiles(json_switch, "sqlite")
def _switch_sqlite(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"json(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"


@compiles(json_switch, "mysql", "mariadb")
def _switch_mariadb(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"json_compact(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"
