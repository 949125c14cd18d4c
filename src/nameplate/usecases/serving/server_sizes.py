"""How large servers are, as far as this process knows: to read as many together as memory allows."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

UNKNOWN = 100
"""Routes of a server that this process has not read yet."""
TOGETHER = 2000
"""Routes that are read together, as far as is known."""


class SizedServer(Protocol):
    """A server, by its id."""

    @property
    def id(self) -> int:
        """Its id."""
        ...


T = TypeVar("T", bound=SizedServer)


class ServerSizes:
    """The number of routes that each server had when it was read last."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[int, int] = {}

    def note(self, server_id: int, routes: int) -> None:
        """Note how many routes a server has."""
        self._known[server_id] = routes

    def of(self, server_id: int) -> int:
        """Return how many it has, one at least."""
        return max(self._known.get(server_id, UNKNOWN), 1)

    def portions(self, rows: Sequence[T]) -> Iterator[list[T]]:
        """Divide servers into some to be read together; one that is very large goes alone."""
        some: list[T] = []
        size = 0
        for row in rows:
            if some and size + self.of(row.id) > TOGETHER:
                yield some
                some, size = [], 0
            some.append(row)
            size += self.of(row.id)
        if some:
            yield some


SIZES = ServerSizes()
"""Of all servers that this process reads."""
