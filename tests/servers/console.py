"""`nameplate serve` with the page over a small world in SQLite, and Chromium to look at it."""

import importlib.util
import json
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

import nameplate
from nameplate import bootstrap
from nameplate.core.actor import PLATFORM
from nameplate.seeding import load
from nameplate.settings import Settings
from nameplate.usecases.tenants import tokens

from .process import Server, ServerMissing, free_port, listens, program

STATIC = Path(nameplate.__file__).parent / "web" / "static"
WEB = Path(__file__).parents[2] / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
STORED = "nameplate.token"
"""Where the console keeps a pasted token, in the session storage of its tab."""


class Console:
    """A running installation with every kind of object, whose workers sleep."""

    def __init__(
        self,
        folder: Path,
        migrated: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it in `folder`; `migrated` is the URL of an empty SQLite database to copy."""
        if not (STATIC / "index.html").exists():
            raise ServerMissing("the page is not built: run `make web`")
        settings = Settings(home=folder)
        if migrated is not None:
            shutil.copyfile(str(sa.make_url(migrated).database), settings.database_path)
        now = datetime.now(UTC)
        sessions, ring = bootstrap.ready(settings)
        load.world(sessions, ring, now)
        with sessions.begin(PLATFORM) as session:
            tools = bootstrap.tools(settings, ring)
            _, secret = tokens.add(
                session, PLATFORM, name="console", now=now, random=tools.random, platform=True
            )
        sessions.dispose()
        self.token = secret.reveal()
        self._serve(folder, environment or {})
        for slug in ("northwind", "harbor"):
            self._give_account(slug)

    def _serve(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "nameplate", "serve", "--no-worker"]
        self._server = Server(
            [*command, "--port", str(self.port)],
            folder,
            ready=lambda: listens(self.port),
            env={
                "NAMEPLATE_HOME": str(folder),
                "NAMEPLATE_DNS_RECURSOR": f"127.0.0.1:{free_port()}",
                "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
                **environment,
            },
        )

    def _give_account(self, slug: str) -> None:
        """Have Nameplate write the records of an organization's main domain, into memory."""
        zone = f"{slug}.example"
        account = {"kind": "dns", "provider": "memory", "name": f"dns of {slug}"}
        self.call(
            "POST", "/v1/accounts", {**account, "organization": slug, "config": {"zones": [zone]}}
        )
        self.call("PATCH", f"/v1/domains/{zone}", {"account": account["name"]})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request as the platform and return the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """End it."""
        self._server.stop(2)  # a tab that was left open may keep it


class Chromium:
    """Debian's browser. Each page is a tab of its own, and remembers what its console said."""

    def __init__(self) -> None:
        """Start it."""
        if importlib.util.find_spec("playwright") is None:
            raise ServerMissing("playwright is not installed: run `make web`")
        from playwright.sync_api import sync_playwright

        path = program("chromium")
        self._driver = sync_playwright().start()
        self._browser = self._driver.chromium.launch(executable_path=path, args=["--no-sandbox"])

    def page(self, **options: Any) -> Any:
        """Open a tab in a new profile."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(15_000)
        return context.new_page()

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._browser.close()
        self._driver.stop()
