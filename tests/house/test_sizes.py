"""Files and functions stay short enough to read at once.

The aim is what nineteen of twenty keep to. What is longer is listed with the length that it may
have: the number may go down, never up.
"""

import ast
import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.house.source import ROOT, python_files, tree

AIM_FILE, MAX_FILE = 300, 600
AIM_FUNCTION, MAX_FUNCTION = 35, 80
SLACK_FILE, SLACK_FUNCTION = 20, 5
"""How far below its number a listed length may be before the number has to follow."""
LISTED = Path(__file__).with_name("sizes.json")
FOLDERS = ("src", "tests", "bench", "scripts")


def _files() -> dict[str, int]:
    return {
        str(path.relative_to(ROOT)): path.read_text().count("\n") for path in python_files(*FOLDERS)
    }


def _functions() -> dict[str, int]:
    """Return the length of each function; of those with one name in a file, the longest."""
    lengths: dict[str, int] = {}
    for path in python_files(*FOLDERS):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path.relative_to(ROOT)}:{node.name}"
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths[name] = max(lines, lengths.get(name, 0))
    return lengths


def faults(
    lengths: Mapping[str, int], listed: Mapping[str, int], aim: int, most: int, slack: int
) -> list[str]:
    """Return a sentence for each length that is neither within the aim nor as it is listed."""
    found = []
    for name, lines in sorted(lengths.items()):
        allowed = listed.get(name, aim)
        if lines > most:
            found.append(f"{name}: {lines} lines, and nothing may have more than {most}")
        elif lines > allowed:
            found.append(f"{name}: {lines} lines, {allowed} are allowed; it may only shrink")
        elif name in listed and lines <= aim:
            found.append(f"{name}: {lines} lines are within the aim; remove it from sizes.json")
        elif name in listed and lines < allowed - slack:
            found.append(f"{name}: {lines} lines; lower its number in sizes.json from {allowed}")
    gone = sorted(set(listed) - set(lengths))
    return [*found, *(f"{name}: is gone; remove it from sizes.json" for name in gone)]


def test_files_are_short() -> None:
    listed = json.loads(LISTED.read_text())["files"]
    found = faults(_files(), listed, AIM_FILE, MAX_FILE, SLACK_FILE)
    assert not found, "\n".join(["", *found])


def test_functions_are_short() -> None:
    listed = json.loads(LISTED.read_text())["functions"]
    found = faults(_functions(), listed, AIM_FUNCTION, MAX_FUNCTION, SLACK_FUNCTION)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(("lengths", "aim"), [(_files, AIM_FILE), (_functions, AIM_FUNCTION)])
def test_nineteen_of_twenty_keep_to_the_aim(lengths, aim: int) -> None:
    found = sorted(lengths().values())
    assert found[math.ceil(len(found) * 0.95) - 1] <= aim


def test_the_ratchet_turns_one_way() -> None:
    listed = {"a": 350, "b": 350, "c": 350, "gone": 400}
    lengths = {"a": 351, "b": 320, "c": 340, "d": 301, "e": 300, "f": 601}
    found = faults(lengths, listed, aim=300, most=600, slack=20)
    assert [line.partition(":")[0] for line in found] == ["a", "b", "d", "f", "gone"]
    assert "lower its number" in found[1]
    (short,) = faults({"a": 290}, {"a": 350}, aim=300, most=600, slack=20)
    assert "within the aim" in short
