"""`nameplate keys`: manage the keys that encrypt stored secrets. No key is ever printed."""

from typing import TYPE_CHECKING, Annotated

import typer

from nameplate.cli.command import Cli, NonInteractive, Yes, command
from nameplate.cli.local import Local, Url, local
from nameplate.cli.output import OutputFormat
from nameplate.cli.seed import progress_shown
from nameplate.core.encryption import KeyRing

if TYPE_CHECKING:
    from nameplate.db import Sessions
    from nameplate.usecases.operations.keys import Rotation

app = typer.Typer(help="Manage the keys that encrypt stored secrets.", no_args_is_help=True)

Retire = Annotated[
    bool,
    typer.Option(
        "--retire",
        help="Remove keys that no stored secret uses from the key file. Older backups of the "
        "database need them: keep a copy of the key file with each backup.",
    ),
]

Wait = Annotated[
    float,
    typer.Option(help="Seconds to wait until every running process has the new key."),
]


@app.callback()
def keys() -> None:
    """Manage the keys that encrypt stored secrets."""


@command(app, "show")
def show(cli: Cli, url: Url = None) -> None:
    """List the key ids and how many stored values each key encrypts."""
    from nameplate.usecases.operations import keys as use_case

    here = local()
    ring = here.keyring()
    with here.sessions(url) as sessions:
        used = use_case.usage(sessions)
    missing = sorted(used.keys() - set(ring.key_ids))
    cli.printer.many(
        [
            {"id": key_id, "role": _role(key_id, ring.primary, missing), "values": used[key_id]}
            for key_id in (*ring.key_ids, *missing)
        ],
        ["id", "role", "values"],
    )


@command(app, "init")
def init(cli: Cli) -> None:
    """Make the key file of a new installation, with one key.

    It is `keyring` in NAMEPLATE_HOME, or the file in NAMEPLATE_KEYRING_FILE. Keep a copy of it apart
    from the backups of the database: without it no stored secret can be read.
    """
    ring = local().first_key()
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"primary": ring.primary})
    else:
        cli.printer.line(f"Made key {ring.primary} in {local().ring_source}.")


@command(app, "rotate")
def rotate(cli: Cli, retire: Retire = False, wait: Wait = 60.0, url: Url = None) -> None:
    """Add a new primary key and re-encrypt the key of every stored secret with it.

    The command can be interrupted and run again: it completes an unfinished rotation without adding
    another key. Running processes read the key file again by themselves; the command waits until
    each of them has the new key. It cannot add a key to NAMEPLATE_KEYRING: put the new key first
    there and restart all processes before you run it.
    """
    from nameplate.usecases.operations import rings

    here = local()
    ring = here.keyring()
    with here.sessions(url) as sessions:
        rings.check(sessions, ring, here.ring_source)
        unfinished = rings.is_rotating(sessions, ring)
        if not unfinished and here.keys_are_ours:
            ring = here.add_key()
            rings.check(sessions, ring, here.ring_source)
            cli.printer.say(f"Added key {ring.primary}.")
        done, retired = _rotated(here, sessions, ring, wait, retire=retire)
    for stuck in done.stuck:
        cli.printer.say(f"{stuck.column} of row {stuck.row_id}: {stuck.detail} [{stuck.code}]")
    _tell(cli, ring.primary, done.wrapped, len(done.stuck), retired)
    if retired and not here.keys_are_ours:
        cli.printer.say(f"Now remove {', '.join(retired)} from NAMEPLATE_KEYRING.")
    if done.stuck:
        raise typer.Exit(1)


def _rotated(
    here: Local, sessions: "Sessions", ring: KeyRing, wait: float, *, retire: bool
) -> "tuple[Rotation, tuple[str, ...]]":
    """Wrap every value again, and retire the keys that seal nothing any more."""
    from nameplate.usecases.operations import keys as use_case
    from nameplate.usecases.operations import processes, rings

    old = [key_id for key_id in ring.key_ids if key_id != ring.primary]
    processes.wait_for_key(sessions, ring.primary, wait)
    with progress_shown() as progress:
        done = use_case.rotate(sessions, ring, progress)
        wrapped = done.wrapped
        while retire and not done.stuck:
            retired = rings.retire(sessions, old)
            if retired == frozenset(old):
                break
            # Somebody stored a value under an old key meanwhile, and nobody can any more.
            done = use_case.rotate(sessions, ring, progress)
            wrapped += done.wrapped
    total = use_case.Rotation(wrapped, done.stuck)
    if not retire or done.stuck:
        return total, ()
    if here.keys_are_ours:
        here.drop_keys(old)
    return total, tuple(old)


@command(app, "forget")
def forget(
    cli: Cli,
    key: Annotated[str, typer.Argument(help="Id of the lost key.")],
    *,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
    url: Url = None,
) -> None:
    """Give up a lost key: Nameplate starts without it then. Asks for confirmation.

    What it encrypted stays unreadable: store those secrets again.
    """
    from nameplate.usecases.operations import rings

    cli.confirm(
        f"Give up key {key} and what it encrypted", yes=yes, non_interactive=non_interactive
    )
    with local().sessions(url) as sessions:
        lost = rings.forget(sessions, key)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"id": key, "unreadable": lost})
    else:
        cli.printer.line(f"Gave up {key}. {lost} stored values cannot be read: store them again.")


def _tell(cli: Cli, primary: str, wrapped: int, stuck: int, retired: tuple[str, ...]) -> None:
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(
            {"primary": primary, "wrapped": wrapped, "stuck": stuck, "retired": list(retired)}
        )
        return
    cli.printer.line(f"{wrapped} values are now encrypted with {primary}; {stuck} failed.")
    if retired:
        cli.printer.line(f"Removed {', '.join(retired)}.")


def _role(key_id: str, primary: str, missing: list[str]) -> str:
    if key_id == primary:
        return "primary"
    return "missing" if key_id in missing else "old"
