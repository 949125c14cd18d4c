"""A proxy through an agent: what is applied travels as the API's state, and comes back as a report."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nameplate.agent.channel import AgentChannel
from nameplate.agent.kept import KeptState
from nameplate.agent.looks import Lookout
from nameplate.agent.process import AgentParts, AgentProcess
from nameplate.agent.serving import ServingProxy
from nameplate.core import agent_protocol as protocol
from nameplate.core import tokens, value_codec
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentReport, AgentState
from nameplate.ports.proxy import Config, Proxy, Route, RoutePlace, RouteRefused

TOKEN = tokens.api_token("a1", bytes(range(24)))
_PATIENCE = 60.0
_SENTENCE = "It is not served."
ROUTES = "routes.json"
_NO_KEY = Secret("")
"""In place of a key, which travels apart."""


@dataclass
class _Reply:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class StateApi:
    """The API's part: the newest state to who asks, and the newest report."""

    state: AgentState | None = None
    report: AgentReport | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def request(self, method: str, path: str, **given: Any) -> _Reply:
        if method == "POST":
            with self.changed:
                self.report = value_codec.decoded(AgentReport, json.loads(given["content"]))
                self.changed.notify_all()
            status, body = 204, b""
        else:
            status, body = self._newer(int(given["params"]["after"]))
        nonce = given["headers"][protocol.NONCE_HEADER]
        key = protocol.answer_key(TOKEN.digest)
        signed = protocol.signature(key, nonce, status, body)
        return _Reply(status, body, {protocol.SIGNATURE_HEADER.lower(): signed})

    def _newer(self, after: int) -> tuple[int, bytes]:
        with self.changed:
            self.changed.wait_for(lambda: self.state and self.state.revision != after, 1.0)
            if self.state is None or self.state.revision == after:
                return 204, b""
            return 200, json.dumps(value_codec.encoded(self.state)).encode()

    def offer(self, routes: Sequence[Route]) -> AgentReport:
        """Offer a state, and return what the agent reports of it."""
        with self.changed:
            revision = 1 + (self.state.revision if self.state else 0)
            self.state = state(revision, routes)
            self.changed.notify_all()
            ended = time.monotonic() + _PATIENCE
            while self.report is None or self.report.revision != revision:
                assert time.monotonic() < ended, f"no report of revision {revision}"
                self.changed.wait(1.0)
            return self.report


def state(revision: int, routes: Sequence[Route]) -> AgentState:
    """Return a state that offers these routes."""
    return AgentState(
        "srv_1", revision, f"f{revision}", "127.0.0.1", {"type": "any"}, tuple(routes)
    )


class ThroughAgent:
    """A `Withdrawer` whose every step is a state of a running agent beside the real proxy."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        """Run an agent with this adapter; `stop` ends it."""
        self._api = StateApi()
        channel = AgentChannel(self._api, TOKEN.secret)
        serving = ServingProxy(lambda _state: proxy)
        kept = KeptState(folder / "copy" / "state", TOKEN.secret)
        lookout = Lookout(_Blind(), time.monotonic)
        self._process = AgentProcess(AgentParts(channel, kept, serving, lookout))
        self._thread = threading.Thread(target=self._process.run)
        self._thread.start()
        self._routes: list[Route] = []

    def stop(self) -> None:
        """End the agent, and leave the proxy as it is."""
        self._process.stop()
        self._thread.join(20)

    def render(self, routes: Sequence[Route]) -> Config:
        """Return the routes as they travel, their keys apart."""
        ordered = sorted(routes, key=lambda one: one.id)
        pairs = {one.key_pair.id: one.key_pair for one in ordered if one.key_pair is not None}
        bare = [
            replace(one, key_pair=replace(one.key_pair, private_key=_NO_KEY))
            if one.key_pair
            else one
            for one in ordered
        ]
        written = json.dumps([value_codec.encoded(one) for one in bare]).encode()
        return Config({ROUTES: written}, {name: one.private_key for name, one in pairs.items()})

    def apply(self, config: Config) -> None:
        """Have the agent take a state over; what it leaves out is raised as the port says."""
        found = [value_codec.decoded(Route, one) for one in json.loads(config.files[ROUTES])]
        self._offer(
            [
                replace(
                    one, key_pair=replace(one.key_pair, private_key=config.secrets[one.key_pair.id])
                )
                if one.key_pair
                else one
                for one in found
            ]
        )

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Offer a state without these: an agent closes what is in it no more."""
        gone = {one.id for one in places}
        self._offer([one for one in self._routes if one.id not in gone])

    def _offer(self, routes: list[Route]) -> None:
        self._routes = routes
        told = self._api.offer(routes)
        if told.code is not None:
            kind: Callable[[str, str], Exception] = (
                Unavailable if told.code in {"proxy_down", "disk_full", "proxy_busy"} else Refused
            )
            raise kind(told.code, told.message)
        refused = {**told.refused, **told.kept_back}
        if refused:
            raise RouteRefused("route_refused", _SENTENCE, tuple(refused), refused)


class _Blind:
    def look_many(self, targets: Sequence[Any]) -> list[Any]:
        assert not targets, "nothing is to be looked at"
        return []
