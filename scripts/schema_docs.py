"""Write docs/reference/schema.md and schema.svg from the models: `make docs`.

The page holds Mermaid sources, which GitHub and most editors draw; the picture beside it is drawn
here, because Mermaid itself needs a browser. Both depend on nothing but the models.
"""

# ruff: noqa: INP001 - a program beside the package

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nameplate.models import Model, metadata

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

INTRO = """# Schema

Generated from `src/nameplate/models` by `make docs`; a test fails when it is stale. Change the
comment in the model, not this page.

Types are those of PostgreSQL. SQLite keeps times as text and JSON as text; MariaDB uses
`DATETIME(6)`, `JSON`, `MEDIUMTEXT` for long text, and ASCII columns with binary comparison for names
and tokens. Times are UTC everywhere. A generated column is filled by the database itself, and no
program can write it. Every table with an `organization_id` that cannot be NULL is under row-level
security on PostgreSQL.

![Tables and what they refer to](schema.svg)
"""

FAMILIES: Mapping[str, str] = {
    "organizations": "Organizations, applications, servers",
    "domains": "Domains",
    "holdings": "Holdings",
    "verifications": "Verifications",
    "readiness": "Readiness",
    "records": "Records",
    "plans": "Plans",
    "certificates": "Certificates",
    "bindings": "Bindings",
    "accounts": "Accounts and their ledger",
    "hosting": "Hosted zones",
    "tokens": "API tokens and idempotency",
    "events": "Events",
    "steps": "Steps of workers",
}
"""Module of the models -> heading."""


def page() -> str:
    """Return the page."""
    parts = [INTRO, _contents()]
    for module, tables in families().items():
        parts.append(f"## {FAMILIES.get(module, module.title())}\n")
        parts.append(_mermaid(tables))
        parts += [_section(table) for table in tables]
    return "\n".join(parts).rstrip() + "\n"


def families() -> dict[str, list[sa.Table]]:
    """Return the tables by the module of their model, known modules first."""
    found: dict[str, list[sa.Table]] = {name: [] for name in FAMILIES}
    for mapper in sorted(Model.registry.mappers, key=lambda mapper: mapper.class_.__module__):
        module = mapper.class_.__module__.rpartition(".")[2]
        found.setdefault(module, []).append(metadata.tables[mapper.class_.__tablename__])
    order = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
    return {
        module: sorted(tables, key=lambda table: order[table.name])
        for module, tables in found.items()
        if tables
    }


def _contents() -> str:
    rows = [
        f"| [`{table.name}`](#{table.name}) | {table.comment} |"
        for tables in families().values()
        for table in tables
    ]
    return "\n".join(["| table | holds |", "|---|---|", *rows, ""])


def _mermaid(tables: Sequence[sa.Table]) -> str:
    """Return the ER diagram of one family: its columns, and the names of its neighbours."""
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            keys = ",".join(_keys(column))
            lines.append(f"        {_word(column)} {column.name} {keys}".rstrip())
        lines.append("    }")
    for table in tables:
        for parent, column in references(table):
            child_end = "o{"
            parent_end = "|o" if column.nullable else "||"
            lines.append(f"    {parent} {parent_end}--{child_end} {table.name} : {column.name}")
    return "\n".join([*lines, "```", ""])


def references(table: sa.Table) -> Iterator[tuple[str, sa.Column[Any]]]:
    """Yield each table that `table` refers to, with the column that says which row."""
    seen = set()
    keys = sorted(table.foreign_key_constraints, key=lambda key: tuple(key.column_keys))
    for key in keys:
        column = list(key.columns)[-1]
        if column.name not in seen:
            seen.add(column.name)
            yield key.referred_table.name, column


def _section(table: sa.Table) -> str:
    lines = [
        f"### {table.name}\n",
        f"{table.comment}\n",
        "| column | type | null | default | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in table.columns:
        null = "yes" if column.nullable else "no"
        meaning = (column.comment or "").replace("|", "\\|")
        if isinstance(column.type, sa.Enum):
            meaning += f" One of {', '.join(f'`{word}`' for word in column.type.enums)}."
        kind = type_of(column)
        lines.append(f"| `{column.name}` | {kind} | {null} | {_default(column)} | {meaning} |")
    lines += ["", *_rules(table), ""]
    return "\n".join(lines)


def _rules(table: sa.Table) -> Iterator[str]:
    """Yield what the database enforces and which indexes it has."""
    for parent, column in references(table):
        keys = [key for key in table.foreign_key_constraints if list(key.columns)[-1] is column]
        acts = (keys[0].ondelete or "NO ACTION").partition(" (")[0].lower()
        yield f"* `{column.name}` refers to `{parent}`; on delete: {acts}."
    uniques = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint) and c.columns]
    for unique in sorted(uniques, key=lambda unique: tuple(unique.columns.keys())):
        yield f"* Unique: {_listed(unique.columns.keys())}."
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        kind = "Unique index" if index.unique else "Index"
        yield f"* {kind} `{index.name}`: {_listed(index.columns.keys())}."


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def type_of(column: sa.Column[Any]) -> str:
    """Return the type on PostgreSQL, and whether the database generates the value."""
    kind = str(column.type.compile(postgresql.dialect())).lower()  # type: ignore[no-untyped-call]  # of SQLAlchemy
    kind = kind.replace("timestamp with time zone", "timestamptz")
    return f"{kind}, generated" if column.computed is not None else kind


def _default(column: sa.Column[Any]) -> str:
    if column.computed is not None or column.server_default is None:
        return ""
    value = getattr(column.server_default, "arg", "")
    if isinstance(value, str):
        return f"`{value}`"
    text = str(value.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # of SQLAlchemy
    return f"`{text}`"


def _word(column: sa.Column[Any]) -> str:
    return type_of(column).partition("(")[0].partition(",")[0].replace(" ", "_")


def _keys(column: sa.Column[Any]) -> Iterator[str]:
    if column.primary_key:
        yield "PK"
    if column.foreign_keys or column.name in {c.name for _, c in references(column.table)}:
        yield "FK"


WIDTH, GAP, LINE, TITLE = 262, 92, 16, 26
INK, PALE = "#1f2937", "#94a3b8"


def picture() -> str:
    """Return the overview: a column of tables for each step away from `organizations`."""
    places = _places()
    edges = [
        _edge(places[table.name], places[parent], pale=parent == "organizations")
        for table in metadata.sorted_tables
        for parent, _ in references(table)
        if parent != table.name
    ]
    boxes = [_box(table, *places[table.name][:2]) for table in metadata.sorted_tables]
    width = max(x for x, _, _ in places.values()) + WIDTH + 20
    height = max(y + tall for _, y, tall in places.values()) + 20
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" font-family="sans-serif" font-size="12">'
    )
    style = f"<style>.box {{ fill: #f8fafc; stroke: {INK} }}</style>"
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, style, ground, *sorted(edges), *boxes, "</svg>", ""])


def _places() -> dict[str, tuple[int, int, int]]:
    """Return left, top and height of each box."""
    depth: dict[str, int] = {}
    for table in metadata.sorted_tables:
        parents = [depth[name] for name, _ in references(table) if name != table.name]
        depth[table.name] = max(parents, default=-1) + 1
    places, tops = {}, dict.fromkeys(depth.values(), 20)
    for name, column in depth.items():
        height = TITLE + LINE * len(_shown(metadata.tables[name])) + 8
        places[name] = (20 + column * (WIDTH + GAP), tops[column], height)
        tops[column] += height + 26
    return places


def _shown(table: sa.Table) -> list[str]:
    """Return the columns that a box names: those that identify and those that refer."""
    refers = {column.name: parent for parent, column in references(table)}
    own = [column.name for column in table.primary_key]
    return [*own, *(f"{name} → {refers[name]}" for name in refers if name not in own)]


def _box(table: sa.Table, x: int, y: int) -> str:
    rows = _shown(table)
    height = TITLE + LINE * len(rows) + 8
    lines = [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="6" class="box"/>',
        f'<text x="{x + 10}" y="{y + 18}" font-weight="bold" fill="{INK}">{table.name}</text>',
    ]
    for number, row in enumerate(rows):
        top = y + TITLE + LINE * (number + 1) - 4
        lines.append(
            f'<text x="{x + 10}" y="{top}" font-size="10" fill="{INK}">{escape(row)}</text>'
        )
    return "\n".join(lines)


def _edge(child: tuple[int, int, int], parent: tuple[int, int, int], *, pale: bool) -> str:
    x1, y1 = child[0], child[1] + 14
    x2, y2 = parent[0] + WIDTH, parent[1] + 14
    middle = max(40, (x1 - x2) // 2)
    # Pale ones come first in the file, so that they lie below the others.
    colour, name = (PALE, "a") if pale else (INK, "b")
    return (
        f'<path class="{name}" d="M{x1} {y1} C{x1 - middle} {y1} {x2 + middle} {y2} {x2} {y2}"'
        f' fill="none" stroke="{colour}" opacity="{0.45 if pale else 0.9}"/>'
    )


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "schema.md").write_text(page())
    (FOLDER / "schema.svg").write_text(picture())


if __name__ == "__main__":
    main()
