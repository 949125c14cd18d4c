"""Answers to http-01 challenges at the edge's own port, beside which nothing else is served there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from nameplate.core.encryption import KeyRing
from nameplate.db import Sessions
from nameplate.usecases.certificates import reachability

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

_METHODS = frozenset({"GET", "HEAD"})
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Challenges:
    """The ASGI application for everything at that port that is not below /edge/."""

    def __init__(self, sessions: Sessions, ring: KeyRing) -> None:
        """Answer from the database, and by the key ring when it was Nameplate itself that asked."""
        self._sessions = sessions
        self._ring = ring

    async def __call__(
        self, scope: MutableMapping[str, Any], _receive: Receive, send: Send
    ) -> None:
        """Answer one request; 503 while the database is away."""
        status, text = 404, "not found"
        path: str = scope["path"]
        if path.startswith(reachability.PATH) and scope["method"] in _METHODS:
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            token = path.removeprefix(reachability.PATH)
            try:
                found = await asyncio.to_thread(self._answer, hosts, token)
            except Exception as error:  # noqa: BLE001 - the database is away, whatever it says
                log.debug("edge_challenge_failed", extra={"error": type(error).__name__})
                status, text = 503, "try again"
            else:
                status, text = (404, text) if found is None else (200, found)
        body = text.encode()
        headers = [(b"content-length", b"%d" % len(body)), _TEXT, (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})

    def _answer(self, hosts: list[str], token: str) -> str | None:
        if len(hosts) != 1:
            return None
        return reachability.presented(self._sessions, self._ring, hosts[0], token)
