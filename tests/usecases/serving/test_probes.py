"""Bringing a binding to life, step by step, and watching it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus, HealthStatus
from nameplate.models import Application, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.prober import Failure
from nameplate.usecases.serving import probes

BROKEN: dict[str, Any] = {"failure": Failure.CLOSED, "message": "the connection ended"}


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return bound(sessions_over(migrated_sqlite_url))


def sweep(rig: Rig, **later: Any) -> Binding:
    lease = rig.world.leased(Binding, rig.ids[Binding], **later)
    probes.sweep(rig.world.sessions, rig.world.tools, [lease])
    row: Binding = rig.read(Binding)
    return row


def configured(rig: Rig) -> None:
    sweep(rig)
    rig.change(Server, configured_at=datetime.now(UTC) - timedelta(minutes=1))
    rig.change(Binding, served_server_id=rig.ids[Server], served_serial="0a")


def active(rig: Rig) -> None:
    configured(rig)
    assert sweep(rig).status is BindingStatus.ACTIVE


def test_the_proxy_is_told_before_anybody_looks(rig: Rig) -> None:
    row = sweep(rig)
    assert row.status is BindingStatus.CONFIGURING
    assert rig.read(Server).next_action_at is not None
    assert rig.prober.looked == []
    assert row.next_action_at is not None


def test_seen_through_the_proxy_it_is_active(rig: Rig) -> None:
    configured(rig)
    row = sweep(rig)
    assert (row.status, row.health_status) == (BindingStatus.ACTIVE, HealthStatus.HEALTHY)
    assert rig.read(Domain).status is DomainStatus.ACTIVE
    (target,) = rig.prober.looked
    assert (target.address, target.port, target.hostname) == ("192.0.2.1", 80, "acme.com")
    assert row.next_action_at is not None
    assert row.lease_until is None


def test_it_is_looked_for_with_patience_and_then_called_an_error(rig: Rig) -> None:
    configured(rig)
    rig.prober.sees = {"status": 502}
    for _ in range(probes.PATIENCE - 1):
        assert sweep(rig).status is BindingStatus.CONFIGURING
    row = sweep(rig)
    assert row.status is BindingStatus.ERROR
    assert row.error_message == "The application answers with status 502."


@pytest.mark.parametrize(
    ("sees", "health"),
    [
        ({"status": 204}, HealthStatus.HEALTHY),
        ({"status": 404}, HealthStatus.DEGRADED),
    ],
)
def test_an_active_binding_stays_active_and_its_health_is_told(
    rig: Rig, sees: dict[str, Any], health: HealthStatus
) -> None:
    active(rig)
    rig.prober.sees = sees
    row = sweep(rig)
    assert (row.status, row.health_status) == (BindingStatus.ACTIVE, health)
    assert (row.error_message, row.failing_since) == (None, None)


@pytest.mark.parametrize("sees", [{"status": 500}, BROKEN])
def test_a_failed_look_is_said_at_once_and_three_make_it_unhealthy(
    rig: Rig, sees: dict[str, Any]
) -> None:
    active(rig)
    rig.prober.sees = sees
    found = [sweep(rig) for _ in range(3)]
    assert [row.health_status.value for row in found] == ["degraded", "degraded", "unhealthy"]
    assert all(row.failing_since and row.error_message for row in found)
    assert {row.status for row in found} == {BindingStatus.ACTIVE}
    rig.prober.sees = {"status": 204}
    back = [sweep(rig) for _ in range(2)]
    assert [row.health_status.value for row in back] == ["degraded", "healthy"]
    assert [(row.failing_since, row.error_message) for row in back] == [(None, None)] * 2
    assert _wait_of(back[0]) <= probes.AGAIN_WHILE_UNSETTLED


def test_a_server_in_trouble_is_tried_once_a_host_answers_through_it_again(rig: Rig) -> None:
    active(rig)
    later = datetime.now(UTC) + timedelta(hours=1)
    rig.change(Server, trouble_code="proxy_down", next_action_at=later)
    for sees in ({"status": 200}, BROKEN):
        rig.prober.sees = sees
        sweep(rig)
        assert rig.read(Server).next_action_at == later
    rig.prober.sees = {"status": 200}
    sweep(rig)
    assert rig.read(Server).next_action_at < datetime.now(UTC)


def test_what_falls_ill_again_is_said_again_however_long_it_is_watched(rig: Rig) -> None:
    active(rig)
    said = []
    for _ in range(3):
        for status in (502, 502, 502, 200):
            rig.prober.sees = {"status": status}
            lease = rig.world.leased(Binding, rig.ids[Binding])
            said += [one.code for one in probes.sweep(rig.world.sessions, rig.world.tools, [lease])]
    assert said == ["binding_unhealthy", "binding_recovered"] * 3
    assert rig.read(Binding).health_status is HealthStatus.DEGRADED


def test_a_proxy_that_asks_for_a_password_is_well(rig: Rig) -> None:
    """A probe knows none: 401 is what the proxy is told to say, and from an application a sign of trouble."""
    users = [{"name": "anna", "password_hash": "$2b$08$" + 53 * "x"}]
    active(rig)
    rig.prober.sees = {"status": 401}
    assert sweep(rig).health_status is HealthStatus.DEGRADED
    rig.change(Binding, proxy_config={"basic_auth": {"users": users}})
    assert sweep(rig).health_status is HealthStatus.HEALTHY
    rig.prober.sees = {"status": 502}
    assert sweep(rig).failing_since is not None, "the first look that fails counts"
    assert [sweep(rig).health_status for _ in range(2)][1] is HealthStatus.UNHEALTHY


def test_what_does_not_answer_is_looked_at_soon_however_long_its_interval(rig: Rig) -> None:
    """Whoever repairs an application waits for the next look, not for the interval of good days."""
    active(rig)
    rig.change(Binding, health_check_interval=3600)
    rig.prober.sees = {"status": 502}
    first = _wait_of(sweep(rig))
    assert first <= timedelta(seconds=5)
    for _ in range(30):
        wait = _wait_of(sweep(rig))
        assert wait <= probes.AGAIN_WHILE_UNHEALTHY
    rig.prober.sees = {"status": 204}
    assert _wait_of(sweep(rig)) <= probes.AGAIN_WHILE_UNSETTLED
    assert _wait_of(sweep(rig)) > timedelta(minutes=59)


def _wait_of(row: Binding) -> timedelta:
    assert row.next_action_at is not None
    return row.next_action_at - datetime.now(UTC)


def test_a_proxy_that_forgot_is_configured_again(rig: Rig) -> None:
    active(rig)
    rig.change(Server, configured_fingerprint="0" * 64, next_action_at=None)
    rig.prober.sees = BROKEN
    sweep(rig)
    server = rig.read(Server)
    assert server.configured_fingerprint is None
    assert server.next_action_at is not None


def test_what_is_as_healthy_as_before_is_released(rig: Rig) -> None:
    active(rig)
    lease = rig.world.leased(Binding, rig.ids[Binding])
    before = rig.read(Binding)
    probes.sweep(rig.world.sessions, rig.world.tools, [lease])
    row = rig.read(Binding)
    assert row.lease_until is None
    assert row.last_health_check_at >= before.last_health_check_at
    assert row.health_status is HealthStatus.HEALTHY
    assert row.fence == before.fence == lease.fence
    assert row.updated_at == before.updated_at, "the edge reads anew what was written"
    assert row.next_action_at > datetime.now(UTC) - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "columns", "words"),
    [
        (Domain, {"status": DomainStatus.PENDING_VERIFICATION}, "ownership"),
        (Application, {"upstream_host": None}, "no upstream"),
        (Application, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "application was removed"),
        (Organization, {"is_active": False}, "not active"),
    ],
)
def test_what_must_not_be_served_is_stopped(
    rig: Rig, kind: Any, columns: dict[str, Any], words: str
) -> None:
    active(rig)
    rig.ids[Organization] = rig.read(Binding).organization_id
    rig.change(kind, **columns)
    rig.change(Server, next_action_at=None)
    row = sweep(rig)
    assert row.status is BindingStatus.PENDING
    assert words in str(row.error_message)
    assert rig.read(Server).next_action_at is not None
    assert rig.read(Domain).status is not DomainStatus.ACTIVE


def test_without_a_proxy_somebody_must_act(rig: Rig) -> None:
    rig.change(Server, proxy=None)
    row = sweep(rig)
    assert row.status is BindingStatus.ERROR
    assert "Bind the application to another server" in str(row.error_message)


def test_a_host_with_tls_waits_for_its_certificate(rig: Rig) -> None:
    rig.change(Binding, ssl_enabled=True)
    with rig.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.ids[Domain])
        certificate = rows.certificate(
            session, domain, subject_alternative_names=["acme.com"],
            status=CertificateStatus.PENDING,
        ).id  # fmt: skip
    row = sweep(rig)
    assert (row.status, row.ssl_certificate_id) == (BindingStatus.PENDING, certificate)
    assert row.error_message == "Waiting for the certificate."
    with rig.world.sessions.begin(PLATFORM) as session:
        one = session.get_one(Certificate, certificate)
        one.status, one.certificate, one.serial_number = CertificateStatus.ACTIVE, "PEM", "0a"
    configured(rig)
    rig.prober.sees = {"status": 200, "serial": "0b"}
    row = sweep(rig)
    assert row.status is BindingStatus.CONFIGURING
    assert "different certificate" in str(row.error_message)
    rig.prober.sees = {"status": 200, "serial": "0a"}
    assert sweep(rig).status is BindingStatus.ACTIVE
    assert (rig.prober.looked[-1].port, rig.prober.looked[-1].scheme) == (443, "https")


def test_a_wildcard_is_looked_at_by_a_name_below(migrated_sqlite_url: str) -> None:
    rig = bound(sessions_over(migrated_sqlite_url), hostname="*.acme.com", subdomain="*")
    active(rig)
    assert rig.prober.looked[0].hostname == "nameplate-probe.acme.com"


@pytest.fixture
def secured(migrated_sqlite_url: str) -> Rig:
    """Bind with TLS, so that a certificate is made."""
    rig = bound(sessions_over(migrated_sqlite_url), ssl_enabled=True)
    sweep(rig)
    with rig.world.sessions.begin(PLATFORM) as session:
        rig.ids[Certificate] = session.scalars(Certificate.visible(PLATFORM)).one().id
    return rig


def _certificate_is_woken(rig: Rig) -> bool:
    """Tell whether its worker will look at the certificate now, and settle it again."""
    at = rig.read(Certificate).next_action_at
    rig.change(Certificate, next_action_at=datetime.now(UTC) + timedelta(days=1))
    return at is not None and at <= datetime.now(UTC)


def test_a_certificate_that_is_made_for_a_binding_is_known_as_such(secured: Rig) -> None:
    row = secured.read(Certificate)
    assert (row.is_automatic, row.certificate_name) == (True, "acme.com")
    assert secured.read(Binding).ssl_certificate_id == row.id


@pytest.mark.parametrize("ending", ["removed", "disabled"])
def test_a_binding_that_ends_has_its_certificate_look(secured: Rig, ending: str) -> None:
    assert _certificate_is_woken(secured)
    sweep(secured)
    assert not _certificate_is_woken(secured), "nothing has changed"
    if ending == "removed":
        secured.change(Binding, deleted_at=datetime.now(UTC))
    else:
        secured.change(Binding, status=BindingStatus.DISABLED)
    sweep(secured)
    assert _certificate_is_woken(secured)


def test_a_binding_that_comes_back_has_its_certificate_look(secured: Rig) -> None:
    with secured.world.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, secured.ids[Certificate]).let_go()
    _certificate_is_woken(secured)
    row = sweep(secured)
    assert row.ssl_certificate_id == secured.ids[Certificate], "no second one is made"
    assert _certificate_is_woken(secured)


def test_a_binding_that_uses_another_certificate_has_both_look(secured: Rig) -> None:
    _certificate_is_woken(secured)
    with secured.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, secured.ids[Domain])
        better = rows.certificate(
            session, domain, certificate="PEM", subject_alternative_names=["acme.com"],
            status=CertificateStatus.ACTIVE,
        ).id  # fmt: skip
    assert sweep(secured).ssl_certificate_id == better
    assert _certificate_is_woken(secured)
