"""Requests that a provider counts by account: all processes together stay within its limits."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol, runtime_checkable

from nameplate.core.budget import Limit

TakeTurn = Callable[[str, Sequence[Limit]], timedelta]
"""Takes a key and limits: spends one request of each and returns zero, or spends nothing and returns
how long until there is room. Must not be called inside a transaction."""


@runtime_checkable
class Paced(Protocol):
    """An adapter whose requests are counted over all processes, if it is told how."""

    def pace_by(self, take: TakeTurn) -> None:
        """Take a turn before each request from now on.

        When there is no room soon, nothing is sent: the request raises `RateLimited` with the time
        until there is, or longer where work takes several requests.
        """
        ...
