"""Asking the vantages that the operator runs, each by one signed request over HTTP."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from nameplate.adapters.http.client import Api, Reply
from nameplate.core import vantage_messages as messages
from nameplate.core.errors import NameplateError
from nameplate.core.names import is_within
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import VantageRequest
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.vantages import VantageLook

_SECONDS = 12.0
"""A vantage ends a look-up within ten seconds."""
_MAX_ANSWERS = 64
_PATIENCE = 3
"""Silences in a row after which a vantage is left alone for a while."""
_REST = 60.0


class HttpVantages:
    """Implements `Vantages`. Connections are kept alive; no redirect is followed."""

    def __init__(
        self,
        vantages: Mapping[str, str],
        secret: Secret,
        clock: Callable[[], datetime],
        *,
        private: Collection[str] = (),
    ) -> None:
        """Take each vantage's name and URL; names in `private` zones are never sent to them."""
        self._vantages = [_Vantage(name, url, secret, clock) for name, url in vantages.items()]
        self._private = tuple(private)
        self._threads = ThreadPoolExecutor(
            max(1, 4 * len(self._vantages)), thread_name_prefix="nameplate-vantages"
        )

    def look(self, name: str, rdtype: str) -> tuple[VantageLook, ...]:
        """Ask every place at once."""
        if any(is_within(name, zone) for zone in self._private):
            return ()
        return tuple(self._threads.map(lambda one: one.look(name, rdtype), self._vantages))


class _Vantage:
    """One place, and whether it answered lately."""

    def __init__(self, name: str, url: str, secret: Secret, clock: Callable[[], datetime]) -> None:
        self._name = name
        self._api = Api(url, timeout=_SECONDS, max_body=messages.MAX_ANSWER)
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._silences = 0
        self._rests_until = 0.0

    def look(self, name: str, rdtype: str) -> VantageLook:
        if time.monotonic() < self._rests_until:
            return VantageLook(self._name, None, "has not answered recently")
        at = int(self._clock().timestamp())
        asked = VantageRequest(self._name, name, rdtype, secrets.token_hex(16), at)
        body = asked.body()
        signed = {messages.HEADER: messages.sign_request(self._secret, body)}
        try:
            reply = self._api.request("POST", messages.PATH, content=body, headers=signed)
        except NameplateError as error:
            self._note(silent=True)
            return VantageLook(self._name, None, error.detail)
        self._note(silent=False)
        return self._read(asked, reply)

    def _note(self, *, silent: bool) -> None:
        with self._lock:
            self._silences = self._silences + 1 if silent else 0
            if self._silences >= _PATIENCE:
                self._rests_until = time.monotonic() + _REST
                self._silences = 0

    def _read(self, asked: VantageRequest, reply: Reply) -> VantageLook:
        """Believe what is signed for this request and nothing else."""
        if reply.status != 200:  # noqa: PLR2004 - OK, RFC 9110
            told = f"refused the question with HTTP status {reply.status}"
            return VantageLook(self._name, None, told)
        expected = messages.sign_answer(self._secret, asked.nonce, reply.body)
        if not messages.is_signed(expected, reply.headers.get(messages.HEADER, "")):
            return VantageLook(self._name, None, "the signature of its answer does not hold")
        try:
            return VantageLook(self._name, _result(json.loads(reply.body)))
        except (ValueError, KeyError, TypeError, RecursionError):
            return VantageLook(self._name, None, "its answer cannot be read")


def _result(told: Any) -> LookupResult:  # noqa: ANN401 - JSON
    answers = tuple(
        Answer(
            AnswerKind(one["kind"]),
            str(one["server"]),
            tuple(str(value) for value in one["values"]),
            int(one["ttl"]),
            str(one["detail"]),
        )
        for one in told["answers"][:_MAX_ANSWERS]
    )
    return LookupResult(str(told["zone"]), answers)
