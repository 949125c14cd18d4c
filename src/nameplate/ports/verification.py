"""Proof that somebody controls a name."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the owner must publish, known as soon as the claim exists and never changed after."""

    record_name: str | None = None
    record_type: str | None = None
    record_value: str | None = None
    file_url: str | None = None
    file_path: str | None = None
    file_content: str | None = None


class Verdict(StrEnum):
    """What one look gave."""

    MATCH = "match"
    MISMATCH = "mismatch"
    """Something else is published there."""
    ABSENT = "absent"
    """Nothing is published there."""
    INCONCLUSIVE = "inconclusive"
    """Servers disagreed, failed or timed out: neither proves nor disproves."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence of one look."""

    verdict: Verdict
    reason: str
    """Stable slug, e.g. `txt_absent`, `txt_mismatch`, `servers_disagree`, `file_not_found`."""
    message: str
    """One sentence for the person who must fix it."""
    observed: tuple[str, ...] = ()
    """What was seen and from which server, one entry each, safe to show to the tenant."""


class VerificationMethod(Protocol):
    """One proof method. `check` looks once; "not yet" is a value, never an exception."""

    def instruct(self, name: str, token: str) -> Instruction:
        """Return what the owner of `name` (canonical, without `*.`) must publish. Pure."""
        ...

    def check(self, name: str, token: str) -> Proof:
        """Look once whether it is published."""
        ...
