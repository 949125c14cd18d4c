"""Showing the steps as they happen: a live checklist on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nameplate.cli.output import printable

_MAX_LENGTH = 300


@dataclass
class Step:
    """One step of the way and what was seen of it."""

    name: str
    title: str
    state: str = "waiting"
    """waiting, running, done or failed."""
    seconds: float | None = None
    evidence: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the step for the one document."""
        return {
            "name": self.name,
            "title": self.title,
            "status": self.state,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "evidence": self.evidence,
        }


class Progress:
    """All steps in their order, shown on stderr: stdout is for data."""

    def __init__(self, steps: list[Step]) -> None:
        """Start the clock."""
        self.steps = steps
        self._started = time.monotonic()
        self._step_started = self._started
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        console = self._console
        if console.is_terminal and not console.is_dumb_terminal and sys.stderr.isatty():
            self._live = Live(
                get_renderable=self._pending, console=self._console, refresh_per_second=8
            )

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what happened on the screen."""
        if self._live is not None:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def running(self) -> Step | None:
        """The step under way, or the one that failed."""
        return next((step for step in self.steps if step.state in {"running", "failed"}), None)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Run one step: it is done when the block ends, failed when that raises."""
        step = next(step for step in self.steps if step.name == name)
        self._step_started = time.monotonic()
        step.state = "running"
        if self._live is None:
            self._print(f"{self.seconds:5.1f} s  {step.name}: {step.title}")
        try:
            yield step
        except BaseException:
            self._end(step, "failed")
            raise
        self._end(step, "done")

    def say(self, line: str) -> None:
        """Add a line of evidence to the step under way."""
        text = printable(line)[:_MAX_LENGTH]
        step = self.running
        if step is None:
            return
        step.evidence.append(text)
        if self._live is None:
            self._print(f"         {text}")

    def _end(self, step: Step, state: str) -> None:
        step.state = state
        step.seconds = time.monotonic() - self._step_started
        if self._live is not None:
            with self._console:  # both in one write, so that nothing is seen twice or not at all
                self._live.refresh()
                self._console.print(self._finished(step))

    def _print(self, text: str) -> None:
        self._console.print(escape(text), soft_wrap=True)

    @staticmethod
    def _finished(step: Step) -> Group:
        good = step.state == "done"
        head = Text.assemble(
            (" ✓ " if good else " ✗ ", "bold green" if good else "bold red"),
            (f"{step.name:<8}", "bold"), f"{step.title}  ", (f"{step.seconds:.1f} s", "dim"),
        )  # fmt: skip
        return Group(head, *map(_evidence, step.evidence))

    def _pending(self) -> Group:
        lines: list[RenderableType] = []
        for step in self.steps:
            if step.state == "running":
                spent = time.monotonic() - self._step_started
                head = Text(f" … {step.name:<8}{step.title}  {spent:.0f} s", style="bold yellow")
                lines += [head, *map(_evidence, step.evidence)]
            elif step.state == "waiting":
                lines.append(Text(f"   {step.name:<8}{step.title}", style="dim"))
        if lines:
            lines.append(Text(f"   {self.seconds:.0f} s", style="dim"))
        return Group(*lines)


def _evidence(line: str) -> Padding:
    return Padding(Text(line, style="dim", overflow="fold"), (0, 0, 0, 5), expand=False)
