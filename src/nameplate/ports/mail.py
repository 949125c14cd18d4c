"""Sending mail through the operator's mail server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class DeliveryOutcome(StrEnum):
    """What the mail server did with a message. It may still bounce later."""

    ACCEPTED = "accepted"
    """It took the message for one recipient at least."""
    REFUSED = "refused"
    """It refused for good (5xx): sending the same again is no use."""
    FAILED = "failed"
    """It has certainly not taken the message, but may do so later."""
    UNKNOWN = "unknown"
    """The connection ended when the message was out and no answer in: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. No part may hold a line break, except for the text."""

    recipients: Sequence[str]
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How sending ended; nothing that the server wrote is repeated."""

    outcome: DeliveryOutcome
    reason: str = ""
    """Why it was not accepted, in a few words of ours."""
    refused: tuple[tuple[str, int], ...] = field(default=())
    """Each recipient that was refused, with the server's status code."""


class Mailer(Protocol):
    """Sends one message. May be called from several threads; every end is a value."""

    def send(self, letter: Letter) -> Delivery:
        """Send it to all recipients at once, within a bounded time."""
        ...
