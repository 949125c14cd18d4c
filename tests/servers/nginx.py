"""A real nginx on free ports, with the folder that Nameplate manages included."""

import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from nameplate.adapters.proxy import nginx
from nameplate.ports.proxy import Upstream
from nameplate.testing.proxy import Visit, visit

from .process import Server, free_port, listens, program


class Nginx:
    """`adapter` manages it; the operator's own main configuration has one more server at `own_port`."""

    def __init__(
        self,
        folder: Path,
        challenge_upstream: Upstream | None = None,
        *,
        address: str = "127.0.0.1",
        ports: tuple[int, int] | None = None,
        resolver: Sequence[str] | None = None,
        http: str = "",
        many: int = 0,
    ) -> None:
        """Serve; `http` is what else the operator has, with `{http_port}` and `{https_port}`."""
        self.executable = program("nginx")
        self.folder = folder
        self.http_port, self.https_port = ports or (free_port(), free_port())
        self.own_port = free_port()
        self.pid_file = folder / "nginx.pid"
        self.main = folder / "nginx.conf"
        self.adapter = nginx.Nginx(
            folder / "managed",
            self.executable,
            self.pid_file,
            [f"{address}:{self.http_port}"],
            [f"{address}:{self.https_port}"],
            challenge_upstream=challenge_upstream,
            main=self.main,
            public_https_port=self.https_port,
            reload_seconds=30,
            resolver=resolver,
            many=many,
        )
        own = f"server {{ listen 127.0.0.1:{self.own_port}; return 200 own; }}"
        for name, port in (("http_port", self.http_port), ("https_port", self.https_port)):
            http = http.replace(f"{{{name}}}", str(port))
        own = f"{http}\n    {own}"
        text = self.adapter.main_config(folder).replace("include", f"{own}\n    include")
        text = text.replace("error_log stderr", f"error_log {folder}/error.log notice")
        self.main.write_text(text)
        self._start()

    def _start(self) -> None:
        self.server = Server(
            [self.executable, "-c", str(self.main), "-g", "daemon off;"],
            self.folder,
            ready=lambda: listens(self.own_port) and self.pid_file.exists(),
        )

    @property
    def error_log(self) -> str:
        return (self.folder / "error.log").read_text(errors="replace")

    @property
    def reloads(self) -> int:
        """How often the master was told to reload."""
        return self.error_log.count("signal 1 (SIGHUP) received")

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        """Visit it."""
        address = ("127.0.0.1", self.https_port if scheme == "https" else self.http_port)
        return visit(address, hostname, path, scheme=scheme, sni=sni)

    def stop(self) -> None:
        """End it at once: a graceful end would wait for idle connections."""
        self.server.stop()
        with contextlib.suppress(FileNotFoundError):
            self.pid_file.unlink()

    def crash(self) -> None:
        """End it without letting it clean up; the pid file stays behind."""
        pid = self.server.pid
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait(10)
        self.server.stop()
        time.sleep(0.05)
        self.pid_file.write_text(f"{pid}\n")

    def start_again(self) -> None:
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
