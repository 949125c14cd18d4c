"""Everything that Nameplate raises on purpose.

    NameplateError
    ├── Rejected          the caller must change something; the same call fails the same way
    │   ├── NotFound      no such object for this caller (another organization's object included)
    │   ├── Conflict      the world is in a state that does not allow it
    │   ├── Invalid       the input is wrong; `problems` says where and why
    │   └── NotPermitted  the caller is known and may not do this
    ├── Unavailable       the other side cannot answer now; trying again later is right
    │   └── RateLimited   the other side says when: `retry_after`
    └── Refused           the other side said no, and will say so again until something changes

Every error carries a stable `code` (a slug that documentation and programs can rely on), a sentence
for the person who must act, and no secret. HTTP numbers exist only in `api/errors.py`, exit codes
only in `cli/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong place in an input."""

    pointer: str
    """Where, as a JSON pointer (RFC 6901) into the request, or a line such as `line 12`."""
    code: str
    """Stable slug of this kind of problem."""
    detail: str
    """What is wrong and what would be right, in one plain sentence."""


class NameplateError(Exception):
    """Root of all errors that Nameplate raises on purpose."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        """Return the sentence alone: the code is for programs."""
        return self.detail


class Rejected(NameplateError):
    """The caller must change something first."""


class NotFound(Rejected):
    """No such object for this caller. A foreign object answers exactly like a missing one."""


class Conflict(Rejected):
    """The world is in a state that does not allow it."""


class Invalid(Rejected):
    """The input is wrong."""

    def __init__(self, code: str, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(code, detail)
        self.problems = tuple(problems)


class NotPermitted(Rejected):
    """The caller is known and may not do this."""


class Unavailable(NameplateError):
    """The other side cannot answer now, or its answer was lost; `retry_after` when it said so.

    After an `Unavailable` the act may have taken effect: read back before doing it again.
    """

    def __init__(self, code: str, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class RateLimited(Unavailable):
    """The other side limits how often it may be asked."""


class Refused(NameplateError):
    """The other side said no, and will say so again until something changes."""
