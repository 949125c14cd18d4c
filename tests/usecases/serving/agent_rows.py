"""Two organizations, each with a host on a server of its own that an agent configures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.agent_protocol import NEWEST
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus
from nameplate.core.secret import Secret
from nameplate.models import Application, Binding, Server
from nameplate.ports.agents import AgentLook, AgentReport, AgentState
from nameplate.testing.proxy import self_signed
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import agents, probes, proxies
from nameplate.usecases.tenants import tokens

HOSTS = ("shop.acme.com", "www.other.com")
PROXY = {"type": "nginx", "reach": "agent", "pid_file": "/run/nginx.pid"}


class AgentRows(Offline):
    """Nothing is dialled: whoever asks for a proxy or a prober fails the test."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.servers: list[int] = []
        self.bindings: list[int] = []
        self.tokens: list[tuple[int, Secret]] = []
        with self.sessions.begin(PLATFORM) as session:
            for host in HOSTS:
                self._populate(session, host)

    def _populate(self, session: Any, host: str) -> None:
        owner = rows.organization(session)
        server = rows.server(session, None, proxy=PROXY, name=host)
        domain = rows.domain(session, owner, host.partition(".")[2])
        prove(session, domain, datetime.now(UTC))
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
        pair, serial = self_signed(host)
        certificate = rows.certificate(
            session, domain, status=CertificateStatus.ACTIVE, common_name=host,
            certificate_bundle=pair.bundle, serial_number=serial, certificate=pair.bundle,
            subject_alternative_names=[host], last_renewed_at=datetime.now(UTC),
            expires_at=datetime.now(UTC) + timedelta(days=60),
        )  # fmt: skip
        place = requests.key_place(certificate)
        certificate.private_key = self.tools.keyring.seal(pair.private_key, place)
        binding = rows.binding(
            session, app, domain, hostname=host, subdomain=host.split(".", 1)[0],
            server_id=server.id, ssl_certificate_id=certificate.id,
            status=BindingStatus.CONFIGURING,
        )  # fmt: skip
        made, secret = tokens.add(
            session, PLATFORM, name="agent", now=datetime.now(UTC), random=self.tools.random,
            server=show("srv", server.id),
        )  # fmt: skip
        self.servers.append(server.id)
        self.bindings.append(binding.id)
        self.tokens.append((made.id, secret))

    def share(self, number: int = 0, path: str = "/") -> int:
        """Give the host of this server a second application; return its binding. Both have been seen."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(Binding, self.bindings[number])
            app = Application(
                organization_id=row.organization_id, name="Two", upstream_host="10.0.0.2",
                upstream_port=8080,
            )  # fmt: skip
            session.add(app)
            session.flush()
            same = ("organization_id", "organization_domain_id", "hostname", "subdomain", "server_id",
                    "ssl_certificate_id")  # fmt: skip
            other = Binding(
                application_id=app.id, path=path, **{name: getattr(row, name) for name in same}
            )
            session.add(other)
            for one in (row, other):
                one.status, one.activated_at = BindingStatus.ACTIVE, datetime.now(UTC)
                one.health_status = HealthStatus.HEALTHY
            session.flush()
            return other.id

    def state(self, number: int = 0) -> AgentState:
        """Return what the agent of this server gets."""
        server = self.servers[number]
        return agents.states(self.sessions, self.tools, [server])[server]

    def reconcile(self, number: int = 0, after: timedelta = timedelta(0)) -> Server:
        """Have a worker take its step with a server; return its row."""
        lease = self.leased(Server, self.servers[number], after=after)
        proxies.reconcile(self.sessions, self.tools, lease)
        found: Server = self.read(Server, self.servers[number])
        return found

    def report(self, number: int = 0, protocol: int = NEWEST, **said: Any) -> None:
        """Report as the agent of this server that has taken over what there is."""
        state = self.state(number)
        told = AgentReport("1.0", state.revision, state.fingerprint)
        agents.report(self.sessions, self.servers[number], replace(told, **said), protocol)

    def sweep(self, lease: Any) -> None:
        """Have a worker take its step with a binding that it has."""
        probes.sweep(self.sessions, self.tools, [lease])

    def probe(self, number: int = 0) -> Binding:
        """Have a worker take its step with a binding; return its row."""
        probes.sweep(self.sessions, self.tools, [self.leased(Binding, self.bindings[number])])
        found: Binding = self.read(Binding, self.bindings[number])
        return found

    def seen(self, number: int = 0, **said: Any) -> AgentLook:
        """Return a look that saw the application through the proxy."""
        binding = self.bindings[number]
        serial = self.read(Binding, binding).served_serial
        look = AgentLook(show("bnd", binding), connected=True, serial=serial, status=200)
        return replace(look, **said)

    def read(self, kind: Any, number: int) -> Any:
        """Return a row as it is now."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(kind, number)

    def change(self, kind: Any, number: int, **columns: Any) -> None:
        """Change a row as nobody would."""
        with self.sessions.begin(PLATFORM) as session:
            for name, value in columns.items():
                setattr(session.get_one(kind, number), name, value)
