"""Rendered fragments, kept for as long as they are used and there is room."""

import threading
from collections import OrderedDict
from collections.abc import Hashable


class Fragments:
    """Content by everything that it was made of; what was not used for longest goes first."""

    def __init__(self, octets: int) -> None:
        """Take how much content may be kept."""
        self._room = octets
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        """Return what was made of the key, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, content: bytes) -> None:
        """Keep the content, at the expense of what was not used for longest."""
        with self._lock:
            self._room -= len(content) - len(self._kept.pop(key, b""))
            self._kept[key] = content
            while self._room < 0:
                _, gone = self._kept.popitem(last=False)
                self._room += len(gone)
