"""The page's types are those of the API as it is."""

import importlib.util
from pathlib import Path
from typing import Any

from tests.house.source import ROOT


def _program() -> Any:
    spec = importlib.util.spec_from_file_location("web_schema", ROOT / "scripts/web_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_types_of_the_page_are_fresh(tmp_path: Path) -> None:
    program = _program()
    wanted = program.header(program.described(tmp_path))
    with program.TARGET.open() as file:
        assert file.readline() == wanted, "run `make types`"
