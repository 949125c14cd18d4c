"""Waiting for a state, and showing progress meanwhile."""

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from nameplate.cli.command import PENDING, Cli
from nameplate.cli.output import coloured, printable

POLL_SECONDS = 1.0
INTERRUPTED = 130

Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until it is done. Exit code 6 when the timeout is reached."),
]
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Maximum time to wait.")]

_MARKS = {True: "done", False: "waiting", None: "unknown"}


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """One line of the checklist."""

    name: str
    done: bool | None
    message: str


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stand: the object, its steps, and whether waiting can end."""

    item: dict[str, Any]
    steps: Sequence[WaitingStep]
    done: bool
    failed: str = ""
    """Why waiting longer is no use."""


def until(
    cli: Cli, look: Callable[[], Seen], *, timeout: float, resume: Sequence[str]
) -> dict[str, Any]:
    """Return the object once it is done; `resume` is the command that waits again.

    Ends the command with 6 when `timeout` seconds have passed, with 1 when waiting is no use.
    """
    started = time.monotonic()
    checklist = _Checklist(cli, started)
    again = shlex.join(resume)
    try:
        while True:
            seen = look()
            checklist.show(seen.steps)
            if seen.done:
                return seen.item
            if seen.failed:
                cli.fail(1, "wait_failed", seen.failed, object=seen.item)
            left = started + timeout - time.monotonic()
            if left <= 0:
                detail = f"Not done after {timeout:g} s. To continue waiting, run `{again}`."
                cli.fail(PENDING, "wait_timeout", detail, object=seen.item)
            _pass(cli, min(POLL_SECONDS, left))
    except KeyboardInterrupt:
        cli.printer.say(
            f"\nStopped waiting. The work continues. To continue waiting, run `{again}`."
        )
        raise typer.Exit(INTERRUPTED) from None
    finally:
        checklist.close()


def _pass(cli: Cli, seconds: float) -> None:
    """Let time pass; where no server works in the background, do its work meanwhile."""
    started = time.monotonic()
    drive = cli.api.connection.drive
    if drive is not None:
        drive(seconds)
    time.sleep(max(0.0, min(0.1 if drive else seconds, started + seconds - time.monotonic())))


class _Checklist:
    """A live list on a terminal, and a line for each news elsewhere; always on stderr."""

    def __init__(self, cli: Cli, started: float) -> None:
        self._cli = cli
        self._started = started
        self._shown: dict[str, WaitingStep] = {}
        self._live = sys.stderr.isatty() and coloured()
        self._lines = 0

    def show(self, steps: Sequence[WaitingStep]) -> None:
        elapsed = time.monotonic() - self._started
        if self._live:
            text = [self._line(step) for step in steps] + [f"  {elapsed:.0f} s"]
            up = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
            sys.stderr.write(up + "\n".join(text) + "\n")
            sys.stderr.flush()
            self._lines = len(text)
            return
        for step in steps:
            if self._shown.get(step.name) != step:
                self._cli.printer.say(f"{elapsed:6.1f} s {self._line(step)}")
            self._shown[step.name] = step

    @staticmethod
    def _line(step: WaitingStep) -> str:
        message = printable(step.message).replace("\n", " ")[:160]
        return f"  [{'x' if step.done else ' '}] {step.name}: {_MARKS[step.done]}. {message}"

    def close(self) -> None:
        self._lines = 0
