"""What DNSSEC says of an answer: a chain of signatures from the root to it, or why there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Security(StrEnum):
    """The four states of RFC 4033 section 5."""

    SECURE = "secure"
    """Signed, up to a trust anchor: also that there is nothing."""
    INSECURE = "insecure"
    """A parent proves that the zone is not signed, or signed by nothing that is known."""
    BOGUS = "bogus"
    """It should be signed and is not, or not validly: validating resolvers reject it."""
    UNKNOWN = "unknown"
    """What is needed to judge could not be had."""


@dataclass(frozen=True, slots=True)
class Validation:
    """The state of one answer."""

    security: Security
    values: tuple[str, ...] = ()
    """Of a secure answer: as `Answer.values`; empty when it is proved that there are none."""
    fault: str = ""
    """Why it is bogus: `expired`, `not_yet_valid`, `unsigned`, `invalid`, `wrong_key`, `ds_mismatch`,
    `no_keys`, `ds_missing` or `denial_missing`."""
    detail: str = ""
    """What was found where, in a few words: which zone and which records."""


class Validator(Protocol):
    """Validates one answer. Every end is a value; nothing is raised. Threads may share it."""

    def validate(self, name: str, rdtype: str) -> Validation:
        """Ask for one record set with its signatures, through its aliases, and judge them.

        Names in zones whose servers the operator gave are insecure: nobody else signs for them.
        """
        ...
