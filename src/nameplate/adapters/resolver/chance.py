"""Octets that nobody can guess, for ids and letter case: drawn from the system many at a time."""

import os

_AT_ONCE = 4096


class Chance:
    """A supply of the system's random octets, each handed out once. Not for several threads."""

    __slots__ = ("_at", "_octets")

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._octets = b""
        self._at = 0

    def octets(self, number: int) -> bytes:
        """Return so many of them."""
        at = self._at
        if at + number > len(self._octets):
            self._octets = os.urandom(max(_AT_ONCE, number))
            at = 0
        self._at = at + number
        return self._octets[at : self._at]
