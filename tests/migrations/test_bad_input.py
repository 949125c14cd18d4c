"""Whatever is wrong: one line that says what to do, the documented exit code, nothing changed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from nameplate.cli.db import app
from nameplate.core.errors import Conflict
from nameplate.db import engine
from nameplate.usecases.operations import schema

HEAD = schema.history()[0].id
COMMANDS = (["upgrade"], ["downgrade", "base"], ["current"])


def run(*arguments, env=None):
    return CliRunner().invoke(app, list(arguments), env=env or {})


def fails(result, exit_code, code):
    """Check that a command failed as documented, in one line."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("nameplate: ")
    assert result.stderr.endswith(f" [{code}]\n")
    assert "sekret" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["postgresql", "postgresql+psycopg", "mariadb", "mysql"])
def test_an_unreachable_server(command, kind):
    result = run(*command, "--url", f"{kind}://user:sekret@127.0.0.1:1/nameplate")
    fails(result, 1, "database_unavailable")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_wrong_password_or_user_or_database(request, command, kind):
    url = sa.make_url(request.getfixturevalue(f"migrated_{kind}_url"))
    for wrong, exit_code, code in (
        (url.set(password="sekret"), 7, "database_login_refused"),
        (url.set(username="nobody", password="sekret"), 7, "database_login_refused"),
        (url.set(database="nameplate_absent"), 3, "database_absent"),
    ):
        address = wrong.render_as_string(hide_password=False)
        fails(run(*command, "--url", address), exit_code, code)


def test_no_right_to_migrate(postgresql_url):
    from tests.servers import postgresql

    url = postgresql.role_url(postgresql_url, postgresql.APP)
    fails(run("upgrade", "--url", url), 7, "database_refuses")
    assert schema.current(postgresql_url) is None


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "url",
    ["", " ", "nonsense", "nonsense://x", "oracle://u:sekret@h/x", "postgresql://u:sekret@h:x/y"],
)
def test_no_database_address(command, url):
    result = run(*command, "--url", url)
    fails(result, 2, "database_url_invalid")


def test_a_read_only_file(migrated_sqlite_url):
    path = sa.make_url(migrated_sqlite_url).database
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    fails(run("downgrade", "base", "--url", url), 1, "database_read_only")
    assert schema.current(migrated_sqlite_url) == HEAD
    assert run("current", "--url", url).stdout == f"{HEAD}\n"


def test_a_file_that_cannot_be_opened_or_is_something_else(tmp_path):
    fails(run("upgrade", "--url", f"sqlite:///{tmp_path}"), 1, "database_file_refused")
    absent = f"sqlite:///{tmp_path}/absent/x.db"
    fails(run("upgrade", "--url", absent), 1, "database_file_refused")
    other = tmp_path / "letter.txt"
    other.write_text("Dear Sir or Madam, " * 500)
    fails(run("upgrade", "--url", f"sqlite:///{other}"), 2, "database_file_invalid")
    assert other.read_text().startswith("Dear Sir")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_corrupt_file(migrated_sqlite_url):
    path = Path(sa.make_url(migrated_sqlite_url).database or "")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 8000 + content[8100:])
    fails(run("upgrade", "--url", migrated_sqlite_url), 2, "database_file_invalid")


@pytest.mark.parametrize("revision", ["nonsense", "2026_11_23_9999", "head:base", "'; DROP"])
def test_an_unknown_revision(migrated_sqlite_url, revision):
    for command in ("upgrade", "downgrade"):
        result = run(command, revision, "--url", migrated_sqlite_url)
        fails(result, 3, "revision_unknown")
    assert schema.current(migrated_sqlite_url) == HEAD


def test_too_many_steps(migrated_sqlite_url):
    fails(run("upgrade", "+1", "--url", migrated_sqlite_url), 5, "revision_out_of_reach")
    fails(run("downgrade", "-99", "--url", migrated_sqlite_url), 5, "revision_out_of_reach")
    assert schema.current(migrated_sqlite_url) == HEAD


def test_the_wrong_way(sqlite_url):
    schema.upgrade(sqlite_url, "2026_11_23_1010")
    result = run("downgrade", HEAD, "--url", sqlite_url)
    fails(result, 5, "revision_out_of_reach")
    assert schema.current(sqlite_url) == "2026_11_23_1010"


def test_a_newer_schema(migrated_sqlite_url):
    made = engine(migrated_sqlite_url)
    with made.begin() as connection:
        connection.execute(sa.text("UPDATE nameplate_version SET version_num = '2031'"))
    made.dispose()
    for command in COMMANDS:
        fails(run(*command, "--url", migrated_sqlite_url), 5, "schema_newer")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_somebody_else_migrates(request, kind):
    url = request.getfixturevalue(f"migrated_{kind}_url")
    lock = {
        "postgresql": "SELECT pg_advisory_xact_lock(x'6e616d65706c6174'::bigint)",
        "mariadb": "SELECT GET_LOCK('nameplate.migration', 1)",
    }
    made = engine(url)
    with made.connect() as connection:
        connection.execute(sa.text(lock[kind]))
        with pytest.raises(Conflict):
            schema.upgrade(url, wait=1)
    made.dispose()


def test_the_folder_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    env = {"NAMEPLATE_HOME": f"{tmp_path}/file/home", "NAMEPLATE_DATABASE_URL": None}
    fails(run("upgrade", env=env), 1, "database_folder_refused")


def test_a_wrong_setting(tmp_path):
    env = {"NAMEPLATE_HOME": str(tmp_path), "NAMEPLATE_PORT": "sekret"}
    result = run("upgrade", env=env | {"NAMEPLATE_DATABASE_URL": None})
    fails(result, 2, "settings_invalid")
    assert "NAMEPLATE_PORT" in result.stderr


def test_json_is_one_document_in_success_and_failure(sqlite_url):
    result = run("upgrade", "--json", "--url", sqlite_url)
    assert json.loads(result.stdout) == {"revision": HEAD}
    result = run("upgrade", "nonsense", "--json", "--url", sqlite_url)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"]["code"] == "revision_unknown"
    listed = json.loads(run("history", "--json").stdout)["revisions"]
    assert [one["revision"] for one in listed] == [step.id for step in schema.history()]
    assert json.loads(run("downgrade", "base", "--json", "--url", sqlite_url).stdout) == {
        "revision": None
    }
    assert "CREATE TABLE" in json.loads(run("sql", "--json", "--url", sqlite_url).stdout)["sql"]


def test_the_home_folder_is_the_default_and_private(tmp_path):
    home = tmp_path / "new" / "home"
    env = {"NAMEPLATE_HOME": str(home), "NAMEPLATE_DATABASE_URL": None}
    assert run("upgrade", env=env).stdout == f"{HEAD}\n"
    assert (home / "nameplate.db").is_file()
    assert home.stat().st_mode & 0o777 == 0o700
    assert run("current", env=env).stdout == f"{HEAD}\n"
    assert run("downgrade", "-1", env=env).stdout == f"{schema.history()[1].id}\n"
    assert run("history").stdout.startswith(f"{HEAD}  ")


def test_the_program_itself(sqlite_url):
    command = [sys.executable, "-m", "nameplate", "db", "upgrade"]
    done = subprocess.run(
        [*command, "--url", sqlite_url], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{HEAD}\n", "")
    wrong = "mariadb://u:sekret@127.0.0.1:1/x"
    done = subprocess.run([*command, "--url", wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sekret" not in done.stderr
    assert done.stderr.count("\n") == 1
