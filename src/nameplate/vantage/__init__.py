"""A vantage: a small process elsewhere that looks names up in the DNS for a control plane.

It has no database and no keys but one shared secret, and answers nothing that is not signed with it.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from nameplate.core import vantage_messages as messages
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import VantageRequest
from nameplate.ports.resolver import LookupResult, Resolver

__all__ = ["VantageApp"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

AT_ONCE = 32
"""Look-ups at one time; more are refused with 503."""
_MAX_NONCES = 50_000
_MAX_VALUES = 100
_MAX_CHARACTERS = 1000


class VantageApp:
    """The ASGI application. A request that is not signed costs one HMAC of at most 2 KiB."""

    def __init__(
        self, resolver: Resolver, secret: Secret, name: str, clock: Callable[[], datetime]
    ) -> None:
        """Look up by `resolver`; `name` is what the control plane calls this vantage."""
        self._resolver = resolver
        self._secret = secret
        self._name = name
        self._clock = clock
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._busy = 0
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nameplate-vantage")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if (scope["method"], scope["path"]) != ("POST", messages.PATH):
            await _answer(send, 404)
            return
        body = await _body(receive)
        asked = 413 if body is None else self._admitted(body, _signature(scope))
        if isinstance(asked, int):
            await _answer(send, asked)
            return
        if self._busy >= AT_ONCE:
            await _answer(send, 503)
            return
        self._busy += 1
        try:
            looking = asyncio.get_running_loop().run_in_executor(
                self._threads, self._resolver.authoritative, asked.name, asked.rdtype
            )
            told = _told(await looking)
        finally:
            self._busy -= 1
        await _answer(send, 200, told, messages.sign_answer(self._secret, asked.nonce, told))

    def _admitted(self, body: bytes, signature: str) -> VantageRequest | int:
        """Return the question, or the HTTP status that refuses it."""
        if not messages.is_signed(messages.sign_request(self._secret, body), signature):
            return 401
        try:
            asked = VantageRequest.read(body)
        except (ValueError, RecursionError):
            return 422
        now = self._clock().timestamp()
        if asked.vantage != self._name or abs(now - asked.at) > messages.WINDOW:
            return 403
        return asked if self._is_new(asked.nonce, now) else 409

    def _is_new(self, nonce: str, now: float) -> bool:
        """Tell whether a nonce comes for the first time; each is kept while it could come again."""
        while self._nonces and next(iter(self._nonces.values())) < now - 2 * messages.WINDOW:
            self._nonces.popitem(last=False)
        if nonce in self._nonces or len(self._nonces) >= _MAX_NONCES:
            return False
        self._nonces[nonce] = now
        return True


def _told(found: LookupResult) -> bytes:
    answers = [
        {
            "kind": one.kind.value,
            "server": one.server,
            "values": [value[:_MAX_CHARACTERS] for value in one.values[:_MAX_VALUES]],
            "ttl": one.ttl,
            "detail": one.detail,
        }
        for one in found.answers
    ]
    return json.dumps({"zone": found.zone, "answers": answers}).encode()


def _signature(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == messages.HEADER.encode()]
    return given[0].decode("latin-1") if len(given) == 1 else ""


async def _body(receive: Receive) -> bytes | None:
    """Return the body; None when it is too long or does not come whole."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return None
        body += event.get("body", b"")
        if len(body) > messages.MAX_REQUEST:
            return None
        if not event.get("more_body"):
            return bytes(body)


async def _answer(send: Send, status: int, body: bytes = b"", signature: str = "") -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if signature:
        headers += [
            (b"content-type", b"application/json"),
            (messages.HEADER.encode(), signature.encode()),
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
