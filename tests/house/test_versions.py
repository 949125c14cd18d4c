"""The version is said in one place, and what development installs is written down."""

import importlib.metadata
import itertools
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.house.source import PACKAGE, ROOT, python_files

from nameplate import __version__

LINE = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][\w.]*)")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_written_once() -> None:
    assert project()["tool"]["hatch"]["version"]["path"] == "src/nameplate/__init__.py"
    assert "version" not in project()["project"]
    literal = f'"{__version__}"'
    said = [
        path.relative_to(PACKAGE) for path in python_files("src") if literal in path.read_text()
    ]
    assert [str(path) for path in said] == ["__init__.py"]


def test_program_and_package_say_the_same() -> None:
    program = [sys.executable, "-m", "nameplate", "--version"]
    said = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said == f"nameplate {__version__}\n"
    assert importlib.metadata.version("nameplate") == __version__


def test_every_user_agent_says_the_version() -> None:
    lines = [
        line.strip()
        for path in python_files("src/nameplate/adapters")
        for line in path.read_text().splitlines()
        if re.search(r"user-agent\"?[:,]|_AGENT =", line, re.IGNORECASE)
        and not re.search(r"_AGENT[)}]", line)
    ]
    assert len(lines) == 4
    assert [line for line in lines if "/{__version__}" not in line] == []


def test_constraints_are_exact_and_name_no_index() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [line for line in lines if not line.startswith("#") and not LINE.fullmatch(line)]
    assert wrong == []


@pytest.mark.parametrize("part", ["dependencies", "optional-dependencies", "dev", "web"])
def test_constraints_hold_what_the_project_asks_for(part: str) -> None:
    found = [LINE.fullmatch(one) for one in (ROOT / "constraints.txt").read_text().splitlines()]
    locked = {one["name"]: one["version"] for one in found if one}
    told = project()
    texts = {
        "dependencies": told["project"]["dependencies"],
        "optional-dependencies": [
            *itertools.chain(*told["project"]["optional-dependencies"].values())
        ],
        "dev": told["dependency-groups"]["dev"],
        "web": told["dependency-groups"]["web"],
    }[part]
    wanted = [Requirement(text) for text in texts]
    late = [
        str(one)
        for one in wanted
        if not one.specifier.contains(
            locked.get(canonicalize_name(one.name), "0"), prereleases=True
        )
    ]
    assert late == [], "run `make lock`"
