"""`nameplate.testing` as a third party has it: failures that show values, and no pytest needed."""

import os
import subprocess
import sys
from pathlib import Path

FAILING = """
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
import pytest
from nameplate.testing.fetcher import FetcherConformance


class Wrong:
    def fetch(self, host, path, **_):
        return Fetched(HttpOutcome.ANSWERED, (Hop("http://x/", "", 299),), b"not this")


class TestWrong(FetcherConformance):
    @pytest.fixture
    def fetcher(self):
        return Wrong()

    @pytest.fixture
    def host(self):
        return "shop.example.org"

    @pytest.fixture
    def raw_answers(self):
        return {}
"""


def test_a_failing_check_prints_both_values(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text(FAILING)
    wanted = "test_wrong.py::TestWrong::test_a_small_file"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", wanted],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    shown = "".join(line for line in done.stdout.splitlines() if line.startswith("E  "))
    assert "b'not this') == (" in shown
    assert "b'hello')" in shown
    assert "299 != 200" in shown


def test_it_can_be_imported_without_pytest() -> None:
    code = (
        "import sys; sys.modules['_pytest'] = None\n"
        "import nameplate.testing.ca, nameplate.testing.dns, nameplate.testing.fetcher\n"
        "import nameplate.testing.proxy, nameplate.testing.resolver, nameplate.testing.zones\n"
        "assert 'pytest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
