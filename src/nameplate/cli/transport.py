"""How commands reach the API: over HTTP, or in this very process. They cannot tell which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nameplate.core.secret import Secret


class ApiTransport(Protocol):
    """One request, one answer. Raises `Unavailable` when there is none."""

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers (lower-case names) and body, whatever the status."""
        ...


@dataclass(frozen=True)
class ApiConnection:
    """An API and the token for it."""

    transport: ApiTransport
    token: Secret
    drive: Callable[[float], None] | None = None
    """Runs due background work in this process for so many seconds; None: a server does."""
    clock: Callable[[], datetime] | None = None
    """The time, in UTC, that times are shown relative to; None: they are shown as they are."""


ContextFactory = Callable[[], ApiConnection]
"""Called by the first request of a command, so that `--help` costs nothing."""
