"""`nameplate db setup` as root types it on a fresh Debian, and the files that it leaves."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.test_installation import refused, run
from tests.servers.postgresql import PASSWORD, PostgreSQL

from nameplate.cli import environment_file
from nameplate.usecases.operations import revisions

HEAD = revisions.known()[-1]


@dataclass
class Machine:
    """A PostgreSQL as Debian installs it, and a folder for what the command writes."""

    folder: Path
    port: int

    @property
    def file(self) -> Path:
        return self.folder / "etc" / "nameplate.env"

    @property
    def at_the_socket(self) -> dict[str, str]:
        """Where the server's socket is: on Debian it is where the driver looks by itself."""
        return {"PGHOST": str(self.folder), "PGPORT": str(self.port)}

    @property
    def by_network(self) -> dict[str, str]:
        url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        return {"NAMEPLATE_ADMIN_DATABASE_URL": url}


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        with PostgreSQL(folder, as_debian=True) as server:
            yield Machine(folder, server.facts["port"])


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes the user postgres")
def test_root_needs_no_password_and_may_run_it_again(machine: Machine) -> None:
    words = ["db", "setup", "--env-file", str(machine.file)]
    tried = run([*words, "--dry-run"], machine.folder, **machine.at_the_socket)
    assert "role nameplate_app: would be made" in tried.stdout, tried.stderr
    assert not machine.file.exists()

    first = run(words, machine.folder, **machine.at_the_socket)
    assert first.stdout.splitlines() == [
        "role nameplate_owner: made",
        "role nameplate_app: made",
        "role nameplate_system: made",
        "database nameplate: made",
        f"schema: {HEAD}",
        f"{machine.file}: settings of the services",
        f"{machine.file.with_name('owner.env')}: for migrations",
    ], first.stderr
    for file in (machine.file, machine.file.with_name("owner.env")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = environment_file.read(machine.file)
    assert settings["NAMEPLATE_HOME"] == "/var/lib/nameplate"
    assert "nameplate_owner" not in machine.file.read_text()

    machine.file.write_text(f"# mine\nNAMEPLATE_PORT=9000\n{machine.file.read_text()}")
    again = run([*words, "--json"], machine.folder, **machine.at_the_socket)
    told = json.loads(again.stdout)
    assert all(one["existed"] for one in told["steps"])
    assert told["revision"] == HEAD
    kept = environment_file.read(machine.file)
    assert kept == {**settings, "NAMEPLATE_PORT": "9000"}
    assert machine.file.read_text().startswith("# mine\n")

    own = {**settings, "NAMEPLATE_HOME": str(machine.folder / "home")}
    assert run(["organization", "add", "Acme"], machine.folder, **own).returncode == 0


def test_the_system_user_of_the_services_is_made_once(machine: Machine) -> None:
    words = ["db", "setup", "--env-file", str(machine.file), "--home", "/srv/np", "--user"]
    stand_in, noted = machine.folder / "useradd", machine.folder / "called"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {noted}\n')
    stand_in.chmod(0o755)
    given = {**machine.by_network, "PATH": f"{machine.folder}:{os.environ['PATH']}"}

    tried = run([*words, "np-serves", "--dry-run"], machine.folder, **given)
    assert tried.stdout.startswith("user np-serves: would be made\n"), tried.stderr
    assert not noted.exists()
    made = run([*words, "np-serves"], machine.folder, **given)
    assert made.stdout.startswith("user np-serves: made\nrole nameplate_owner: made\n"), made.stderr
    assert noted.read_text() == "--system --home-dir /srv/np np-serves\n"
    kept = run([*words, "daemon"], machine.folder, **given)
    assert kept.stdout.startswith("user daemon: kept\n"), kept.stderr
    assert noted.read_text().count("\n") == 1

    stand_in.write_text("#!/bin/sh\necho 'useradd: Permission denied.' >&2\nexit 1\n")
    refused(run([*words, "np-serves"], machine.folder, **given), "system_user_refused", "as root")


def test_lost_passwords_and_a_wrong_login_are_one_line(machine: Machine) -> None:
    words = ["db", "setup", "--env-file", str(machine.file)]
    done = run(words, machine.folder, **machine.by_network)
    assert done.returncode == 0, done.stderr
    assert f":{PASSWORD}@" not in machine.file.read_text()
    elsewhere = [*words[:-1], str(machine.folder / "other.env")]
    before = machine.file.read_text()
    machine.file.with_name("owner.env").unlink()
    refused(run(elsewhere, machine.folder, **machine.by_network), "role_exists", "--new-passwords")
    replaced = run([*words, "--new-passwords"], machine.folder, **machine.by_network)
    assert replaced.returncode == 0, replaced.stderr
    assert machine.file.read_text() != before
    wrong = {
        "NAMEPLATE_ADMIN_DATABASE_URL": f"postgresql://postgres:sekret@127.0.0.1:{machine.port}/x"
    }
    refused(run(words, machine.folder, **wrong), "database_login_refused")


def test_a_file_that_cannot_be_written_is_said_before_anything_is_made(machine: Machine) -> None:
    blocked = machine.folder / "a-file"
    blocked.write_text("")
    words = ["db", "setup", "--env-file", str(blocked / "nameplate.env")]
    refused(run(words, machine.folder, **machine.by_network), "environment_file_refused")
    tried = run(
        ["db", "setup", "--dry-run", "--json", "--env-file", str(machine.file)],
        machine.folder,
        **machine.by_network,
    )
    assert not any(one["existed"] for one in json.loads(tried.stdout)["steps"])


def test_commands_take_the_settings_of_the_machine_unless_others_are_chosen(tmp_path: Path) -> None:
    file = tmp_path / "nameplate.env"
    file.write_text("# services\nNAMEPLATE_HOME=/srv/np\nNAMEPLATE_PORT=9000\n")
    named = {"NAMEPLATE_ENV_FILE": str(file)}
    taken = {**named, "NAMEPLATE_PORT": "8000"}
    environment_file.take(taken)
    assert taken == {**named, "NAMEPLATE_HOME": "/srv/np", "NAMEPLATE_PORT": "8000"}
    for choice in ("NAMEPLATE_HOME", "NAMEPLATE_DATABASE_URL", "NAMEPLATE_API_URL"):
        chosen = {**named, choice: "own"}
        environment_file.take(chosen)
        assert chosen == {**named, choice: "own"}
    nowhere = {"NAMEPLATE_ENV_FILE": str(tmp_path / "none")}
    environment_file.take(nowhere)
    assert len(nowhere) == 1
