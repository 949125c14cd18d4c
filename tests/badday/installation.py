"""Nameplate as its operator runs it in production: one `serve`, one `worker`, and the command line."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.adapters.http.client import Api
from nameplate.core.errors import Unavailable
from tests.servers.process import Server, free_port, listens

STARTS = 40.0
"""Seconds that a process may take to start."""
_SETTLES = 4.0
"""Seconds in which a process that refuses its settings ends."""
_LOUD = frozenset({"warning", "error", "critical"})


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    complaint: str


class Installation:
    """Both processes over one database; no sandbox: every interval is that of production."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {
            **settings,
            "NAMEPLATE_HOME": str(folder / "home"),
            "NAMEPLATE_HOST": "127.0.0.1",
            "NAMEPLATE_PORT": str(self.port),
            "NAMEPLATE_SERVE_WORKER": "false",
        }
        self._processes: dict[str, Server] = {}
        self.refused: Ended | None = None
        for name in ("serve", "worker", "caller"):
            (folder / name).mkdir()
        added = self.local("token", "add", "operator", "--platform", "--json")
        assert added.code == 0, added
        self.token = json.loads(added.output)["token"]
        self._api = Api(self.url, timeout=20)
        self.start()

    def start(self, *names: str, **settings: str) -> None:
        """Start processes, both unless named, with `settings` beside or instead of the usual ones."""
        self.refused = None
        env = {**self._settings, **settings}
        for name in names or ("serve", "worker"):
            self._processes[name] = Server(
                [sys.executable, "-m", "nameplate", name],
                self.folder / name,
                ready=(lambda: listens(self.port)) if name == "serve" else (lambda: True),
                env=env,
                seconds=STARTS,
            )

    def stop(self, *names: str) -> None:
        """End processes as an operator would, all unless named."""
        chosen = [self._processes.pop(name) for name in names or tuple(self._processes)]
        for one in chosen:
            one.process.terminate()
        for one in chosen:
            one.stop()

    def try_start(self, **settings: str) -> None:
        """Stop, and start with other settings; `refused` says how that ended where it is refused."""
        self.stop()
        with contextlib.suppress(RuntimeError):  # it ended before it was there
            self.start(**settings)
            time.sleep(_SETTLES)
        if any(one.process.poll() is not None for one in self._processes.values()):
            self.stop()
        if not self._processes:
            self.refused = self.local("serve", **settings)

    def kill(self, name: str) -> None:
        """End a process as a crash would."""
        one = self._processes.pop(name)
        one.process.kill()
        one.stop()

    def close(self) -> None:
        """End everything."""
        self.stop()
        self._api.close()

    def local(self, *words: str, **settings: str) -> Ended:
        """Run `nameplate ...` on the machine of the installation."""
        return self._run(words, {**self._settings, **settings})

    def command(self, *words: str) -> Ended:
        """Run `nameplate ...` as an operator elsewhere does, against the running API."""
        return self._run(
            words,
            {
                "NAMEPLATE_API_URL": self.url,
                "NAMEPLATE_TOKEN": self.token,
                "NAMEPLATE_HOME": str(self.folder / "caller"),
            },
        )

    def _run(self, words: tuple[str, ...], env: Mapping[str, str]) -> Ended:
        others = {k: v for k, v in os.environ.items() if not k.startswith("NAMEPLATE_")}
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", *words],
            env={**others, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """Make one request as the operator; status 0 when nobody answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            reply = self._api.request(method, path, json=body, headers=headers)
        except Unavailable as error:
            return 0, {"code": error.code, "detail": error.detail}
        return reply.status, (reply.json() if reply.body else {})

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Make one request, whose answer must not be an error."""
        status, answer = self.ask(method, path, body)
        assert 0 < status < 400, (method, path, status, answer)
        return answer

    def metrics(self) -> dict[str, float]:
        """Return every number that `/metrics` shows, by name with labels; none when it is silent."""
        try:
            text = self._api.request("GET", "/metrics").body.decode()
        except Unavailable:
            return {}
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines if name}

    def marks(self) -> dict[str, int]:
        """Return how long the logs are now."""
        logs = {name: self._log(name) for name in ("serve", "worker")}
        return {name: len(log.read_bytes()) if log.exists() else 0 for name, log in logs.items()}

    def said_since(self, marks: Mapping[str, int]) -> list[dict[str, Any]]:
        """Return the log lines of level warning and above since then."""
        found = []
        for name, mark in marks.items():
            log = self._log(name)
            for line in (log.read_bytes() if log.exists() else b"")[mark:].splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and entry.get("level") in _LOUD:
                    found.append(entry)
        return found

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(
            self._log(name).read_text(errors="replace")[-4000:]
            for name in ("serve", "worker")
            if self._log(name).exists()
        )

    def _log(self, name: str) -> Path:
        return self.folder / name / f"{Path(sys.executable).name}.log"
