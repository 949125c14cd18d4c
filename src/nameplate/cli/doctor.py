"""`nameplate doctor`: what an installation lacks, and what a process says at its start."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import typer

from nameplate.cli import profiles
from nameplate.cli.command import AsJson
from nameplate.cli.failures import reported
from nameplate.cli.local import LocalFinding, local

app = typer.Typer(help="Check this installation and say what is missing.")


@app.callback(invoke_without_command=True)
def doctor(*, as_json: AsJson = False) -> None:
    """Check the database, the key ring, the resolver, workers, and what every installation needs.

    Exit code 0 when nothing is missing, 1 otherwise. Works on the machine of the server.
    """
    with reported(as_json=as_json):
        if profiles.remote(os.environ) is not None:
            typer.echo(
                "`doctor` checks this machine, not the server of NAMEPLATE_API_URL.", err=True
            )
        here = local()
        facts, found = here.facts(), here.findings(over_network=True)
    if as_json:
        _print_json(facts, found)
    else:
        for one in found:
            sys.stdout.write(f"[{'x' if one.ok else ' '}] {one.subject}: {one.message}\n")
            if one.fix:
                sys.stdout.write(f"    fix: {one.fix}\n")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


def announce(
    stream: TextIO, title: str, facts: Mapping[str, str], found: Sequence[LocalFinding]
) -> None:
    """Say what a process does, where things are, and what is missing.

    For people on a terminal; elsewhere as one line of JSON, as logs are.
    """
    missing = [one for one in found if not one.ok]
    if not stream.isatty():
        line: dict[str, Any] = {"event": "started", "level": "info", "what": title, **facts}
        line["missing"] = [f"{one.message} {one.fix}".strip() for one in missing]
        stream.write(json.dumps(line) + "\n")
        stream.flush()
        return
    stream.write(f"{title}\n")
    stream.writelines(f"  {name:<10}{text}\n" for name, text in facts.items())
    stream.writelines(f"  missing   {one.message} {one.fix}\n" for one in missing)
    stream.flush()


def _print_json(facts: Mapping[str, str], found: Sequence[LocalFinding]) -> None:
    findings = [
        {"subject": one.subject, "ok": one.ok, "message": one.message, "fix": one.fix}
        for one in found
    ]
    ok = all(one.ok for one in found)
    document = {"object": "checkup", "ok": ok, "facts": dict(facts), "findings": findings}
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
