"""moto's Route 53 as a process of its own: AWS's wire protocol from other hands."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import Server, ServerMissing, free_port, listens


class Moto:
    """A running `moto_server`. It takes duplicate CREATEs and is not atomic: protocol only."""

    def __init__(self, folder: Path) -> None:
        """Start in `folder` on a free port."""
        if not all(map(find_spec, ("moto", "flask", "flask_cors"))):
            raise ServerMissing("moto is not installed: it is in the dependency group `dev`")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = Server(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            folder,
            ready=lambda: listens(port),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()
