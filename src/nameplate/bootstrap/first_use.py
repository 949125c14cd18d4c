"""Adapters that are imported and connected when something first uses them."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar, cast

T = TypeVar("T")


def on_first_use(connect: Callable[[], T]) -> T:
    """Return what stands for an adapter, or a function, that `connect` makes once, when it is used.

    Most processes use few of them, and each brings modules: a command that lists domains asks no
    name server. `connect` raises nothing: what is wrong with settings is said before.
    """
    return cast("T", _OnFirstUse(connect))


class _OnFirstUse:
    __slots__ = ("_connect", "_lock", "_made")

    def __init__(self, connect: Callable[[], object]) -> None:
        self._connect, self._lock = connect, Lock()
        self._made: object = None

    @property  # type: ignore[misc]  # read only, that of what it stands for
    def __class__(self) -> type:
        """The class that `isinstance` goes by: from Python 3.12 on it asks no `__getattr__`."""
        return type(self._used())

    def __getattr__(self, name: str) -> object:
        return getattr(self._used(), name)

    def __call__(self, *given: object, **named: object) -> object:
        return cast("Callable[..., object]", self._used())(*given, **named)

    def _used(self) -> object:
        with self._lock:
            if self._made is None:
                self._made = self._connect()
        return self._made
