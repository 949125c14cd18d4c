"""The checklist of a command that waits: a live list on a terminal, a line for each news elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nameplate.cli import terminal
from nameplate.cli.output import Printer, coloured, printable

_MARKS = {True: "done", False: "waiting", None: "unknown"}
_SIGNS = {True: "x", False: " ", None: "?"}
UNBOUNDED = 10_000
"""Columns of a file."""
_SHOWN = 3
"""Values of one kind of evidence."""
_TURNS = {
    "you": "yours",
    "operator": "the operator's",
    "provider": "the DNS provider's",
    "authority": "the certificate authority's",
    "nameplate": "Nameplate's",
}


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """One step of the checklist."""

    name: str
    done: bool | None
    message: str
    observed: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    fix: str = ""
    turn: str = ""
    """Who has to act next, as the API says it; empty when nobody has to."""
    next_check_at: str | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """The step in one line, however long."""
        return f"[{_SIGNS[self.done]}] {self.name}: {_MARKS[self.done]}. {self.message}"


class Checklist:
    """Shows how far the steps are; always on stderr."""

    def __init__(self, printer: Printer, timeout: float) -> None:
        """Show with `printer`, which knows the time; waiting ends after `timeout` seconds."""
        self._printer = printer
        self._timeout = timeout
        self._shown: dict[str, WaitingStep] = {}
        self._silence = ""
        self._live = sys.stderr.isatty() and coloured() and not printer.is_quiet
        self._lines = 0

    def show(self, steps: Sequence[WaitingStep], elapsed: float, silence: str = "") -> None:
        """Show the steps after `elapsed` seconds; `silence` says why the API does not answer."""
        if self._live:
            self._redraw(steps, elapsed, silence)
        else:
            self._append(steps, elapsed, silence)

    def _redraw(self, steps: Sequence[WaitingStep], elapsed: float, silence: str) -> None:
        columns, height = terminal.size(sys.stderr)
        room = height - 2
        text = list(lines(steps, columns - 1, self._printer.upcoming))
        if len(text) > room:
            text = [line for step in steps for line in _title(step, columns - 1)][:room]
        text.append(f"  waiting {elapsed:.0f} s of {self._timeout:g} s")
        if silence:
            text[-1:] = self._said(f"waiting {elapsed:.0f} s: {_away(silence)}", columns - 1)
        up = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        sys.stderr.write(up + "\n".join(text) + "\n")
        sys.stderr.flush()
        self._lines = len(text)

    def _append(self, steps: Sequence[WaitingStep], elapsed: float, silence: str) -> None:
        if silence and silence != self._silence:
            self._printer.say(f"{elapsed:6.1f} s {_away(silence)}")
        self._silence = silence
        columns = terminal.width(sys.stderr) or UNBOUNDED
        for step in steps:
            if self._shown.get(step.name) != step:
                first, *rest = lines([step], columns - 8)
                self._printer.say(
                    "\n".join([f"{elapsed:6.1f} s{first}", *(f"        {x}" for x in rest)])
                )
            self._shown[step.name] = step

    @staticmethod
    def _said(text: str, columns: int) -> Sequence[str]:
        return terminal.wrapped(printable(text), columns, first="  ", rest="    ")


def lines(
    steps: Sequence[WaitingStep], columns: int, moment: Callable[[str], str] | None = None
) -> Iterator[str]:
    """Yield the steps as lines of at most `columns`; with `moment` also when each is looked at again."""
    for step in steps:
        yield from _title(step, columns)
        if step.fix or not step.done:
            yield from _details(step, columns, moment)


def _title(step: WaitingStep, columns: int) -> Sequence[str]:
    text = printable(step.title).replace("\n", " ")
    return terminal.wrapped(text, columns, first="  ", rest="      ")


def _details(step: WaitingStep, columns: int, moment: Callable[[str], str] | None) -> Iterator[str]:
    """Yield what was seen, what would do, what to do, and whose turn it is."""
    told = [
        *(("observed", text) for text in _some(step.observed)),
        *(("expected", text) for text in _some(step.expected)),
        *([("fix", step.fix)] if step.fix else []),
        *([("turn", _TURNS.get(step.turn, step.turn))] if step.turn else []),
    ]
    if moment is not None and step.next_check_at and told:
        told.append(("next check", moment(step.next_check_at)))
    for label, text in told:
        first = f"    {label + ':':<12}"
        plain = printable(text).replace("\n", " ")
        yield from terminal.wrapped(plain, columns, first=first, rest=" " * len(first))


def _some(values: Sequence[str]) -> Sequence[str]:
    more = len(values) - _SHOWN
    return values if more <= 0 else [*values[:_SHOWN], f"and {more} more"]


def _away(silence: str) -> str:
    return f"The API does not answer. Trying again. {silence}"
