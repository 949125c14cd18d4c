"""Only tests of real servers get a second chance."""

import subprocess
import sys
from pathlib import Path

from tests.house.source import ROOT

FAILING = """
import pytest
from tests.servers.knot import Knot


@pytest.fixture
def knot():
    return Knot


def test_of_a_server(knot):
    raise AssertionError


def test_without_a_server():
    raise AssertionError


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_of_a_database(kind):
    raise AssertionError
"""


def _pytest(*arguments: str, cwd: Path = ROOT) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )
    return done.stdout


def test_a_failure_without_a_server_is_final(tmp_path: Path) -> None:
    package = tmp_path / "tests"
    package.mkdir()
    (package / "test_failing.py").write_text(FAILING)
    options = ("-p", "tests.real_servers", "-rR", "--import-mode=importlib")
    said = _pytest(*options, f"--rootdir={tmp_path}", "tests/test_failing.py", cwd=tmp_path)
    again = {line.partition("::")[2] for line in said.splitlines() if line.startswith("RERUN")}
    assert {name.split()[0] for name in again} == {
        "test_of_a_server",
        "test_of_a_database[postgresql]",
    }, said
    assert "4 failed" in said


SERVERLESS = ("tests/core/test_delegation.py", "tests/adapters/dns/test_memory.py")
WITH_DATABASES = "tests/usecases/tenants/test_tokens.py"
WITH_SERVER = "tests/adapters/dns/test_rfc2136.py"


def test_what_uses_a_server_is_marked() -> None:
    paths = (*SERVERLESS, WITH_DATABASES, WITH_SERVER)
    said = _pytest("--collect-only", "-m", "real_server", *paths)
    found = [line for line in said.splitlines() if "::" in line]
    assert not [line for line in found if line.startswith(SERVERLESS)]
    databases = [line for line in found if line.startswith(WITH_DATABASES)]
    assert {"mariadb" in line or "postgresql" in line for line in databases} == {True}
    assert [line for line in found if line.startswith(WITH_SERVER)]
