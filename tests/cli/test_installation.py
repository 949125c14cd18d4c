"""What commands and processes say of a database or key ring that is not as it should be: one line."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.servers import postgresql
from tests.servers.process import free_port
from typer.testing import CliRunner

from nameplate.__main__ import app
from nameplate.adapters import keyring as keyrings
from nameplate.db import engine
from nameplate.usecases.operations import revisions, schema

HEAD = revisions.known()[-1]
PROCESSES = (["serve"], ["worker"])
COMMANDS = (*PROCESSES, ["organization", "add", "Acme"], ["keys", "show"], ["db", "seed"])


def environment(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return what a person has set; whatever this environment says of Nameplate is left out."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("NAMEPLATE_")}
    own = {"NAMEPLATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    return {**clean, **own, "NAMEPLATE_PORT": str(free_port()), **given}


def run(words: list[str], home: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run one command as a person does."""
    if words[0] in {"serve", "worker"}:
        return run_alone(words, home, given)
    cleared = {name: None for name in os.environ if name.startswith("NAMEPLATE_")}
    logging.getLogger().handlers.clear()  # of another test's output, which is closed
    done = CliRunner().invoke(app, words, env={**cleared, **environment(home, given)})
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def run_alone(
    words: list[str], home: Path, given: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one command in a process of its own, which prints nothing of other tests."""
    return subprocess.run(
        [sys.executable, "-m", "nameplate", *words],
        env=environment(home, given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], code: str, *words: str) -> None:
    """Check that a command said in one line what is wrong and what to do."""
    assert done.returncode not in {0, -9}, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("nameplate: "), done.stderr
    assert done.stderr.endswith(f" [{code}]\n"), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "sekret" not in done.stderr


def started(words: list[str], home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "nameplate", *words],
        env=environment(home, {}),
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_first_command_of_a_new_home_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run_alone(["organization", "add", "Acme"], home, {})
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "nameplate.db").stat().st_mode & 0o777 == 0o600
    assert "Acme" in run(["organization", "list"], home).stdout


def test_an_older_default_is_migrated_and_closed_to_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url, revisions.known()[-3])
    (tmp_path / "nameplate.db").chmod(0o644)
    assert run(["organization", "list"], tmp_path).returncode == 0
    assert schema.current(url) == HEAD
    assert (tmp_path / "nameplate.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", PROCESSES, ids=lambda words: words[0])
def test_a_process_migrates_the_default_and_starts(words: list[str], tmp_path: Path) -> None:
    process = started(words, tmp_path)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "keyring").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert schema.current(f"sqlite:///{tmp_path}/nameplate.db") == HEAD


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_without_tables(words: list[str], database_url: str, tmp_path: Path) -> None:
    done = run(words, tmp_path, NAMEPLATE_DATABASE_URL=database_url)
    refused(done, "schema_absent", "nameplate db upgrade")
    assert not (tmp_path / "keyring").exists() or words[0] == "keys"


@pytest.mark.parametrize("words", PROCESSES, ids=lambda words: words[0])
def test_an_older_or_newer_schema(words: list[str], migrated_url: str, tmp_path: Path) -> None:
    for stands, code, advice in (
        (revisions.known()[-2], "schema_not_current", "nameplate db upgrade"),
        ("2031_01_01_0000", "schema_newer", "Install the version"),
    ):
        _stand_at(migrated_url, stands)
        try:
            done = run(words, tmp_path, NAMEPLATE_DATABASE_URL=migrated_url)
            refused(done, code, stands, advice)
        finally:
            _stand_at(migrated_url, HEAD)


def test_a_newer_default_is_left_alone(tmp_path: Path) -> None:
    assert run(["organization", "list"], tmp_path).returncode == 0
    _stand_at(f"sqlite:///{tmp_path}/nameplate.db", "2031_01_01_0000")
    refused(run(["organization", "list"], tmp_path), "schema_newer", "2031_01_01_0000")


def _stand_at(url: str, revision: str) -> None:
    made = engine(url)
    table = sa.table("nameplate_version", sa.column("version_num"))
    with made.begin() as connection:
        connection.execute(sa.update(table).values(version_num=revision))
    made.dispose()


@pytest.mark.parametrize(
    "words", [["worker"], ["organization", "list"]], ids=lambda words: words[0]
)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_wrong_password(
    words: list[str], kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = sa.make_url(request.getfixturevalue(f"migrated_{kind}_url")).set(password="sekret")
    address = url.render_as_string(hide_password=False)
    done = run(words, tmp_path, NAMEPLATE_DATABASE_URL=address)
    refused(done, "database_login_refused")


@pytest.mark.parametrize(
    "words", [["worker"], ["organization", "list"]], ids=lambda words: words[0]
)
@pytest.mark.parametrize("url", ["mysqll://u:sekret@h/x", "postgres+x://u:sekret@h:y/x", "x"])
def test_a_wrong_scheme(words: list[str], url: str, tmp_path: Path) -> None:
    refused(run(words, tmp_path, NAMEPLATE_DATABASE_URL=url), "database_url_invalid", "sqlite:///")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_forgotten_system_role(
    words: list[str], migrated_postgresql_url: str, tmp_path: Path
) -> None:
    tenant = postgresql.role_url(migrated_postgresql_url, postgresql.APP)
    done = run(words, tmp_path, NAMEPLATE_DATABASE_URL=tenant)
    refused(done, "system_role_needed", "NAMEPLATE_SYSTEM_DATABASE_URL", postgresql.APP)


def test_roles_that_are_swapped_or_lack_rights(
    migrated_postgresql_url: str, tmp_path: Path
) -> None:
    tenant = postgresql.role_url(migrated_postgresql_url, postgresql.APP)
    system = postgresql.role_url(migrated_postgresql_url, postgresql.SYSTEM)
    done = run(
        ["worker"],
        tmp_path,
        NAMEPLATE_DATABASE_URL=system,
        NAMEPLATE_SYSTEM_DATABASE_URL=system.replace("127.0.0.1", "localhost"),
    )
    refused(done, "tenant_role_unbound", postgresql.SYSTEM)
    owner = engine(migrated_postgresql_url)
    with owner.begin() as connection:
        connection.execute(sa.text(f"REVOKE INSERT ON organization_domains FROM {postgresql.APP}"))
    owner.dispose()
    given: Mapping[str, str] = {
        "NAMEPLATE_DATABASE_URL": tenant,
        "NAMEPLATE_SYSTEM_DATABASE_URL": system,
    }
    refused(run(["worker"], tmp_path, **given), "database_refuses", postgresql.APP)


def test_a_profile_that_is_missing_or_misspelled(tmp_path: Path) -> None:
    done = run(["organization", "list"], tmp_path, NAMEPLATE_PROFILE=str(tmp_path / "none"))
    refused(done, "profile_missing", "NAMEPLATE_PROFILE")
    profile = tmp_path / "profile.toml"
    profile.write_text('apiurl = "https://example.com"\ntoken = "sekret"\n')
    profile.chmod(0o600)
    done = run(["organization", "list"], tmp_path, NAMEPLATE_PROFILE=str(profile))
    refused(done, "profile_malformed", "apiurl", "api_url")
    assert not (tmp_path / "nameplate.db").exists()


@pytest.mark.parametrize("words", PROCESSES, ids=lambda words: words[0])
def test_a_ring_that_is_missing_wrong_or_older(words: list[str], tmp_path: Path) -> None:
    assert run(["db", "seed"], tmp_path).returncode == 0
    ring = tmp_path / "keyring"
    first = ring.read_text()
    ring.unlink()
    refused(run(words, tmp_path), "keyring_missing", str(ring), "backup")
    assert not ring.exists(), "a new ring would open none of the stored secrets"
    refused(run(["keys", "init"], tmp_path), "keyring_missing")
    keyrings.create(ring)
    refused(run(words, tmp_path), "keyring_wrong", str(ring), first.partition(":")[0])
    same_id = f"{first.partition(':')[0]}:{ring.read_text().partition(':')[2]}"
    ring.write_text(same_id)
    refused(run(words, tmp_path), "keyring_wrong", "is not the key of that id")
    ring.write_text(first)
    assert run(["keys", "rotate", "--retire"], tmp_path).returncode == 0
    newest = ring.read_text()
    ring.write_text(first)
    refused(run(words, tmp_path), "keyring_wrong", newest.partition(":")[0])
    ring.write_text(first + newest)
    refused(run(words, tmp_path), "keyring_older", first.partition(":")[0])
    ring.write_text(newest)
    assert run(["organization", "list"], tmp_path).returncode == 0


def test_the_first_ring_of_a_named_file_is_made_by_a_command(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys" / "ring"
    given = {
        "NAMEPLATE_DATABASE_URL": migrated_sqlite_url,
        "NAMEPLATE_KEYRING_FILE": str(path),
    }
    refused(run(["worker"], tmp_path, **given), "keyring_missing", "nameplate keys init")
    assert str(path) in run(["keys", "init"], tmp_path, **given).stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert run(["organization", "list"], tmp_path, **given).returncode == 0
    refused(run(["keys", "init"], tmp_path, **given), "keyring_exists")


def test_a_key_that_is_lost_for_good_can_be_given_up(tmp_path: Path) -> None:
    assert run(["db", "seed"], tmp_path).returncode == 0
    ring = tmp_path / "keyring"
    lost = ring.read_text().partition(":")[0]
    ring.unlink()
    keyrings.create(ring)
    refused(run(["organization", "list"], tmp_path), "keyring_wrong", f"keys forget {lost}")
    done = run(["keys", "forget", lost, "--yes"], tmp_path)
    assert "7 stored values cannot be read" in done.stdout, done.stderr
    assert run(["organization", "list"], tmp_path).returncode == 0
    refused(run(["keys", "forget", "nothing", "--yes"], tmp_path), "key_not_known")


@pytest.mark.parametrize(
    "spelling", ["münchen.de", "MÜNCHEN.de", "mu\u0308nchen.de.", "xn--mnchen-3ya.de"]
)
def test_a_domain_is_found_in_every_spelling_and_shown_in_both(
    spelling: str, tmp_path: Path
) -> None:
    assert run(["organization", "add", "Acme"], tmp_path).returncode == 0
    added = run(["domain", "add", "münchen.de", "--organization", "acme", "-o", "id"], tmp_path)
    shown = json.loads(run(["domain", "show", spelling, "--json"], tmp_path).stdout)
    assert shown["id"] == added.stdout.strip()
    assert (shown["name"], shown["unicode_name"]) == ("xn--mnchen-3ya.de", "münchen.de")
