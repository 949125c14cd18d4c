"""What stands in a column of JSON is a value with names: string keys are the models' own."""

import ast
from collections.abc import Iterator

import sqlalchemy as sa
from tests.house.source import python_files, tree, where

from nameplate.models import Model
from nameplate.models.orm import Document
from nameplate.models.plans import PackedJson

ABOVE_MODELS = tuple(
    f"src/nameplate/{name}" for name in ("usecases", "seeding", "api", "worker", "edge")
)
FREE = {
    "config": "what an account needs is for its provider to say",
    "proxy": "how a proxy is reached is for its adapter to say",
}
"""Attribute -> why its keys are no business of the model."""
ALSO_FIELDS = {"drift", "delegation", "propagation", "content", "report"}
"""Arguments of other things are called so too."""


def json_attributes() -> set[str]:
    """Return how mapped columns of JSON are called, in Python and in the database."""
    found = {
        name
        for mapper in Model.registry.mappers
        for attribute in mapper.column_attrs
        for column in attribute.columns
        if isinstance(column.type, sa.JSON | Document | PackedJson)
        for name in (attribute.key, str(column.name), attribute.key.strip("_"))
    }
    return found - FREE.keys() - {"metadata"}  # every mapped class has another `metadata`


def keyed(module: ast.Module, names: set[str]) -> Iterator[ast.AST]:
    """Yield every access to a column in `names`, or to a local name of it, by a literal key."""
    seen: set[ast.AST] = set()
    for scope in (
        module,
        *(node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)),
    ):
        local = {name for node in ast.walk(scope) for name in _bound(node, names)}
        local = local if isinstance(scope, ast.FunctionDef) else set()
        found = {node for node in ast.walk(scope) if _is_keyed(node, names, local)} - seen
        seen |= found
        yield from sorted(found, key=lambda node: getattr(node, "lineno", 0))


def _bound(node: ast.AST, names: set[str]) -> Iterator[str]:
    """Yield the local names to which a statement gives a column's content."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            pairs = list(zip(targets, values, strict=False))
        case ast.Assign(targets=[target], value=value) | ast.NamedExpr(target=target, value=value):
            pairs = [(target, value)]
        case _:
            return
    for target, value in pairs:
        if isinstance(target, ast.Name) and _is_content(value, names, set()):
            yield target.id


def _is_content(node: ast.AST, names: set[str], local: set[str]) -> bool:
    match node:
        case ast.Attribute(attr=attr):
            return attr in names
        case ast.Name(id=name):
            return name in local
        case ast.BoolOp(values=values):
            return any(_is_content(one, names, local) for one in values)
        case ast.IfExp(body=body, orelse=orelse):
            return any(_is_content(one, names, local) for one in (body, orelse))
        case ast.Subscript(value=value) | ast.NamedExpr(value=value):
            return _is_content(value, names, local)
    return False


def _is_keyed(node: ast.AST, names: set[str], local: set[str]) -> bool:
    """Tell whether a literal key is read from a column's content, or written into it."""
    read: list[ast.expr | None] = []
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str())):
            read = [value]
        case ast.Call(
            func=ast.Attribute(value=value, attr="get" | "pop" | "setdefault"),
            args=[ast.Constant(value=str()), *_],
        ):
            read = [value]
        case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()]):
            read = [*node.comparators]
        case ast.Dict(keys=keys, values=values):
            read = [value for key, value in zip(keys, values, strict=True) if key is None]
        case ast.Assign(targets=[ast.Attribute() as target], value=ast.Dict(keys=[_, *_])):
            read = [target]
        case ast.keyword(arg=str(arg), value=ast.Dict(keys=[_, *_])):
            return arg in names - ALSO_FIELDS
    return any(_is_content(one, names, local) for one in read if one is not None)


def test_columns_of_json_are_found() -> None:
    assert {
        "dns",
        "dns_config",
        "drift",
        "content",
        "metadata_",
        "propagation",
    } <= json_attributes()


def test_no_column_of_json_is_read_by_string_keys() -> None:
    names = json_attributes()
    found = [
        where(path, node)
        for path in python_files(*ABOVE_MODELS)
        for node in keyed(tree(path), names)
    ]
    assert not found, "\n".join(["give it a name in the model:", *found])


def test_the_rule_sees_what_it_forbids() -> None:
    text = """
def read(row, domain):
    (domain.dns_config or {}).get("account_id")
    row.metadata_["lost_at"]
    config, other = row.dns_config or {}, 1
    config["zone"]
    "due" in row.delegation
    last = (row.verification_logs or [{}])[-1] if row else {}
    last.get("reason")
    row.dns_config = {**config, "automatic": False}
    row.drift = {"since": 1}
    Domain(dns_config={"account_id": 1})
    row.metadata_[key]
    row.config["api_url"]
    row.dns.zone
    {"zone": 1}["zone"]
"""
    found = keyed(ast.parse(text), json_attributes() | {"dns_config"})
    lines = {getattr(node, "lineno", 0) for node in found}
    assert lines == {3, 4, 6, 7, 9, 10, 11, 12}
