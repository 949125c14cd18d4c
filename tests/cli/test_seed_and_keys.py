"""`nameplate db seed` and `nameplate keys` as a person runs them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nameplate.__main__ import app
from nameplate.adapters import keyring as keyrings


class Shell:
    """Runs commands on one database and one key ring."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.error = ""

    def __call__(self, *words: str, code: int = 0, **env: str) -> str:
        cleared = {name: None for name in os.environ if name.startswith("NAMEPLATE_")}
        done = CliRunner().invoke(
            app, words, env={**cleared, "NAMEPLATE_HOME": str(self.home), **env}
        )
        self.error = done.stderr
        assert done.exit_code == code, (done.stderr, done.exception)
        return done.stdout

    def document(self, *words: str, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*words, "--json", **options))
        return found


@pytest.fixture
def run(tmp_path: Path, migrated_sqlite_url: str) -> Shell:
    shell = Shell(tmp_path / "home")
    shell.home.mkdir(mode=0o700)
    Path(migrated_sqlite_url.removeprefix("sqlite:///")).rename(shell.home / "nameplate.db")
    return shell


def test_a_small_world_is_made_shown_and_known_again(run: Shell) -> None:
    first = run.document("db", "seed")
    assert first["made"]
    assert first["rows"]["organization_domains"] == len(first["domains"]) == 9
    assert "northwind.example" in run("db", "seed")
    assert "Nothing was changed" in run.error
    assert run.document("db", "seed") == {**first, "made": False}
    refused = run.document("db", "seed", "--domains", "5", code=5)
    assert refused["error"]["code"] == "database_not_empty"
    assert run.error.count("\n") == 1


def test_a_bulk_load_tells_its_progress_in_lines(run: Shell) -> None:
    words = ("db", "seed", "--organizations", "3", "--domains", "40", "--records-per-domain", "4")
    assert run.document(*words)["rows"]["dns_records"] == 160
    assert "dns_records: 40 of 40" in run.error
    assert "\x1b" not in run.error


def test_rotation_adds_a_key_and_retires_the_old_one(run: Shell) -> None:
    run("db", "seed")
    secrets = (run.home / "keyring").read_text().partition(":")[2].strip()
    [old] = run.document("keys", "show")["data"]
    assert (old["role"], old["values"]) == ("primary", 7)
    rotated = run.document("keys", "rotate")
    assert (rotated["wrapped"], rotated["retired"]) == (7, [])
    shown = run.document("keys", "show")["data"]
    assert [(key["role"], key["values"]) for key in shown] == [("primary", 7), ("old", 0)]
    retired = run.document("keys", "rotate", "--retire")["retired"]
    assert retired == [rotated["primary"], old["id"]]
    assert len(run.document("keys", "show")["data"]) == 1
    assert secrets not in run("keys", "show")


def test_keys_of_the_environment_are_used_and_never_written(run: Shell) -> None:
    run("db", "seed")
    file = run.home / "keyring"
    new = run.home / "new"
    keyrings.create(new)
    both = new.read_text() + file.read_text()
    before = file.read_text()
    rotated = run.document("keys", "rotate", "--retire", NAMEPLATE_KEYRING=both)
    old = keyrings.load(file, None).primary
    assert (rotated["wrapped"], rotated["retired"]) == (7, [old])
    assert f"remove {old} from NAMEPLATE_KEYRING" in run.error
    assert rotated["primary"] == keyrings.load(new, None).primary
    assert file.read_text() == before


def test_a_lost_key_is_named_and_no_rotation_begins(run: Shell) -> None:
    run("db", "seed")
    (run.home / "keyring").unlink()
    keyrings.create(run.home / "keyring")
    [new, lost] = run.document("keys", "show")["data"]
    assert [(new["role"], new["values"]), (lost["role"], lost["values"])] == [
        ("primary", 0),
        ("missing", 7),
    ]
    run("keys", "rotate", "--retire", code=1)
    assert "keyring_wrong" in run.error


def test_a_corrupt_key_file_is_one_clear_line(run: Shell) -> None:
    (run.home / "keyring").write_text("k1:notbase64\n")
    (run.home / "keyring").chmod(0o600)
    run("keys", "show", code=2)
    assert run.error.count("\n") == 1
    assert "Expected `id:base64`" in run.error
