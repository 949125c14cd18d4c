"""Waiting for a state, and showing progress meanwhile."""

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from nameplate.cli.checklist import Checklist, WaitingStep
from nameplate.cli.client import ApiError
from nameplate.cli.command import PENDING, Cli
from nameplate.core.errors import NameplateError, Unavailable

POLL_SECONDS = 1.0
INTERRUPTED = 130

Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until it is done. Exit code 6 when the timeout is reached."),
]
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Maximum time to wait.")]

_PASSING = frozenset({429, 502, 503, 504})
"""Statuses of an API that is restarted, or of a proxy in front of one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stand: the object, its steps, and whether waiting can end."""

    item: dict[str, Any]
    steps: Sequence[WaitingStep]
    done: bool
    failed: str = ""
    """Why waiting longer is no use."""


@dataclass(slots=True)
class _Watch:
    """Looks again and again, also while the API does not answer for a time."""

    cli: Cli
    look: Callable[[], Seen]
    last: Seen | None = None
    silence: str = field(default="")
    """Why the last look had no answer."""

    def again(self) -> Seen | None:
        """Look once; None without an answer. Raises what does not pass by itself."""
        try:
            self.last = self.look()
        except NameplateError as error:
            if not (self.cli.api.has_answered and passes(error)):
                raise
            self.silence = error.detail
            return None
        self.silence = ""
        return self.last

    @property
    def item(self) -> dict[str, Any] | None:
        """The object as it was seen last."""
        return None if self.last is None else self.last.item


def until(
    cli: Cli, look: Callable[[], Seen], *, timeout: float, resume: Sequence[str]
) -> dict[str, Any]:
    """Return the object once it is done; `resume` is the command that waits again.

    An API that has answered before may be away for a time. Ends the command with 6 when `timeout`
    seconds have passed, with 1 when waiting is no use.
    """
    started = time.monotonic()
    checklist = Checklist(cli.printer, timeout)
    again = shlex.join(resume)
    watch = _Watch(cli, look)
    try:
        while True:
            seen = watch.again()
            steps = watch.last.steps if watch.last else ()
            checklist.show(steps, time.monotonic() - started, watch.silence)
            if seen is not None and seen.done:
                return seen.item
            if seen is not None and seen.failed:
                cli.fail(1, "wait_failed", seen.failed, object=seen.item)
            left = started + timeout - time.monotonic()
            if left <= 0:
                detail = f"Not done after {timeout:g} s. To continue waiting, run `{again}`."
                cli.fail(PENDING, "wait_timeout", detail, object=watch.item)
            let_pass(cli, min(POLL_SECONDS, left))
    except KeyboardInterrupt:
        cli.printer.say(
            f"\nStopped waiting. The work continues. To continue waiting, run `{again}`."
        )
        raise typer.Exit(INTERRUPTED) from None


def of_conditions(domain: dict[str, Any]) -> list[WaitingStep]:
    """Return the steps of a domain: its conditions, with evidence and what to do."""
    return [
        WaitingStep(
            one["type"],
            one["status"],
            one["message"],
            observed=tuple(one["observed"]),
            expected=tuple(one["expected"]),
            fix=one["fix"],
            turn=one["turn"] or "",
            next_check_at=one["next_check_at"],
        )
        for one in domain.get("conditions") or ()
    ]


def passes(error: NameplateError) -> bool:
    """Tell whether a failure may be gone at the next look."""
    return (
        error.status in _PASSING if isinstance(error, ApiError) else isinstance(error, Unavailable)
    )


def let_pass(cli: Cli, seconds: float) -> None:
    """Let time pass; where no server works in the background, do its work meanwhile."""
    started = time.monotonic()
    drive = cli.api.connection.drive
    if drive is not None:
        drive(seconds)
    time.sleep(max(0.0, min(0.1 if drive else seconds, started + seconds - time.monotonic())))
