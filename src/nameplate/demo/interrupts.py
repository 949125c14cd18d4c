"""SIGINT, SIGTERM and SIGHUP as one exception that never arrives at a bad moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128
"""A shell reports the death by signal n as 128 + n (POSIX, Shell Command Language 2.8.2)."""


class Interrupted(BaseException):
    """Somebody wants the program to end; no `except Exception` may swallow that."""

    def __init__(self, number: int) -> None:

        super().__init__(signal.Signals(number).name)
        self.exit_code = _SHELL_OFFSET + number


class Interrupts:
    """Raises `Interrupted` in the main thread at the first signal while the context lasts.

    Whoever wants the end more than once has to wait for the cleaning up.
    """

    def __init__(self) -> None:

        self._holds = 0
        self._ignoring = False
        self._pending: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take over the signals."""
        self._before = {number: signal.signal(number, self._arrived) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a signal back until the block is over: what starts here gets registered, too."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        if self._pending is not None and not self._holds:
            self._raise(self._pending)

    def ignore(self) -> None:
        """Raise nothing from now on: the end has begun."""
        self._ignoring = True

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if self._ignoring:
            return
        if self._holds:
            self._pending = number
            return
        self._raise(number)

    def _raise(self, number: int) -> None:
        self._ignoring = True
        raise Interrupted(number)
