"""`nameplate demo` from the first line to the last: start, tour, keep, clean up, tell."""

import json
import logging
import os
import shlex
import shutil
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nameplate import logs
from nameplate.cli import failures
from nameplate.core.errors import NameplateError
from nameplate.demo import caddy
from nameplate.demo.interrupts import Interrupted, Interrupts
from nameplate.demo.loopback import listener
from nameplate.demo.progress import Progress
from nameplate.demo.steps import Way, way

if TYPE_CHECKING:
    from nameplate.demo.advice import DemoPage
    from nameplate.demo.sandbox import Sandbox

KEPT_PORT = 8080
INTERRUPTED = "interrupted"
_LOOK_EVERY = 1.0


@dataclass
class _Outcome:
    """What there is to tell at the end."""

    visit: dict[str, Any] | None = None
    page: "DemoPage | None" = None
    """Of a demo that is kept running."""
    error: dict[str, str] | None = None
    exit_code: int = 0
    trace: str = ""
    """Of an error that nobody expected."""
    logs: Path | None = None
    """Where they were kept after a failure."""
    is_told: bool = False

    def fail(self, error: Exception) -> None:
        """Take what went wrong; an unexpected error shows its kind, and its trace in the logs."""
        if isinstance(error, NameplateError):
            self.error = {"code": error.code, "detail": error.detail}
            self.exit_code = failures.exit_code(error)
        else:
            self.error = {"code": "internal_error", "detail": f"{type(error).__name__}: {error}"}
            self.exit_code = 1
            self.trace = "".join(traceback.format_exception(error))


def run(*, keep: bool, as_json: bool, port: int | None, buy: bool = False) -> int:
    """Show the whole way and return the exit code: 0 done, 5 port in use, 1 another failure.

    128 + n when signal n ended it early. Nothing is left behind but, after a failure, the logs.
    """
    path = way(buy=buy)
    progress = Progress(path.steps())
    outcome = _Outcome()
    with Interrupts() as interrupts:
        stack = ExitStack()
        try:
            caddy.executable()
            listening = stack.enter_context(listener(_port(port, keep=keep)))
            world, account = _go(path, progress, outcome, stack, interrupts, listening)
            if keep:
                _keep(world, account, progress, outcome, as_json=as_json)
        except Interrupted as ended:
            if outcome.is_told:
                sys.stderr.write("\nStopping the demo and removing everything that it created.\n")
            else:
                outcome.error = {
                    "code": INTERRUPTED,
                    "detail": f"Interrupted by {ended}. Everything was removed.",
                }
                outcome.exit_code = ended.exit_code
        except Exception as error:  # noqa: BLE001 - whatever it is, everything is cleaned up and told
            outcome.fail(error)
        finally:
            interrupts.ignore()
            stack.close()
    _tell(progress, outcome, (), as_json=as_json)
    return outcome.exit_code


def _port(port: int | None, *, keep: bool) -> int:
    return port if port is not None else KEPT_PORT if keep else 0


def _go(  # noqa: PLR0917 - what a run is made of
    path: Way,
    progress: Progress,
    outcome: _Outcome,
    stack: ExitStack,
    interrupts: Interrupts,
    listening: socket.socket,
) -> tuple["Sandbox", str]:
    """Start the sandbox and go the whole way; return it and the id of its DNS account."""
    with interrupts.held():
        home = Path(tempfile.mkdtemp(prefix="nameplate-demo-"))
        stack.callback(_leave, home, outcome)
    with progress:
        with progress.step("start"):
            from nameplate.demo import buying, sandbox, tour  # noqa: PLC0415 - a second or more: shown first

            _log_to(home / "logs", stack)
            world = sandbox.Sandbox(path, home, listening, stack, interrupts)
            world.start(progress.say)
        kind = buying.BuyingTour if path.buys else tour.Tour
        taken = kind(world, progress)
        outcome.visit = taken.run()
    return world, taken.account


def _log_to(folder: Path, stack: ExitStack) -> None:
    """Send everything that this process logs to a file: the terminal shows the steps."""
    folder.mkdir()
    file = stack.enter_context((folder / "nameplate.log").open("w"))
    logging.basicConfig(stream=file, level=logging.INFO, force=True)
    logging.captureWarnings(capture=True)
    logs.to(file)


def _leave(home: Path, outcome: _Outcome) -> None:
    """Remove the demo's folder; after a failure that was no signal, keep the logs elsewhere."""
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)
    if outcome.error is not None and outcome.error["code"] != INTERRUPTED:
        outcome.logs = Path(tempfile.mkdtemp(prefix="nameplate-demo-logs-"))
        for log in (home / "logs").glob("*.log"):
            shutil.copy(log, outcome.logs)
        if outcome.trace:
            (outcome.logs / "demo.log").write_text(outcome.trace)
    shutil.rmtree(home, ignore_errors=True)


def _keep(
    world: "Sandbox", account: str, progress: Progress, outcome: _Outcome, *, as_json: bool
) -> None:
    """Tell what can be tried, and wait for the signal that ends it, as long as everything runs."""
    from nameplate.demo import advice  # noqa: PLC0415 - loads all of Nameplate

    outcome.page = advice.page(world)
    _tell(progress, outcome, advice.commands(world, account), as_json=as_json)
    while True:
        world.check()
        time.sleep(_LOOK_EVERY)


def _tell(progress: Progress, outcome: _Outcome, advised: Sequence[str], *, as_json: bool) -> None:
    """Print the data on stdout, once, and on stderr what failed."""
    step = progress.running.name if progress.running else None
    if not outcome.is_told:
        if as_json:
            document = _document(progress, outcome, step, advised)
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        elif outcome.error is None and outcome.visit is not None:
            sys.stdout.write(_summary(progress, outcome, outcome.visit, advised))
        sys.stdout.flush()
        outcome.is_told = True
    if outcome.error is not None:
        where = f" in step `{step}`" if step else ""
        detail, code = outcome.error["detail"], outcome.error["code"]
        sys.stderr.write(f"nameplate: the demo failed{where}: {detail} [{code}]\n")
        if outcome.logs is not None:
            sys.stderr.write(f"logs: {outcome.logs}\n")


def _document(
    progress: Progress, outcome: _Outcome, step: str | None, advised: Sequence[str]
) -> dict[str, Any]:
    """Return the one document of `--json`."""
    document: dict[str, Any] = {
        "object": "demo",
        "ok": outcome.error is None,
        "seconds": round(progress.seconds, 2),
        "steps": [step.as_json() for step in progress.steps],
        "visit": outcome.visit,
    }
    if outcome.error is not None:
        document["error"] = {**outcome.error, "step": step}
        document["logs"] = str(outcome.logs) if outcome.logs else None
    if outcome.page is not None:
        document["page"] = outcome.page.as_json()
    if advised:
        document["try"] = list(advised)
    return document


def _summary(
    progress: Progress, outcome: _Outcome, visit: dict[str, Any], advised: Sequence[str]
) -> str:
    """Return what a person reads at the end."""
    after = f"{progress.seconds:.1f} s after the start"
    lines = [
        f"{visit['url']} answered {visit['status']} over {visit['tls']}, {after}:",
        f"  {visit['body'].strip()}",
        f"  certificate serial {visit['serial_number']}, verified against the sandbox root",
    ]
    if outcome.page is not None:
        lines += ["", *outcome.page.lines()]
    if advised:
        lines += ["", "Everything keeps running until Ctrl-C. Try in another terminal:", ""]
        lines += [f"  {command}" for command in advised]
    else:
        program = shlex.quote(os.path.relpath(sys.argv[0]))
        lines += ["", "Everything was removed. To set up a domain yourself, keep the demo running:"]
        lines += ["", f"  {program} demo --keep"]
    return "\n".join([*lines, ""])
