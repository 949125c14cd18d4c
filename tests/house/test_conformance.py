"""Every port has a conformance class of its name, which a test runs against an adapter of ours."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from tests.house.source import PACKAGE, ROOT, python_files, tree

from nameplate import testing


def bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def classes(*folders: str) -> Iterator[ast.ClassDef]:
    for path in python_files(*folders):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                yield node


def ports() -> set[str]:
    """Return the Protocols of the ports that have methods."""
    return {
        node.name
        for node in classes("src/nameplate/ports")
        if "Protocol" in bases(node) and any(isinstance(one, ast.FunctionDef) for one in node.body)
    }


def conformance() -> dict[str, type[Any]]:
    """Return the conformance classes by name."""
    stems = sorted(path.stem for path in (PACKAGE / "testing").glob("[a-z]*.py"))
    modules = [importlib.import_module(f"{testing.__name__}.{stem}") for stem in stems]
    return {
        name: one
        for module in modules
        for name, one in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Conformance") and one.__module__ == module.__name__
    }


def test_every_port_has_its_conformance_class() -> None:
    assert len(ports()) >= 12
    assert {f"{port}Conformance" for port in ports()} == set(conformance())


def test_every_method_of_a_port_is_called_by_its_class() -> None:
    missing = []
    for node in classes("src/nameplate/ports"):
        if node.name not in ports():
            continue
        module = inspect.getmodule(conformance()[f"{node.name}Conformance"])
        assert module is not None
        source = inspect.getsource(module)
        for method in (one for one in node.body if isinstance(one, ast.FunctionDef)):
            is_property = any(
                isinstance(one, ast.Name) and one.id == "property" for one in method.decorator_list
            )
            if not is_property and not re.search(rf"\.{method.name}\(", source):
                missing.append(f"{node.name}.{method.name}")
    assert not missing, missing


def test_every_conformance_class_is_run() -> None:
    run: set[str] = set()
    for node in classes("tests/adapters"):
        if node.name.startswith("Test"):
            run |= bases(node)
    assert set(conformance()) <= run, set(conformance()) - run


def test_every_conformance_class_says_what_it_needs() -> None:
    for name, one in conformance().items():
        tests = [test for test in dir(one) if test.startswith("test_")]
        assert len(tests) >= 2, name
        assert re.search(r"fixtures?|Hooks|as tests for pytest", one.__doc__ or ""), name


def test_the_page_of_the_architecture_names_every_port() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    listed = set(re.findall(r"^\| `ports/(\w+)\.py` \|", page, re.MULTILINE))
    files = {path.stem for path in (PACKAGE / "ports").glob("[a-z]*.py")}
    with_methods = {
        path.stem
        for path in (PACKAGE / "ports").glob("[a-z]*.py")
        if any(node.name in ports() for node in tree(path).body if isinstance(node, ast.ClassDef))
    }
    assert with_methods <= listed <= files
    for name in conformance():
        assert f"`{name}`" in page, name
