"""What a proxy serves follows the rows; every outcome is on the server's row."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus
from nameplate.db import Sessions
from nameplate.leases import lease
from nameplate.models import Application, Binding, Domain, NameHolding, Organization, Server
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import Config
from nameplate.usecases.claims import conditions, domains
from nameplate.usecases.serving import applications, bindings, probes, proxies
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

pytestmark = pytest.mark.usefixtures("unpaced")


class Faulty(MemoryProxy):
    """A proxy in memory that takes nothing while `fault` is set."""

    fault: Exception | None = None
    attempts = 0

    def apply(self, config: Config) -> None:
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        super().apply(config)


class World(Offline):
    """One server, one application, and hosts of one domain that are served."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.proxy = Faulty()
        self.tools: Tools = replace(self.tools, proxy=lambda _server: self.proxy)
        self.actor: Actor = self.organization("acme")
        with self.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, self.actor.organization_id)
            server = rows.server(session, None, proxy={"type": "memory"}, next_action_at=now())
            domain = rows.domain(session, owner, "acme.com")
            prove(session, domain, now())
            app = rows.application(
                session, owner, upstream_host="127.0.0.1", upstream_port=1001, name="App"
            )
            self.server_id, self.domain_id, self.app_id = server.id, domain.id, app.id

    def bind(self, *hosts: str, **columns: Any) -> None:
        with self.sessions.begin(PLATFORM) as session:
            for host in hosts:
                rows.binding(
                    session, session.get_one(Application, self.app_id),
                    session.get_one(Domain, self.domain_id), server_id=self.server_id,
                    hostname=host, subdomain=host.partition(".")[0], ssl_enabled=False,
                    **{"status": BindingStatus.CONFIGURING, **columns},
                )  # fmt: skip

    def step(self) -> None:
        """Take the server's step if it is due."""
        if self.due:
            proxies.reconcile(self.sessions, self.tools, self.leased(Server, self.server_id))

    def serve(self, *hosts: str) -> None:
        self.bind(*hosts)
        self.step()
        with self.sessions.begin(PLATFORM) as session:
            session.execute(sa.update(Binding).values(status=BindingStatus.ACTIVE))
        assert self.visit(hosts[0]) == 1001
        assert not self.due

    @property
    def server(self) -> Server:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Server, self.server_id)

    @property
    def due(self) -> bool:
        at = self.server.next_action_at
        return at is not None and at <= now()

    def exposure(self) -> list[Condition]:
        """Return what the domain's conditions begin with when a host is exposed."""
        with self.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.domain_id)
            found = conditions.of(session, self.tools, domain)
        assert all(one.type != "exposure" for one in found[1:])
        return [one for one in found[:1] if one.type == "exposure"]

    def visit(self, host: str) -> int | None:
        upstream = self.proxy.visit("http", host, "/").upstream
        return None if upstream is None else upstream.port

    def do(self, change: Callable[[Session], object]) -> None:
        with self.sessions.begin(PLATFORM) as session:
            change(session)


@pytest.fixture
def world(sessions: Sessions) -> World:
    return World(sessions)


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def _bound(session: Session) -> Binding:
    return session.scalars(sa.select(Binding).order_by(Binding.id)).one()


CHANGES: dict[str, Callable[[Session], object]] = {
    "upstream": lambda s: applications.update(s, PLATFORM, "App", now(), upstream_port=1002),
    "port": lambda s: bindings.update(s, PLATFORM, "www.acme.com", now=now(), port=1002),
    "path": lambda s: setattr(_bound(s), "path", "/shop"),
    "hsts": lambda s: bindings.update(s, PLATFORM, "www.acme.com", now=now(), hsts_enabled=False),
    "force_https": lambda s: bindings.update(
        s, PLATFORM, "www.acme.com", now=now(), force_https=False
    ),
    "weight": lambda s: bindings.update(s, PLATFORM, "www.acme.com", now=now(), traffic_weight=50),
    "proxy_config": lambda s: bindings.update(
        s, PLATFORM, "www.acme.com", now=now(), proxy_config={"strip_path": True}
    ),
    "disabled": lambda s: bindings.update(s, PLATFORM, "www.acme.com", now=now(), enabled=False),
    "removed": lambda s: bindings.remove(s, PLATFORM, "www.acme.com", now()),
    "suspended": lambda s: domains.suspend(s, PLATFORM, "acme.com", now(), "abuse"),
    "switched off": lambda s: organizations.update(s, PLATFORM, "acme", is_active=False),
    "organization removed": lambda s: organizations.remove(s, PLATFORM, "acme", now()),
    "application removed": lambda s: applications.remove(s, PLATFORM, "App", now()),
}

STAYING = {"upstream", "port", "path", "hsts", "force_https", "weight", "proxy_config"}


@pytest.mark.parametrize("change", CHANGES)
def test_every_writer_wakes_the_server_in_its_own_transaction(world: World, change: str) -> None:
    world.serve("www.acme.com")
    before = world.server.configured_fingerprint
    world.do(CHANGES[change])
    assert world.due
    world.step()
    assert world.server.configured_fingerprint != before
    expected = dict.fromkeys(STAYING - {"path"}, 1001) | {"upstream": 1002, "port": 1002}
    assert world.visit("www.acme.com") == expected.get(change)


def _redirects(session: Session, **changes: Any) -> object:
    return bindings.update(session, PLATFORM, "www.acme.com", now=now(), **changes)


def test_what_a_redirect_becomes_wakes_the_server(world: World) -> None:
    world.bind("www.acme.com")
    world.bind("acme.com", "new.acme.com")
    world.do(lambda s: s.execute(sa.update(Binding).values(ssl_enabled=True)))
    world.do(lambda s: setattr(bindings.get(s, PLATFORM, "acme.com"), "is_primary", True))
    world.serve("other.acme.com")
    for change, status, host in (
        (lambda s: _redirects(s, redirect="to_primary"), 308, "acme.com"),
        (lambda s: _redirects(s, redirect_status=301), 301, "acme.com"),
        (
            lambda s: bindings.update(s, PLATFORM, "new.acme.com", now=now(), is_primary=True),
            301,
            "new.acme.com",
        ),
        (lambda s: bindings.remove(s, PLATFORM, "new.acme.com", now()), 301, "acme.com"),
        (lambda s: _redirects(s, redirect="none"), None, None),
    ):
        world.do(change)
        assert world.due
        world.step()
        seen = world.proxy.visit("http", "www.acme.com", "/")
        if host is None:
            assert seen.upstream is not None
        else:
            assert (seen.status, seen.location) == (status, f"https://{host}/")


@pytest.mark.parametrize("change", ["weight", "proxy_config"])
def test_a_tenants_own_change_is_not_left_to_the_regular_look(world: World, change: str) -> None:
    """Whoever may not write the platform's server has the binding look, which wakes it."""
    world.serve("www.acme.com")
    with world.sessions.begin(world.actor) as session:
        CHANGES[change](session)
    with world.sessions.begin(PLATFORM) as session:
        at = _bound(session).next_action_at
    assert world.due or (at is not None and at <= now())


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_leaves_service_is_urgent(world: World, change: str) -> None:
    world.serve("www.acme.com")
    world.do(CHANGES[change])
    stays = change in STAYING
    assert world.server.urgency == (0 if stays else 1)
    world.proxy.fault = Unavailable("disk_full", "The disk is full.")
    lease_ = world.leased(Server, world.server_id)
    assert proxies.reconcile(world.sessions, world.tools, lease_) == "disk_full"
    assert world.server.urgency == (0 if stays else 1)
    world.proxy.fault = None
    lease_ = world.leased(Server, world.server_id)
    assert proxies.reconcile(world.sessions, world.tools, lease_) is None
    assert world.server.urgency == 0


def test_a_difference_that_nobody_announced_is_found_by_the_regular_look(world: World) -> None:
    world.serve("www.acme.com")
    with world.sessions.begin(PLATFORM) as session:
        session.execute(sa.update(Application).values(upstream_port=1002))
    planned = world.server.next_action_at
    assert planned is not None
    assert planned <= now() + proxies.REGULARLY
    proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    assert world.visit("www.acme.com") == 1002


def test_without_a_difference_the_proxy_is_left_alone(world: World) -> None:
    world.serve("www.acme.com")
    attempts = world.proxy.attempts
    for _ in range(3):
        proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    assert world.proxy.attempts == attempts


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refused("proxy_refused", "Caddy: no."), "proxy_refused"),
        (Unavailable("disk_full", "The disk is full."), "disk_full"),
        (ValueError("28443 ssl"), "proxy_step_failed"),
    ],
)
def test_every_outcome_is_on_the_servers_row(world: World, fault: Exception, code: str) -> None:
    world.serve("www.acme.com")
    world.proxy.fault = fault
    world.do(CHANGES["upstream"])
    world.step()
    first = world.server
    assert (first.trouble_code, first.attempts) == (code, 1)
    assert first.trouble_message
    assert first.trouble_since is not None
    proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    assert (world.server.trouble_since, world.server.attempts) == (first.trouble_since, 2)
    world.proxy.fault = None
    proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    healed = world.server
    assert (healed.trouble_code, healed.trouble_message, healed.trouble_since) == (None, None, None)
    assert healed.attempts == 0
    assert world.visit("www.acme.com") == 1002


def test_a_proxy_object_that_is_wrong_is_told_on_the_row(world: World) -> None:
    def broken(_server: Server) -> Any:
        raise ValueError("28443 ssl")

    world.tools = replace(world.tools, proxy=broken)
    world.step()
    assert world.server.trouble_code == "proxy_step_failed"
    assert not world.due


def test_what_is_still_served_is_told_until_it_is_not(world: World) -> None:
    """This proxy knows no other way than a whole configuration."""
    world.serve("www.acme.com", "app.acme.com")
    world.proxy.fault = Refused("proxy_refused", "no")
    world.do(CHANGES["suspended"])
    world.step()
    assert world.server.still_served == ["www.acme.com", "app.acme.com"]
    (told,) = world.exposure()
    assert (told.type, told.status, told.reason) == ("exposure", False, "still_served")
    assert told.observed == ("www.acme.com", "app.acme.com")
    assert told.message.endswith("cannot be configured: no")
    assert told.since == world.server.trouble_since
    world.proxy.fault = None
    proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    assert world.server.still_served is None
    assert not world.exposure()
    assert world.visit("www.acme.com") is None


def test_those_who_wait_do_not_defeat_the_back_off(world: World) -> None:
    """One full disk and many bindings: the server keeps its own schedule."""
    world.proxy.fault = Unavailable("disk_full", "The disk is full.")
    hosts = [f"h{number}.acme.com" for number in range(20)]
    world.bind(*hosts, status=BindingStatus.PENDING)
    world.step()
    attempts, planned = world.proxy.attempts, world.server.next_action_at
    for _ in range(3):
        with world.sessions.begin(PLATFORM) as session:
            ids = list(session.scalars(sa.select(Binding.id)))
            session.execute(Binding.waking(now() - timedelta(days=1)))
        with world.sessions.begin(PLATFORM) as session:
            leases = lease(session, Binding, limit=50, seconds=60)
        assert len(leases) == len(ids)
        probes.sweep(world.sessions, world.tools, leases)
    assert (world.proxy.attempts, world.server.next_action_at) == (attempts, planned)
    with world.sessions.begin(PLATFORM) as session:
        reasons = set(session.scalars(sa.select(Binding.error_message)))
    assert reasons == {proxies.WAITS}
    world.proxy.fault = None
    proxies.reconcile(world.sessions, world.tools, world.leased(Server, world.server_id))
    with world.sessions.begin(PLATFORM) as session:
        waits = list(session.scalars(sa.select(Binding.next_action_at)))
    assert all(at is not None and at <= now() for at in waits)


class Sees:
    """A prober to which every proxy presents one certificate."""

    def __init__(self, serial: str) -> None:
        self.serial = serial

    def look_many(self, targets: Sequence[ProbeTarget]) -> list[ProbeResult]:
        return [ProbeResult(target, serial=self.serial, status=200) for target in targets]


@pytest.mark.parametrize(
    ("presented", "health"),
    [("aa", HealthStatus.HEALTHY), ("bb", HealthStatus.HEALTHY), ("cc", HealthStatus.DEGRADED)],
)
def test_a_renewal_that_is_being_deployed_is_not_ill_health(
    world: World, presented: str, health: HealthStatus
) -> None:
    """The proxy presents what it was told last, or has just taken the new one."""
    pair = {"certificate": "x", "certificate_bundle": "x", "private_key": "x"}
    world.bind("www.acme.com", status=BindingStatus.ACTIVE, health_status=HealthStatus.HEALTHY)
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, world.domain_id)
        certificate = rows.certificate(
            session, domain, subject_alternative_names=["www.acme.com"], status=CertificateStatus.ACTIVE,
            serial_number="bb", generation=2, expires_at=now() + timedelta(days=60), **pair,
        )  # fmt: skip
        row = _bound(session)
        row.ssl_enabled, row.ssl_certificate_id = True, certificate.id
        row.served_server_id, row.served_serial, row.served_digest = world.server_id, "aa", "old"
    tools = replace(world.tools, prober=cast("Any", Sees(presented)))
    with world.sessions.begin(PLATFORM) as session:
        number = _bound(session).id
    probes.sweep(world.sessions, tools, [world.leased(Binding, number)])
    with world.sessions.begin(PLATFORM) as session:
        assert _bound(session).health_status is health
    assert world.due


STOPS: dict[str, Callable[[Session], object]] = {
    "domain": lambda s: domains.suspend(s, PLATFORM, "acme.com", now(), "abuse"),
    "organization": lambda s: organizations.update(s, PLATFORM, "acme", is_active=False),
}
RESUMES: dict[str, Callable[[Session], object]] = {
    "domain": lambda s: domains.resume(s, PLATFORM, "acme.com", now()),
    "organization": lambda s: organizations.update(s, PLATFORM, "acme", is_active=True),
}


@pytest.mark.parametrize("what", STOPS)
def test_a_suspended_host_answers_what_the_operator_says(world: World, what: str) -> None:
    """It counts as served no more, and serves again when it is resumed."""
    world.tools = replace(world.tools, suspended_answer=410)
    world.bind("www.acme.com", path="/shop")
    world.serve("www.acme.com")
    world.do(STOPS[what])
    world.step()
    for path in ("/", "/shop", "/other"):
        assert world.proxy.visit("http", "www.acme.com", path).status == 410
    assert world.proxy.visit("http", "unknown.acme.com", "/").status is None
    with world.sessions.begin(PLATFORM) as session:
        assert set(session.scalars(sa.select(Binding.served_server_id))) == {None}
        assert BindingStatus.ERROR not in set(session.scalars(sa.select(Binding.status)))
    assert not world.exposure()
    assert not world.due
    world.do(RESUMES[what])
    world.step()
    assert world.visit("www.acme.com") == 1001


def test_a_suspended_host_that_another_serves_or_nobody_holds_answers_nothing(
    world: World,
) -> None:
    world.tools = replace(world.tools, suspended_answer=403)
    world.serve("www.acme.com", "off.acme.com", "gone.acme.com")
    world.do(lambda s: bindings.update(s, PLATFORM, "off.acme.com", now=now(), enabled=False))
    world.do(lambda s: bindings.remove(s, PLATFORM, "gone.acme.com", now()))
    world.do(STOPS["domain"])
    world.step()
    assert world.proxy.visit("http", "www.acme.com", "/").status == 403
    for host in ("off.acme.com", "gone.acme.com"):
        assert world.proxy.visit("http", host, "/").status is None
    world.do(lambda s: s.execute(sa.delete(NameHolding)))
    world.do(lambda s: proxies.wake(s, world.server_id, now()))
    world.step()
    assert world.proxy.visit("http", "www.acme.com", "/").status is None
