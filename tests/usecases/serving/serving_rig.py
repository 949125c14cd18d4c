"""An application bound to a proved domain at a server with a proxy, for tests of single steps."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Application, Binding, Domain, Server
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import Config, Route, RouteRefused

CADDY = {"type": "caddy"}


@dataclass
class Proxy:
    """A proxy in memory: it notes what it serves, and refuses what it is told to refuse."""

    served: list[tuple[str, str]] = field(default_factory=list)
    applied: int = 0
    rendered: int = 0
    bad_hosts: set[str] = field(default_factory=set)
    refusal: Refused | None = None
    always: Refused | None = None
    """Refuses to render any binding, whatever is left out."""

    def render(self, routes: Any) -> Config:
        self.rendered += 1
        if self.always and any(route.id.startswith("bnd_") for route in routes):
            raise self.always
        bad = [route.id for route in routes if route.hostname in self.bad_hosts]
        if bad:
            raise RouteRefused("route_refused", "No such host.", bad)
        return Config({"routes": "\n".join(map(_shown, routes)).encode()}, _secrets(routes))

    def apply(self, config: Config) -> None:
        refusal = self.refusal
        if isinstance(refusal, RouteRefused):  # the next configuration leaves those routes out
            self.refusal = None
        if refusal:
            raise refusal
        self.applied += 1
        lines = config.files["routes"].decode().splitlines()
        self.served = [(line.split()[0], line.split()[1]) for line in lines]


def _shown(route: Route) -> str:
    return f"{route.hostname}{route.path} {route.upstream.host}:{route.upstream.port}"


def _secrets(routes: Any) -> dict[str, Secret]:
    return {one.key_pair.id: one.key_pair.private_key for one in routes if one.key_pair}


@dataclass
class Prober:
    """Eyes that see what they are told to; they note where they looked."""

    sees: dict[str, Any] = field(default_factory=lambda: {"status": 200, "connected": True})
    looked: list[ProbeTarget] = field(default_factory=list)

    def look(self, target: ProbeTarget) -> ProbeResult:
        self.looked.append(target)
        return ProbeResult(target, **self.sees)

    def look_many(self, targets: Any) -> list[ProbeResult]:
        return [self.look(target) for target in targets]


@dataclass
class Rig:
    """One binding without TLS, waiting."""

    world: Offline
    proxy: Proxy
    prober: Prober
    ids: dict[type[Any], int]

    @property
    def actor(self) -> Actor:
        return Actor(self.read(Binding).organization_id)

    def read(self, kind: Any) -> Any:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(kind, self.ids[kind])

    def change(self, kind: Any, **columns: Any) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, self.ids[kind])
            for name, value in columns.items():
                setattr(row, name, value)


def bound(sessions: Sessions, **binding: Any) -> Rig:
    """Return a rig over an empty database."""
    world, proxy, prober = Offline(sessions), Proxy(), Prober()
    world.tools = replace(world.tools, proxy=lambda _server: proxy, prober=prober)
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
        server = rows.server(session, None, proxy=CADDY)
        domain = rows.domain(session, owner)
        prove(session, domain, datetime.now(UTC))
        given = {"server_id": server.id, "ssl_enabled": False, **binding}
        row = rows.binding(session, app, domain, **given)
        ids = {Application: app.id, Server: server.id, Domain: domain.id, Binding: row.id}
        return Rig(world, proxy, prober, ids)
