"""The API as tests call it: in process, as the platform or as one organization."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nameplate import bootstrap
from nameplate.adapters.dns.memory import MemoryDns
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.settings import Settings
from nameplate.usecases.tools import Tools

LOCAL = "local-credential"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def cookies(self) -> list[str]:
        """What the browser is given to keep."""
        return (
            self.headers.get("set-cookie", "").split("\n") if "set-cookie" in self.headers else []
        )

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        code: str = self.body["code"]
        return code


@dataclass(frozen=True)
class Api:
    """Calls as the holder of `token`."""

    sessions: Sessions
    tools: Tools
    transport: InProcess
    token: str | None = LOCAL
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_(self, token: str | None) -> "Api":
        return replace(self, token=token)

    def with_(self, **headers: str) -> "Api":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def raw(self, method: str, path: str, body: bytes | None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | dict(
            self.headers
        )
        if self.token is not None:
            sent.setdefault("authorization", f"Bearer {self.token}")
        return Answer(*self.transport.send(method, path, sent, body))

    def send(self, method: str, path: str, body: object = None) -> Answer:
        raw = None if body is None else json.dumps(body).encode()
        headers = {} if raw is None else {"content_type": "application/json"}
        return self.raw(method, path, raw, **headers)

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status == 200, answer.raw
        return answer.body

    def post(self, path: str, body: object = None) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status in {200, 201}, answer.raw
        return answer.body

    def organization(self, name: str) -> tuple[dict[str, Any], "Api"]:
        """Add an organization; return it, and the API as it sees it."""
        made = self.post("/v1/organizations", {"name": name})
        token = self.post("/v1/tokens", {"name": f"{name} token", "organization": made["id"]})
        return made, self.as_(token["token"])


def api_over(sessions: Sessions, home: Path) -> Api:
    settings = Settings.read({**os.environ, "NAMEPLATE_HOME": str(home)})
    tools = replace(
        bootstrap.tools(settings, bootstrap.keyring(settings)),
        dns_provider=lambda _account: MemoryDns({"example.com": []}),
    )
    app = create(sessions, tools, local_token=Secret(LOCAL))
    return Api(sessions, tools, InProcess(app))
