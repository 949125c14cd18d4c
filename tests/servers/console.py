"""`nameplate serve` with the page over a small world in SQLite, and Chromium to look at it."""

import asyncio
import importlib.util
import json
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

import nameplate
from nameplate import bootstrap
from nameplate.adapters.registrar import memory
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.models import Binding, Domain
from nameplate.ports.registrar import Act, RegistrationOrder
from nameplate.seeding import load
from nameplate.settings import Settings
from nameplate.testing.registrar import CONTACT
from nameplate.usecases.certificates import budgets
from nameplate.usecases.certificates.budgets import Ordering
from nameplate.usecases.serving import looks
from nameplate.usecases.tenants import tokens
from tests.models import world

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
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start it in `folder`; `migrated` is the URL of an empty SQLite database to copy.

        Without `settings` of the tests' own nobody answers DNS queries.
        """
        if not (STATIC / "index.html").exists():
            raise ServerMissing("the page is not built: run `make web`")
        read = Settings(home=folder)
        if migrated is not None:
            shutil.copyfile(str(sa.make_url(migrated).database), read.database_path)
        now = datetime.now(UTC)
        sessions, ring = bootstrap.ready(read)
        load.world(sessions, ring, now)
        with sessions.begin(PLATFORM) as session:
            tools = bootstrap.tools(read, ring)
            _, secret = tokens.add(
                session, PLATFORM, name="console", now=now, random=tools.random, platform=True
            )
        _look_for_a_day(sessions, now)
        _take_from_limits(sessions, now)
        sessions.dispose()
        self.token = secret.reveal()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = self._serve(folder, settings or {})
        for slug in ("northwind", "harbor"):
            self._give_account(slug)
        self._give_names(folder / "registrar.json")

    def _serve(self, folder: Path, settings: Mapping[str, str]) -> Server:
        env = {
            "NAMEPLATE_HOME": str(folder),
            "NAMEPLATE_DNS_RECURSOR": f"127.0.0.1:{free_port()}",
            "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
            **settings,
        }
        command = [sys.executable, "-m", "nameplate", "serve", "--no-worker"]
        return Server(
            [*command, "--port", str(self.port)],
            folder,
            ready=lambda: listens(self.port),
            env=env,
        )

    def _give_account(self, slug: str) -> None:
        """Have Nameplate write the records of an organization's main domain, into memory."""
        zone = f"{slug}.example"
        account = {"kind": "dns", "provider": "memory", "name": f"dns of {slug}"}
        self.call(
            "POST", "/v1/accounts", {**account, "organization": slug, "config": {"zones": [zone]}}
        )
        self.call("PATCH", f"/v1/domains/{zone}", {"account": account["name"]})

    def _give_names(self, state: Path) -> None:
        """Have an organization hold names at the sandbox registrar."""
        configuration = memory.SandboxConfiguration(state=str(state))
        registrar = memory.SandboxRegistrar(configuration, lambda: datetime.now(UTC))
        for name in ("northwind.test", "northwind-sale.test"):
            quote = registrar.quote(Act.REGISTER, name, 1)
            registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
        account = {"kind": "registrar", "provider": "sandbox", "name": "registrar of northwind"}
        place = {"organization": "northwind"}
        self.call("POST", "/v1/accounts", {**account, **place, "config": {"state": str(state)}})
        self.call("POST", "/v1/registrations:import", place)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request as the platform and return the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def person(self, email: str, role: str | None = None, organization: str | None = None) -> str:
        """Add somebody, an operator without a role, and return the invitation's address."""
        made = self.call("POST", "/v1/users", {"email": email, "operator": role is None})
        if role is not None:
            named = {"user": email, "role": role, "organization": organization}
            self.call("POST", "/v1/memberships", named)
        return str(made["invitation_url"])

    def stop(self) -> None:
        """End it."""
        self._server.stop(2)  # a tab that was left open may keep it


def _look_for_a_day(sessions: Sessions, now: datetime) -> None:
    """Leave health checks of the last day: one binding that is well, one that failed for a while."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        rows = session.scalars(Binding.visible(PLATFORM).order_by(Binding.id).limit(2)).all()
    for minutes in range(24 * 60 - 5, 0, -5):
        at = now - timedelta(minutes=minutes)
        seen = []
        for place, row in enumerate(rows):
            failed = place == 1 and 300 < minutes < 420
            took = 0.02 + 0.01 * (minutes % 35) / 35 + 0.03 * place
            look = (row.id, row.organization_id, at, failed, 502 if failed else 200, took)
            seen.append(looks.TargetLook(*look))
        looks.note(sessions, seen)


def _take_from_limits(sessions: Sessions, now: datetime) -> None:
    """Leave an account at an authority whose limit for one domain is reached, and of another is near."""
    with sessions.begin(PLATFORM) as session:
        limits = {"orders": "300/3h", "certificates_per_domain": "5/7d"}
        account = world.account(
            session, None, kind="ca", provider="letsencrypt", name="main", config={"limits": limits}
        )
        rows = session.scalars(Domain.visible(PLATFORM).order_by(Domain.id)).all()
        owners = {one.domain_name: one.organization_id for one in rows}
        for base, orders in (("northwind.example", 5), ("harbor.example", 4)):
            for _ in range(orders):
                budgets.take_order(session, account, Ordering(owners[base], [base], [base]), now)
            for number in range(60):  # time earns one back in 36 s: more than any run lasts
                other = Ordering(owners[base], [], [f"{number}-{base}"])
                budgets.take_order(session, account, other, now)


class Chromium:
    """Debian's browser. Each page is a tab of its own, and remembers what its console said."""

    def __init__(self) -> None:
        """Start it."""
        if importlib.util.find_spec("playwright") is None:
            raise ServerMissing("playwright is not installed: run `make web`")
        from playwright.sync_api import sync_playwright

        path = program("chromium")
        self._driver = sync_playwright().start()
        try:
            self._browser = self._driver.chromium.launch(
                executable_path=path, args=["--no-sandbox"]
            )
        except BaseException:
            self._driver.stop()
            raise
        self._loop = asyncio.get_running_loop()

    def leave(self) -> None:
        """Hide Playwright's event loop, which seems to run in this thread, from other code that wants one."""
        asyncio._set_running_loop(None)

    def enter(self) -> None:
        """Show it again: the browser may be used."""
        asyncio._set_running_loop(self._loop)

    def page(self, **options: Any) -> Any:
        """Open a tab in a new profile."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(15_000)
        return context.new_page()

    def shown(self) -> str:
        """Tell what every open tab shows, as a screen reader has it."""
        pages = [page for context in self._browser.contexts for page in context.pages]
        return "\n\n".join(f"{one.url}\n{_snapshot(one)}" for one in pages)

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
        self.enter()
        try:
            self._browser.close()
        finally:
            self._driver.stop()


def _snapshot(page: Any) -> str:
    """Return what a tab shows, or why it does not say."""
    from playwright.sync_api import Error

    try:
        return str(page.locator("body").aria_snapshot(timeout=5_000))
    except Error as error:
        return str(error)
