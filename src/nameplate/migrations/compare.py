"""What comparisons of models and database leave out; hosts use it in their own `env.py`."""

from alembic import context
from sqlalchemy.sql.schema import SchemaItem


def include_object(
    item: SchemaItem,
    _name: str | None,
    kind: str,
    _reflected: bool,  # noqa: FBT001 - Alembic's signature
    _other: SchemaItem | None,
) -> bool:
    """Tell whether to compare `item`: some foreign keys exist on some kinds of database only."""
    column_list = item.info.get("column_list") if kind == "foreign_key_constraint" else None
    return column_list is None or column_list == (context.get_bind().dialect.name == "postgresql")
