"""`nameplate keys`: manage the keys that encrypt stored secrets. No key is ever printed."""

from typing import Annotated

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.local import Local, Url, local
from nameplate.cli.output import OutputFormat
from nameplate.cli.seed import progress_shown

app = typer.Typer(help="Manage the keys that encrypt stored secrets.", no_args_is_help=True)

Retire = Annotated[
    bool,
    typer.Option(
        "--retire",
        help="Remove keys that no stored secret uses from the key file. Older backups of the "
        "database need them: keep a copy of the key file with each backup.",
    ),
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


@command(app, "rotate")
def rotate(cli: Cli, retire: Retire = False, url: Url = None) -> None:
    """Add a new primary key and re-encrypt the key of every stored secret with it.

    The command can be interrupted and run again: it completes an unfinished rotation without adding
    another key. It cannot add a key to NAMEPLATE_KEYRING: put the new key first there before you run
    it. Restart all other processes after a key is added, so that they can decrypt the secrets.
    """
    from nameplate.usecases.operations import keys as use_case

    here = local()
    ring = here.keyring()
    with here.sessions(url) as sessions:
        unfinished = any(key_id != ring.primary for key_id in use_case.usage(sessions))
        if not unfinished and here.keys_are_ours:
            ring = here.add_key()
            cli.printer.say(f"Added key {ring.primary}.")
        with progress_shown() as progress:
            done = use_case.rotate(sessions, ring, progress)
        left = set(use_case.usage(sessions))
    for stuck in done.stuck:
        cli.printer.say(f"{stuck.column} of row {stuck.row_id}: {stuck.detail} [{stuck.code}]")
    retired = _retire(here, left) if retire and not done.stuck else ()
    _tell(cli, ring.primary, done.wrapped, len(done.stuck), retired)
    if done.stuck:
        raise typer.Exit(1)


def _retire(here: Local, used: set[str]) -> tuple[str, ...]:
    before = here.keyring().key_ids
    if not here.keys_are_ours:
        return ()
    after = here.keep_keys(used).key_ids
    return tuple(key_id for key_id in before if key_id not in after)


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
