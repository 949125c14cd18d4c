"""JSON of objects in lists, kept for as long as the same object would be written the same way."""

import threading
from collections.abc import Callable

MOST = 5000
"""Objects that are kept: about 2 kB each."""


class KeptJson:
    """The JSON of objects by their id, each with the values that it was made from.

    It is used only for an object that has the very same values: what is answered is never older than
    the rows that the request has read.
    """

    def __init__(self, most: int = MOST) -> None:
        """Keep up to `most` objects; the one that was written first makes room."""
        self._most = most
        self._kept: dict[int, tuple[tuple[object, ...], bytes]] = {}
        self._lock = threading.Lock()

    def known(self, id_: int, values: tuple[object, ...]) -> bytes | None:
        """Return the JSON of an object with these values, None where there is none."""
        known = self._kept.get(id_)
        return known[1] if known is not None and known[0] == values else None

    def get(self, id_: int, values: tuple[object, ...], write: Callable[[], bytes]) -> bytes:
        """Return the JSON of an object with these values; `write` makes it where there is none."""
        known = self.known(id_, values)
        if known is not None:
            return known
        written = write()
        with self._lock:
            self._kept.pop(id_, None)
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[id_] = values, written
        return written
