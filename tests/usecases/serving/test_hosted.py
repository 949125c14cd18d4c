"""A binding at Cloudflare: its custom hostname comes, has states of its own, and goes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.fakes.cloudflare_saas import ZONE, FakeCustomHostnames
from tests.models import world as rows
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.adapters.proxy.cloudflare import CloudflareHostnames, CloudflareProxyConfiguration
from nameplate.adapters.vendors.cloudflare import PacedApi
from nameplate.core import configuration
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.secret import Secret
from nameplate.core.turns import Turn
from nameplate.models import Account, Binding, Certificate, Domain, Server, SslProvider
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases.claims import facts, hosted_answers, routing, served_conditions
from nameplate.usecases.serving import bindings, hosted, probes, proxies

HOST = "acme.com"
CLOUDFLARE = {"type": "cloudflare", "account": "cf", "zone": ZONE, "validation": "txt"}
pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def fake() -> Iterator[FakeCustomHostnames]:
    with FakeCustomHostnames() as server:
        yield server


@pytest.fixture
def rig(migrated_sqlite_url: str, fake: FakeCustomHostnames) -> Rig:
    rig = bound(sessions_over(migrated_sqlite_url), ssl_enabled=True)
    api = PacedApi(f"{fake.url}/client/v4", Secret("the-right-key"))

    def connect(server: Server, _account: Account, ledger: frozenset[str]) -> CloudflareHostnames:
        given = {name: value for name, value in (server.proxy or {}).items() if name != "type"}
        config = configuration.load(CloudflareProxyConfiguration, given)
        return CloudflareHostnames(api, config, show("srv", server.id), ledger)

    rig.world.tools = replace(rig.world.tools, proxy_by_account=connect)
    rig.change(Server, proxy=CLOUDFLARE)
    with rig.world.sessions.begin(PLATFORM) as session:
        rows.account(session, None, provider="cloudflare", name="cf")
    return rig


def work_on_binding(rig: Rig) -> Any:
    lease = rig.world.leased(Binding, rig.ids[Binding])
    probes.sweep(rig.world.sessions, rig.world.tools, [lease])
    return rig.read(Binding)


def work_on_server(rig: Rig) -> Any:
    lease = rig.world.leased(Server, rig.ids[Server])
    proxies.reconcile(rig.world.sessions, rig.world.tools, lease)
    return rig.read(Server)


def arrive(rig: Rig, fake: FakeCustomHostnames) -> Any:
    """Bring the binding to life."""
    work_on_binding(rig)
    work_on_server(rig)
    fake.become(HOST)
    work_on_server(rig)
    return work_on_binding(rig)


def test_a_binding_is_active_when_its_custom_hostname_is_and_gone_with_it(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    assert work_on_binding(rig).status is BindingStatus.CONFIGURING
    work_on_server(rig)
    assert fake.at(HOST)["custom_metadata"]["nameplate"] == show("srv", rig.ids[Server])
    row = work_on_binding(rig)
    assert row.status is BindingStatus.CONFIGURING, "Cloudflare has not activated it"
    assert row.seen_host.state.reason == "custom_hostname_pending"
    assert rig.prober.looked == []
    fake.become(HOST)
    work_on_server(rig)
    assert work_on_binding(rig).status is BindingStatus.ACTIVE
    with rig.world.sessions.begin(PLATFORM) as session:
        assert session.query(Certificate).count() == 0, "Cloudflare has its own"
        assert session.get_one(Domain, rig.ids[Domain]).ssl_provider is SslProvider.CLOUDFLARE
        bindings.remove(session, PLATFORM, show("bnd", row.id), datetime.now(UTC))
    work_on_binding(rig)
    work_on_server(rig)
    assert fake.at(HOST) is None
    assert fake.writes() == ["POST", "DELETE"], "each once"


def test_a_moved_host_is_unhealthy_but_kept_and_validated_again(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    arrive(rig, fake)
    fake.become(HOST, status="moved")
    work_on_server(rig)
    row = work_on_binding(rig)
    assert (row.status, row.health_status) == (BindingStatus.ACTIVE, HealthStatus.UNHEALTHY)
    assert row.seen_host.state.reason == "custom_hostname_moved"
    work_on_server(rig)
    assert fake.writes() == ["POST", "PATCH"], "never removed, and asked again once in a while"
    fake.become(HOST)
    work_on_server(rig)
    assert work_on_binding(rig).health_status is HealthStatus.HEALTHY


def test_what_somebody_else_made_is_never_touched(rig: Rig, fake: FakeCustomHostnames) -> None:
    fake.theirs(HOST)
    work_on_binding(rig)
    work_on_server(rig)
    row = rig.read(Binding)
    assert row.status is BindingStatus.ERROR
    assert row.seen_host.state.reason == "custom_hostname_foreign"
    assert fake.writes() == []
    fake.state.clear()  # the cause is removed
    work_on_binding(rig)
    work_on_server(rig)
    assert fake.writes() == ["POST"]


def test_beyond_the_quota_is_refused_with_a_code_and_goes_on_when_there_is_room(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    fake.quota = 1
    fake.theirs("other.example.com")
    work_on_binding(rig)
    work_on_server(rig)
    row = rig.read(Binding)
    assert row.status is BindingStatus.ERROR
    assert row.seen_host.state.reason == "custom_hostname_quota"
    fake.quota = 2
    assert arrive(rig, fake).status is BindingStatus.ACTIVE


def test_what_was_removed_at_cloudflare_is_made_again(rig: Rig, fake: FakeCustomHostnames) -> None:
    arrive(rig, fake)
    fake.state.clear()
    work_on_server(rig)
    work_on_server(rig)
    assert fake.at(HOST) is not None


def test_an_account_of_another_owner_is_not_used(rig: Rig, fake: FakeCustomHostnames) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        other = rows.organization(session)
        session.query(Account).one().organization_id = other.id
    work_on_binding(rig)
    assert work_on_server(rig).trouble_code == "setting_invalid"
    assert fake.asked == []


def test_without_metadata_the_ledger_says_what_is_ours(rig: Rig, fake: FakeCustomHostnames) -> None:
    fake.takes_metadata = False
    rig.change(Server, proxy={**CLOUDFLARE, "metadata": False})
    row = arrive(rig, fake)
    assert row.status is BindingStatus.ACTIVE
    fake.theirs("other.example.com")
    with rig.world.sessions.begin(PLATFORM) as session:
        bindings.remove(session, PLATFORM, show("bnd", row.id), datetime.now(UTC))
    work_on_binding(rig)
    work_on_server(rig)
    assert [one["hostname"] for one in fake.state.values()] == ["other.example.com"]


def test_the_owner_is_told_what_cloudflare_waits_for(rig: Rig, fake: FakeCustomHostnames) -> None:
    work_on_binding(rig)
    work_on_server(rig)
    told, names = told_of(rig)
    assert (told.reason, told.turn) == ("custom_hostname_pending", Turn.YOU)
    assert {"_cf-custom-hostname.acme.com", "_acme-challenge.acme.com"} <= names
    fake.become(HOST, status="blocked")
    work_on_server(rig)
    assert told_of(rig)[0].turn is Turn.OPERATOR
    arrive(rig, fake)
    told, names = told_of(rig)
    assert told.status, told
    assert "_cf-custom-hostname.acme.com" not in names


def told_of(rig: Rig) -> tuple[Condition, set[str | None]]:
    """Return the condition of serving, and the names of records that the owner is to publish."""
    with rig.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.ids[Domain])
        known = facts.read(session, [domain], datetime.now(UTC))[domain.id]
        steps = routing.steps(session, known)
        return served_conditions.serving(known), {one.instruction.get("name") for one in steps}


def test_who_only_claims_the_host_learns_nothing_of_it(rig: Rig, fake: FakeCustomHostnames) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        other = rows.organization(session)
        app = rows.application(session, other, upstream_host="10.0.0.2", upstream_port=80)
        claim = rows.domain(session, other)
        theirs = rows.binding(session, app, claim, server_id=rig.ids[Server], hostname=HOST).id
    arrive(rig, fake)
    fake.become(HOST, status="pending")
    work_on_server(rig)
    with rig.world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Binding, theirs).seen_host is None
    assert rig.read(Binding).seen_host.state.records


def test_a_failure_of_cloudflare_is_told_and_overcome(rig: Rig, fake: FakeCustomHostnames) -> None:
    work_on_binding(rig)
    fake.play("status", status=503, times=4, when=lambda _asked: True)
    assert work_on_server(rig).trouble_code == "provider_failed"
    fake.faults.clear()
    assert arrive(rig, fake).status is BindingStatus.ACTIVE
    assert rig.read(Server).trouble_code is None


def test_the_expiry_of_cloudflares_certificate_is_watched(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    arrive(rig, fake)
    assert certificate_of(rig).reason == "active"
    soon = datetime.now(UTC) + timedelta(days=3)
    fake.at(HOST)["ssl"]["expires_on"] = soon.isoformat()
    work_on_server(rig)
    told = certificate_of(rig)
    assert (told.reason, told.status, told.turn) == ("custom_hostname_expiring", True, Turn.YOU)


def certificate_of(rig: Rig) -> Condition:
    with rig.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.ids[Domain])
        known = facts.read(session, [domain], datetime.now(UTC))[domain.id]
        (found,) = served_conditions.certificates(known)
        return found


def test_an_answer_of_cloudflares_proves_nothing_of_a_host_that_it_serves_for_us(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    """Behind it is an origin that marks no answer: any tenant could have put the proof there."""
    good = Proof(Verdict.MATCH, "file_match", "", servers=((HOST, "104.16.0.1"),))
    hop = replace(good, servers=(("elsewhere.example", "192.0.2.1"), (HOST, "104.16.0.1")))
    other = replace(good, servers=(("www.example.org", "104.16.0.1"),))
    absent = replace(good, verdict=Verdict.ABSENT)
    with rig.world.sessions.begin(PLATFORM) as session:
        assert hosted_answers.judged(session, good) == good, "it does not serve it yet"
    arrive(rig, fake)
    with rig.world.sessions.begin(PLATFORM) as session:
        for proof in (good, hop):
            found = hosted_answers.judged(session, proof)
            assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "answered_by_platform")
        for proof in (other, absent):
            assert hosted_answers.judged(session, proof) == proof
        bindings.remove(session, PLATFORM, show("bnd", rig.ids[Binding]), datetime.now(UTC))
    work_on_binding(rig)
    work_on_server(rig)
    work_on_server(rig)
    with rig.world.sessions.begin(PLATFORM) as session:
        assert hosted_answers.judged(session, good) == good


def test_certificates_are_ours_again_where_the_host_moves_to_a_proxy_of_ours(
    rig: Rig, fake: FakeCustomHostnames
) -> None:
    arrive(rig, fake)
    with rig.world.sessions.begin(PLATFORM) as session:
        other = rows.server(session, None, proxy={"type": "caddy"}, name="ours").id
        row = session.get_one(Binding, rig.ids[Binding])
        row.server_id, row.status = other, BindingStatus.PENDING
        domain = session.get_one(Domain, rig.ids[Domain])
        hosted.note_issuer(domain, row, session.get_one(Server, other))
        assert domain.ssl_provider is SslProvider.LETSENCRYPT
        domain.ssl_provider = SslProvider.CUSTOM
        hosted.note_issuer(domain, row, session.get_one(Server, other))
        assert domain.ssl_provider is SslProvider.CUSTOM, "an uploaded one stays so"
