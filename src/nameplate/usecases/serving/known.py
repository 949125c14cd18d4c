"""What was made of rows, used again for as long as the rows say the same."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

_MAX_KNOWN = 200_000

T = TypeVar("T")


class Known(Generic[T]):
    """Values by what they are of. Each is made anew when what it was made of is not the same."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._known: dict[Hashable, tuple[tuple[Any, ...], T]] = {}

    def of(self, key: Hashable, said: tuple[Any, ...], make: Callable[[tuple[Any, ...]], T]) -> T:
        """Return what `make` makes of `said`, or has made of the same before."""
        found = self._known.get(key)
        if found is not None and found[0] == said:
            return found[1]
        made = make(said)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[key] = said, made
        return made
