"""Telling a proxy what to serve: exactly what it should, and one bad route spoils no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.serving.renewal_rig import renewals
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus, HealthStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Application, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.proxy import RouteRefused
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import proxies

CONFIGURING = BindingStatus.CONFIGURING
pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return bound(sessions_over(migrated_sqlite_url), status=CONFIGURING)


def reconcile(rig: Rig) -> Any:
    lease = rig.world.leased(Server, rig.ids[Server])
    proxies.reconcile(rig.world.sessions, rig.world.tools, lease)
    return rig.read(Server)


def bind(rig: Rig, hostname: str, **columns: Any) -> int:
    """Bind the application to another host."""
    with rig.world.sessions.begin(PLATFORM) as session:
        given = {"server_id": rig.ids[Server], "ssl_enabled": False, "status": CONFIGURING}
        app = session.get_one(Application, rig.ids[Application])
        domain = session.get_one(Domain, rig.ids[Domain])
        return rows.binding(session, app, domain, hostname=hostname, **(given | columns)).id


def test_what_is_configured_is_looked_at_next(rig: Rig) -> None:
    rig.change(Binding, next_action_at=None)
    server = reconcile(rig)
    assert rig.proxy.served == [("acme.com/", "10.0.0.1:8080")]
    assert server.configured_at is not None
    assert server.next_action_at is not None
    assert server.next_action_at > datetime.now(UTC), "it is compared regularly"
    assert rig.read(Binding).next_action_at is not None


def test_what_is_served_already_is_left_alone(rig: Rig) -> None:
    first = reconcile(rig)
    second = reconcile(rig)
    assert rig.proxy.applied == 1
    assert second.configured_fingerprint == first.configured_fingerprint
    with rig.world.sessions.begin(PLATFORM) as session:
        proxies.doubt(session, rig.ids[Server], datetime.now(UTC) + 2 * proxies.DOUBT_EVERY)
    reconcile(rig)
    assert rig.proxy.applied == 2


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (Binding, {"status": BindingStatus.DISABLED}),
        (Binding, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (Domain, {"status": DomainStatus.SUSPENDED}),
        (Application, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (Application, {"upstream_host": None}),
        (Organization, {"is_active": False}),
    ],
)
def test_what_must_not_be_served_is_taken_away(
    rig: Rig, kind: Any, columns: dict[str, Any]
) -> None:
    reconcile(rig)
    rig.ids[Organization] = rig.read(Binding).organization_id
    rig.change(kind, **columns)
    reconcile(rig)
    assert rig.proxy.served == []


def test_one_bad_route_spoils_no_other(rig: Rig) -> None:
    bad = bind(rig, "bad.acme.com", subdomain="bad")
    rig.proxy.bad_hosts = {"bad.acme.com"}
    assert reconcile(rig).trouble_message is None
    assert rig.proxy.served == [("acme.com/", "10.0.0.1:8080")]
    rig.ids[Binding] = bad
    row = rig.read(Binding)
    assert (row.status, row.error_message) == (BindingStatus.ERROR, "No such host.")


def test_any_number_of_bad_routes_spoils_no_other(rig: Rig) -> None:
    hosts = {f"n{n}.acme.com" for n in range(30)}
    ids = [bind(rig, host, subdomain=host.partition(".")[0]) for host in sorted(hosts)]
    rig.proxy.bad_hosts = hosts
    assert reconcile(rig).trouble_message is None
    assert rig.proxy.served == [("acme.com/", "10.0.0.1:8080")]
    assert rig.proxy.rendered == 3, "one for the form, and all of them are named at once"
    with rig.world.sessions.begin(PLATFORM) as session:
        rows_ = [session.get_one(Binding, id_) for id_ in ids]
        assert {(row.status, row.error_message) for row in rows_} == {
            (BindingStatus.ERROR, "No such host.")
        }


def test_a_refusal_that_names_nothing_new_is_the_servers(rig: Rig) -> None:
    rig.proxy.always = RouteRefused("route_refused", "No such route.", ["bnd_unknown"])
    server = reconcile(rig)
    assert server.trouble_message == "No such route."
    assert (rig.proxy.applied, rig.proxy.rendered) == (0, 3)
    assert server.next_action_at is not None


def test_a_refusal_without_a_culprit_is_told_to_those_that_wait(rig: Rig) -> None:
    rig.proxy.refusal = Refused("proxy_refused", "The disk is full.")
    server = reconcile(rig)
    assert server.trouble_message == "The disk is full."
    assert server.configured_at is None
    waiting = rig.read(Binding)
    assert (waiting.status, waiting.error_message) == (CONFIGURING, proxies.WAITS)


def test_a_refusal_of_a_route_spares_the_others(rig: Rig) -> None:
    other = bind(rig, "x.acme.com", subdomain="x", status=BindingStatus.ACTIVE)
    culprit = show("bnd", rig.ids[Binding])
    rig.proxy.refusal = RouteRefused("route_refused", "No such upstream.", [culprit])
    reconcile(rig)
    assert rig.read(Binding).status is BindingStatus.ERROR
    rig.ids[Binding] = other
    assert rig.read(Binding).status is BindingStatus.ACTIVE


def test_keys_are_opened_only_where_there_is_a_certificate(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.ids[Domain])
        row = rows.certificate(
            session, domain, status=CertificateStatus.ACTIVE, certificate_bundle="PEM"
        )
        sealed = rig.world.tools.keyring.seal(Secret("KEY"), requests.key_place(row))
        row.private_key = sealed
        binding = session.get_one(Binding, rig.ids[Binding])
        binding.ssl_enabled, binding.ssl_certificate_id = True, row.id
    first = reconcile(rig).configured_fingerprint
    rig.change(Binding, ssl_certificate_id=None)
    assert reconcile(rig).configured_fingerprint != first


def test_a_server_without_a_proxy_rests(rig: Rig) -> None:
    rig.change(Server, proxy=None)
    server = reconcile(rig)
    assert server.next_action_at is None
    assert rig.proxy.applied == 0


def test_a_woken_server_is_due_at_once(rig: Rig) -> None:
    rig.change(Server, next_action_at=None)
    now = datetime.now(UTC)
    with rig.world.sessions.begin(PLATFORM) as session:
        proxies.wake(session, rig.ids[Server], now)
    assert rig.read(Server).next_action_at == now


def test_what_a_proxy_refuses_leaves_the_former_certificate_in_service(sessions: Sessions) -> None:
    """It is tried again later; the former one is served until the proxy takes the new one."""
    rig = renewals(sessions, servers=1)
    first = rig.served(0)
    new = rig.renew()
    machine = rig.machines[rig.servers[0]]
    machine.refused.add(new)
    assert rig.configure(0) is None
    assert rig.served(0) == first
    row = rig.binding(0)
    assert (row.status, row.refused_serial) == (BindingStatus.ACTIVE, "02")
    assert row.refusal == "The key is too new for this proxy."
    rig.probe(0)
    assert rig.binding(0).health_status is HealthStatus.HEALTHY
    applied = machine.applied
    rig.configure(0)
    assert machine.applied == applied, "nothing is new"
    assert "refuses the certificate" in (
        rig.settle(after=timedelta(minutes=2)).deployment_trouble or ""
    )
    machine.refused.clear()
    rig.configure(0, after=timedelta(seconds=21))
    rig.change(Binding, rig.bindings[0], refused_at=datetime.now(UTC) - timedelta(seconds=21))
    rig.configure(0)
    assert rig.served(0) == new
    assert rig.binding(0).refused_serial is None
    rig.probe(0)
    assert rig.row().deployed_at is not None


def test_what_a_proxy_refuses_ends_with_the_former_certificate(sessions: Sessions) -> None:
    rig = renewals(sessions, servers=1)
    new = rig.renew()
    rig.machines[rig.servers[0]].refused.add(new)
    rig.change(Certificate, rig.certificate_id, former_expires_at=datetime.now(UTC))
    rig.configure(0)
    assert rig.binding(0).status is BindingStatus.ERROR
