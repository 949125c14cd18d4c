"""`nameplate db setup`: PostgreSQL's roles, the database and its schema, with one command."""

import json
import pwd
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nameplate.cli import environment_file
from nameplate.cli.command import AsJson, DryRun
from nameplate.cli.failures import reported
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.secret import Secret

if TYPE_CHECKING:
    from nameplate.usecases.operations.roles import SetupStep

_OWNER_FILE = "owner.env"
_APP_URL, _SYSTEM_URL = "NAMEPLATE_DATABASE_URL", "NAMEPLATE_SYSTEM_DATABASE_URL"

AdminUrl = Annotated[
    str,
    typer.Option(
        "--admin-url",
        envvar="NAMEPLATE_ADMIN_DATABASE_URL",
        show_envvar=True,
        help="URL of a PostgreSQL superuser. Without a host: the server on this machine, which root "
        "may use as the system user of that name. Put a password in the variable, not in the command.",
    ),
]
Database = Annotated[str, typer.Option(help="Name of the database.")]
EnvFile = Annotated[
    Path,
    typer.Option(
        envvar=environment_file.VARIABLE,
        show_envvar=True,
        help="File for the settings of the services, with the passwords (mode 0600). The owner's "
        "address, for migrations only, is kept beside it in `owner.env`.",
    ),
]
Home = Annotated[Path, typer.Option(help="NAMEPLATE_HOME of the services, where their files are.")]
User = Annotated[
    str | None,
    typer.Option(
        help="System user that runs the services; it is made unless it is there (`useradd`)."
    ),
]
NewPasswords = Annotated[
    bool, typer.Option("--new-passwords", help="Replace the passwords of all three roles.")
]


def setup(
    *,
    admin_url: AdminUrl = "postgresql://postgres@/postgres",
    database: Database = "nameplate",
    env_file: EnvFile = environment_file.DEFAULT,
    home: Home = Path("/var/lib/nameplate"),
    user: User = None,
    new_passwords: NewPasswords = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make the roles, the database and the schema on PostgreSQL, and write the settings to a file.

    With `--user` it also makes the system user of the services.

    It can be run again: it makes what is missing, keeps the passwords of the file, and upgrades the
    schema. Other lines of the file stay.
    """
    with reported(as_json=as_json):
        from nameplate.usecases.operations import roles

        owner_file = env_file.with_name(_OWNER_FILE)
        known = _passwords(env_file, owner_file)
        planned = roles.plan(admin_url, database, known, new_passwords=new_passwords)
        steps = [*_users(user), *planned.steps]
        revision = None
        if not dry_run:
            if user and not steps[0].exists:
                _make_user(user, home)
            # First the passwords, then the roles: after a crash between them the next run has both.
            environment_file.write(owner_file, {_APP_URL: planned.url(roles.OWNER).reveal()})
            environment_file.write(
                env_file,
                {
                    "NAMEPLATE_HOME": str(home),
                    _APP_URL: planned.url(roles.APP).reveal(),
                    _SYSTEM_URL: planned.url(roles.SYSTEM).reveal(),
                },
            )
            revision = roles.make(planned)
    _tell(steps, revision, [env_file, owner_file], dry_run=dry_run, as_json=as_json)


def _passwords(*files: Path) -> dict[str, Secret]:
    """Return the passwords that the files have, by role."""
    from nameplate.db import address

    found = {}
    for file in files:
        variables = environment_file.read(file)
        for name in (_APP_URL, _SYSTEM_URL):
            try:
                url = address(variables[name])
            except (KeyError, NameplateError):
                continue
            if url.username and url.password:
                found[url.username] = Secret(str(url.password))
    return found


def _users(user: str | None) -> "list[SetupStep]":
    """Return what happens to the system user; nothing when none is asked for."""
    from nameplate.usecases.operations.roles import SetupStep

    if user is None:
        return []
    try:
        pwd.getpwnam(user)
    except KeyError:
        return [SetupStep(f"user {user}", exists=False)]
    return [SetupStep(f"user {user}", exists=True)]


def _make_user(user: str, home: Path) -> None:
    """Make the system user. Raises Refused `system_user_refused`."""
    words = ["useradd", "--system", "--home-dir", str(home), user]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        why = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        why = f"useradd: {error.strerror}"
    if why:
        raise Refused(
            "system_user_refused",
            f"Cannot make the system user {user}: {why.splitlines()[0].rstrip('.')}. Run the command as "
            "root, or make the user yourself.",
        )


def _tell(
    steps: "list[SetupStep]",
    revision: str | None,
    files: list[Path],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        document: dict[str, Any] = {
            "object": "database_setup",
            "dry_run": dry_run,
            "steps": [{"subject": one.subject, "existed": one.exists} for one in steps],
            "revision": revision,
            "files": [str(file) for file in files],
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    made = "would be made" if dry_run else "made"
    for one in steps:
        sys.stdout.write(f"{one.subject}: {'kept' if one.exists else made}\n")
    sys.stdout.write(f"schema: {'would be upgraded' if dry_run else revision}\n")
    for file, use in zip(files, ("settings of the services", "for migrations"), strict=True):
        sys.stdout.write(f"{file}: {f'{use}, would be written' if dry_run else use}\n")
