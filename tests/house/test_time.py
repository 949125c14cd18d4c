"""Time comes in as a parameter or a clock: no code looks at the machine's clock by itself."""

import ast

from tests.house.source import PACKAGE, dotted, python_files, tree, where

CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.gmtime", "time.localtime"),
}
ALLOWED = {
    "remote.py": "hands the clock to commands, and by the bootstrap to everything else",
    "testing": "conformance classes run against servers that live in real time",
}


def test_only_one_module_reads_the_clock() -> None:
    reads = [
        f"{where(path, node)} {dotted(node)}"
        for path in python_files("src")
        if path.relative_to(PACKAGE).parts[0] not in ALLOWED
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and _is_clock(dotted(node))
    ]
    assert not reads, "\n".join(["", *reads])


def test_no_clock_is_imported_by_its_bare_name() -> None:
    bare = [
        where(path, node)
        for path in python_files("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and any(f"time.{alias.name}" in CLOCKS for alias in node.names)
    ]
    assert not bare, "\n".join(["", *bare])


def _is_clock(name: str) -> bool:
    return any(name == clock or name.endswith(f".{clock}") for clock in CLOCKS)
