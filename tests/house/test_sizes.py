"""Files and functions stay short enough to read at once."""

import ast

from tests.house.source import ROOT, python_files, tree, where

FILE_LINES = 400
TEST_FILE_LINES = 600
FUNCTION_LINES = 50


def test_files_are_short() -> None:
    long = []
    for path in python_files("src", "tests", "bench"):
        lines = path.read_text().count("\n")
        place = path.relative_to(ROOT)
        if lines > (TEST_FILE_LINES if place.parts[0] == "tests" else FILE_LINES):
            long.append(f"{place}: {lines} lines")
    assert not long, "\n".join(["", *long])


def test_functions_are_short() -> None:
    long = []
    for path in python_files("src", "tests", "bench"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{where(path, node)} {node.name}: {lines} lines")
    assert not long, "\n".join(["", *long])
