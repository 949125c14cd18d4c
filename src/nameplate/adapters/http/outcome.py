"""Ending a fetch from within."""

from nameplate.ports.fetcher import HttpOutcome


class Stopped(Exception):
    """Ends a fetch from within; never leaves this package."""

    def __init__(self, outcome: HttpOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
