"""Which request, or which worker, the code that runs now works for."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """What led to a change, beside the actor on whose behalf it is made."""

    request_id: str | None = None
    """The id that the API answered the request with."""
    is_worker: bool = False
    """Background work did it, whoever asked for it once."""


_ELSEWHERE = ChangeOrigin()
ORIGIN: ContextVar[ChangeOrigin] = ContextVar("nameplate_origin", default=_ELSEWHERE)
"""Set by the API for each request, and by a worker for its threads; threads of a request inherit it."""


def begin_work() -> None:
    """Say that what this thread does from now on is background work."""
    ORIGIN.set(ChangeOrigin(is_worker=True))
