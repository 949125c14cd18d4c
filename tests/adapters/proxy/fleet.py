"""Rows of a platform whose servers are real proxies, one with each kind, and a host at each of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.adapters.proxy.probe import HttpProber
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.models import Application, Binding, Domain, Server
from nameplate.ports.proxy import Upstream
from nameplate.testing.proxy import Visit
from nameplate.usecases.claims import facts, served_conditions
from nameplate.usecases.serving import probes, proxies


class Fleet(Offline):
    """Workers' steps over these servers, by the names of their kinds."""

    def __init__(self, sessions: Sessions, running: Mapping[str, Any], upstream: Upstream) -> None:
        super().__init__(sessions)
        self.running = dict(running)
        self.adapters = {kind: server.adapter for kind, server in running.items()}
        self.ids: dict[tuple[str, type[Any]], int] = {}
        self.bindings: dict[str, list[int]] = {kind: [] for kind in running}
        with sessions.begin(PLATFORM) as session:
            owner = rows.organization(session)
            app = rows.application(
                session, owner, upstream_host=upstream.host, upstream_port=upstream.port
            )
            for kind, server in running.items():
                proxy = {
                    "type": kind, "http_port": server.http_port, "https_port": server.https_port,
                    "probe_address": "127.0.0.1",
                }  # fmt: skip
                row = rows.server(
                    session, None, name=self.name(kind), address="127.0.0.1", proxy=proxy
                )
                domain = rows.domain(session, owner, f"{kind}.com")
                prove(session, domain, datetime.now(UTC), subtree=True)
                self.ids |= {(kind, Server): row.id, (kind, Domain): domain.id}
                self.ids[kind, Application] = app.id
        kinds = {number: kind for (kind, of), number in self.ids.items() if of is Server}
        self.tools = replace(
            self.tools,
            proxy=lambda server: self.adapters[kinds[server.id]],
            prober=HttpProber(timeout=3),
        )

    @staticmethod
    def name(kind: str) -> str:
        """Return what the server with a kind of proxy is called."""
        return f"{kind} in Paris"

    def want(self, label: str) -> None:
        """Bind a host at each server."""
        with self.sessions.begin(PLATFORM) as session:
            for kind, found in self.bindings.items():
                app = session.get_one(Application, self.ids[kind, Application])
                domain = session.get_one(Domain, self.ids[kind, Domain])
                row = rows.binding(
                    session, app, domain, hostname=f"{label}.{kind}.com", subdomain=label,
                    server_id=self.ids[kind, Server], ssl_enabled=False,
                    status=BindingStatus.CONFIGURING,
                )  # fmt: skip
                found.append(row.id)

    def work(self) -> dict[str, str | None]:
        """Have workers take a step with each server and binding; return what is wrong with proxies."""
        found = {}
        for kind in self.running:
            lease = self.leased(Server, self.ids[kind, Server])
            found[kind] = proxies.reconcile(self.sessions, self.tools, lease)
        for numbers in self.bindings.values():
            for number in numbers:
                probes.sweep(self.sessions, self.tools, [self.leased(Binding, number)])
        return found

    def serves(self, label: str) -> set[str]:
        """Return the kinds of proxies at which visitors of a host reach the application."""
        return {kind for kind in self.running if self.look(kind, label).status == 200}

    def look(self, kind: str, label: str) -> Visit:
        """Visit a host at its proxy, which may not run."""
        try:
            found: Visit = self.running[kind].look("http", f"{label}.{kind}.com")
        except ConnectionRefusedError:
            return Visit(None)
        return found

    def told(self, kind: str) -> Condition:
        """Return what the owner of a domain is told of its serving."""
        with self.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.ids[kind, Domain])
            known = facts.read(session, [domain], datetime.now(UTC))[domain.id]
            return served_conditions.serving(known)
