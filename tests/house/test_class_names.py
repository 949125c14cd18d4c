"""One class name means one thing: no two classes of the package are called the same."""

import ast
from collections import defaultdict

from tests.house.source import python_files, tree, where


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(where(path, node))
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
