"""Every query of a tenant noun starts at `visible(actor)`; only models change a status."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import PACKAGE, dotted, python_files, tree, where

from nameplate import models
from nameplate.models.orm import Tenant

ABOVE_MODELS = tuple(
    f"src/nameplate/{name}"
    for name in ("usecases", "seeding", "api", "web", "cli", "worker", "edge")
)
STATEMENTS = {"select", "select_from", "update", "delete", "query"}

SYSTEM_QUERIES: dict[str, str] = {
    "usecases/serving/hosts.py:_query": "the edge must hear of removed bindings too, of every organization",
    "usecases/serving/hosts.py:_touching": "the same, by the moment of the last change",
    "usecases/propagation/dangling_names.py:plans": "names are looked at after their release, too",
    "usecases/propagation/dangling_names.py:_names": "the same for records that were removed",
    "usecases/tenants/embed_tokens.py:forget_old": "tokens that are over, of every organization",
    "usecases/claims/facts.py:": "what is still served of removed bindings too",
    "usecases/placements.py:": "bindings that are removed leave the servers of their group, too",
    "usecases/placements.py:served": "what servers still serve of removed bindings",
    "usecases/serving/route_rows.py:served": "what proxies still serve of removed bindings",
    "usecases/serving/proxies.py:_lock": "removed bindings that leave a proxy are locked too",
    "usecases/serving/probes.py:_release": "releases a whole sweep of leased rows in one statement",
}
"""`folder/file.py:function` of the platform's own sweeps over all organizations -> why it must."""

TENANT_NOUNS = {
    name
    for name in models.__all__
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, Tenant)
}


def raw_queries(module: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call that builds a statement on a tenant noun, and the function it is in."""
    for function, node in _calls(module, ""):
        name = dotted(node.func).rpartition(".")[2] or getattr(node.func, "attr", "")
        if name in STATEMENTS and any(_names_tenant_noun(a) for a in node.args):
            yield node, function


def status_writes(module: ast.Module) -> Iterator[ast.AST]:
    """Yield everything that sets a status: assignment, setattr, `values(status=...)`."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=targets):
                yield from (t for target in targets for t in _status_targets(target))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                yield from _status_targets(target)
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant("status"), *_]):
                yield node
            case ast.Call(func=ast.Attribute(attr="values"), keywords=keywords):
                yield from (keyword for keyword in keywords if keyword.arg == "status")


def test_tenant_nouns_are_found() -> None:
    assert {"Domain", "Record", "Certificate", "Binding", "Verification"} <= TENANT_NOUNS


def test_no_raw_query_of_a_tenant_noun() -> None:
    raw = [
        f"{where(path, call)} in {function}: start at visible(actor)"
        for path in python_files(*ABOVE_MODELS)
        for call, function in raw_queries(tree(path))
        if _key(path, function) not in SYSTEM_QUERIES
    ]
    assert not raw, "\n".join(["", *raw])


def test_every_exception_is_still_needed() -> None:
    used = {
        _key(path, function)
        for path in python_files(*ABOVE_MODELS)
        for _, function in raw_queries(tree(path))
    }
    assert set(SYSTEM_QUERIES) <= used
    assert all(len(reason) > len("a reason") for reason in SYSTEM_QUERIES.values())


def test_only_models_change_a_status() -> None:
    writes = [
        where(path, node)
        for path in python_files("src")
        if not path.is_relative_to(PACKAGE / "models")
        for node in status_writes(tree(path))
    ]
    assert not writes, "\n".join(["", *writes])


def test_the_rules_see_what_they_forbid() -> None:
    raw = """
def due():
    sa.select(Domain.id).where(Domain.live)
    select(func.count()).select_from(models.Record)
    session.query(Binding)
    sa.update(Certificate).values(status="x")
    Domain.visible(actor).where(Domain.id == 1)
    sa.select(Organization)
"""
    found = [(call.lineno, function) for call, function in raw_queries(ast.parse(raw))]
    assert sorted(found) == [(line, "due") for line in (3, 4, 5, 6)]
    written = ast.parse('a.status = 1\na.b, c.status = 1, 2\nsetattr(a, "status", 1)\nstatus = 1\n')
    assert len(list(status_writes(written))) == 3
    assert len(list(status_writes(ast.parse(raw)))) == 1


def _calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    if isinstance(node, ast.Call):
        yield function, node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, function)


def _names_tenant_noun(argument: ast.expr) -> bool:
    """Tell whether a tenant class or its column stands there, outside a call such as visible()."""
    parts = set(dotted(argument).split("."))
    inner = argument.args if isinstance(argument, ast.Call) else []
    if isinstance(argument, ast.Call) and dotted(argument.func).endswith("visible"):
        return False
    return bool(parts & TENANT_NOUNS) or any(_names_tenant_noun(a) for a in inner)


def _status_targets(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _status_targets(element)
    elif isinstance(target, ast.Attribute) and target.attr == "status":
        # Outside models `self` is no model.
        yield from () if dotted(target) == "self.status" else (target,)


def _key(path: Path, function: str) -> str:
    return f"{path.relative_to(PACKAGE)}:{function}"
