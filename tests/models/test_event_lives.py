"""Every kind of event is told by the use case that causes it: small lives of objects."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.models.event_reader import FROM_START, read, types
from tests.usecases.certificates import certificate_rig
from tests.usecases.offline import Offline
from tests.usecases.serving import serving_rig

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions
from nameplate.models import Binding, Server, Verification
from nameplate.ports.prober import Failure
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains, proving, verifications
from nameplate.usecases.dns import records
from nameplate.usecases.serving import applications, bindings, probes, servers
from nameplate.usecases.tenants import accounts, organizations, tokens

DAY = timedelta(days=1)


def _new(sessions: Sessions, seen: list[str]) -> list[str]:
    """Return the types that came since the last call."""
    every = types(sessions)
    fresh = every[len(seen) :]
    seen += fresh
    return fresh


@dataclass
class Life:
    """A claimed domain, its proof, and what was told so far."""

    world: Offline
    acme: Actor
    domain_id: int
    proof_id: int
    token: str
    seen: list[str]

    def look(self, after: timedelta = timedelta(0)) -> None:
        lease = self.world.leased(Verification, self.proof_id, after=after)
        proving.reconcile(self.world.sessions, self.world.tools, lease)

    def new(self) -> list[str]:
        return sorted(_new(self.world.sessions, self.seen))


@pytest.fixture
def life(sessions: Sessions) -> Life:
    world, seen = Offline(sessions), list[str]()
    acme = world.organization("acme")
    assert _new(sessions, seen) == ["organization.added"]
    with sessions.begin(acme) as session:
        domain = domains.add(session, world.tools, acme, name="shop.example.com")
        (proof,) = verifications.page(session, acme, limit=10)
    assert sorted(_new(sessions, seen)) == ["domain.claimed", "verification.requested"]
    return Life(world, acme, domain.id, proof.id, proof.verification_token, seen)


NAME = "shop.example.com"


def test_a_domain_is_proved_and_lapses(life: Life) -> None:
    life.look()
    assert life.new() == []  # a look is no event
    life.world.method.published[NAME] = life.token
    life.look()
    assert life.new() == ["domain.verified", "verification.succeeded"]
    life.look(after=30 * DAY)
    assert life.new() == []  # proved anew, as every month
    del life.world.method.published[NAME]
    life.look()
    assert life.new() == ["domain.lapsing"]
    life.look(after=timedelta(hours=1))
    assert life.new() == []
    life.world.method.published[NAME] = life.token
    life.look(after=timedelta(hours=2))
    assert life.new() == ["domain.reproved"]
    del life.world.method.published[NAME]
    life.look()
    assert life.new() == ["domain.lapsing"]
    for day, told in ((3, "domain.lapsing"), (6, "domain.lapsing"), (7, "domain.lapsed")):
        life.look(after=day * DAY + timedelta(minutes=1))
        assert life.new() == [told]
    life.look(after=37 * DAY + timedelta(minutes=2))
    assert life.new() == [
        "domain.quarantined",
        "domain.released",
        "verification.failed",
        "verification.requested",
    ]


def test_a_domain_is_suspended_released_and_restored(life: Life) -> None:
    world, acme, name, now = life.world, life.acme, NAME, datetime.now(UTC)
    sessions, seen = world.sessions, life.seen
    with sessions.begin(acme) as session:
        domains.suspend(session, acme, name, now, "moving")
    assert _new(sessions, seen) == ["domain.suspended"]
    with sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, name, now, "abuse")
    with sessions.begin(PLATFORM) as session:
        domains.resume(session, PLATFORM, name, now)
    with sessions.begin(acme) as session:
        domains.resume(session, acme, name, now)
    assert _new(sessions, seen) == ["domain.suspended", "domain.resumed", "domain.resumed"]
    with sessions.begin(acme) as session:
        domains.update(session, acme, name, now, force_https=False)
    assert _new(sessions, seen) == ["domain.changed"]
    _removed_and_restored(world, acme, ids.show("dom", life.domain_id), seen)
    told = read(sessions, acme)
    assert {one.hostname for one in told if one.type.startswith("domain.")} == {name}
    assert {one.actor.value for one in told} == {"organization", "operator"}
    story = read(sessions, acme, replace(FROM_START, object=ids.show("dom", life.domain_id)))
    assert {one.type.partition(".")[0] for one in story} == {"domain", "verification"}
    only = read(sessions, acme, replace(FROM_START, types=("domain.*",)))
    assert {one.type.partition(".")[0] for one in only} == {"domain"}


def _removed_and_restored(world: Offline, acme: Actor, reference: str, seen: list[str]) -> None:
    now = datetime.now(UTC)
    with world.sessions.begin(acme) as session:
        domains.remove(session, world.tools, acme, reference, now)
    assert _new(world.sessions, seen) == ["domain.released"]
    with world.sessions.begin(acme) as session:
        domains.restore(session, world.tools, acme, reference, now)
    assert "domain.restored" in _new(world.sessions, seen)


def test_records_and_tokens(sessions: Sessions) -> None:
    world, seen = Offline(sessions), list[str]()
    acme, now = world.organization("acme"), datetime.now(UTC)
    with sessions.begin(acme) as session:
        made = accounts.add(session, acme, world.tools, kind="dns", provider="memory", name="dns",
                            config={}, credentials={"api_key": "s3cret"})  # fmt: skip
        domains.add(session, world.tools, acme, name="example.com", account="dns")
        row = records.add(session, acme, "example.com", type="A", name="www", value="192.0.2.1",
                          now=now)  # fmt: skip
        token, _ = tokens.add(session, acme, name="ci", now=now, random=world.tools.random)
    reference = ids.show("rec", row.id)
    assert {"account.added", "record.added", "token.created"} <= set(_new(sessions, seen))
    with sessions.begin(acme) as session:
        records.update(session, acme, reference, now=now, ttl=60)
        tokens.revoke(session, acme, ids.show("tok", token.id), now)
    assert sorted(_new(sessions, seen)) == ["record.changed", "token.revoked"]
    with sessions.begin(acme) as session:
        records.remove(session, acme, reference, now)
        accounts.update(session, acme, world.tools, ids.show("acct", made.id),
                        credentials={"api_key": "other"})  # fmt: skip
    assert sorted(_new(sessions, seen)) == ["account.changed", "record.removed"]
    every = "\n".join(str(one.before) + str(one.after) for one in read(sessions))
    assert "s3cret" not in every


def test_organizations_servers_and_applications(sessions: Sessions) -> None:
    world, seen = Offline(sessions), list[str]()
    acme, now = world.organization("acme"), datetime.now(UTC)
    _new(sessions, seen)
    with sessions.begin(PLATFORM) as session:
        organizations.update(session, PLATFORM, "acme", is_active=False)
    assert _new(sessions, seen) == ["organization.deactivated"]
    with sessions.begin(PLATFORM) as session:
        organizations.update(session, PLATFORM, "acme", is_active=True, name="Acme 2")
    assert sorted(_new(sessions, seen)) == ["organization.activated", "organization.changed"]
    with sessions.begin(acme) as session:
        server = servers.add(session, world.tools, acme, name="edge", address="192.0.2.9",
                             now=now)  # fmt: skip
        app = applications.add(session, PLATFORM, name="Shop", organization="acme")
    with sessions.begin(acme) as session:
        servers.update(session, world.tools, acme, ids.show("srv", server.id), now,
                       address="192.0.2.8")  # fmt: skip
        applications.update(session, acme, ids.show("app", app.id), now, name="Store")
    assert sorted(_new(sessions, seen)) == [
        *("application.added", "application.changed", "server.added", "server.changed"),
    ]


def test_the_life_of_a_certificate(sessions: Sessions) -> None:
    rig = certificate_rig.made(sessions)
    seen = list[str]()
    assert {"domain.claimed", "domain.verified", "certificate.requested"} <= set(
        _new(sessions, seen)
    )
    rig.work()
    assert _new(sessions, seen) == ["certificate.issued"]
    rig.work(after=70 * DAY)
    assert _new(sessions, seen) == ["certificate.renewed"]
    (issued,) = [one for one in read(sessions) if one.type == "certificate.issued"]
    assert issued.hostname == certificate_rig.NAME
    assert issued.after["serial_number"]
    with sessions.begin(rig.actor) as session:
        requests.remove(session, rig.actor, rig.reference, datetime.now(UTC))
    assert _new(sessions, seen) == ["certificate.removed"]


def test_the_life_of_a_binding(sessions: Sessions) -> None:
    rig, seen = serving_rig.bound(sessions), list[str]()
    assert "binding.added" in _new(sessions, seen)

    def sweep() -> None:
        lease = rig.world.leased(Binding, rig.ids[Binding])
        probes.sweep(sessions, rig.world.tools, [lease])

    sweep()
    rig.change(Server, configured_at=datetime.now(UTC) - timedelta(minutes=1))
    rig.change(Binding, served_server_id=rig.ids[Server], served_serial="0a")
    sweep()
    assert sorted(_new(sessions, seen)) == [
        *("binding.activated", "binding.healthy", "domain.activated"),
    ]
    sweep()
    assert _new(sessions, seen) == []  # as healthy as before
    rig.prober.sees = {"failure": Failure.CLOSED, "message": "the connection ended"}
    sweep()
    assert _new(sessions, seen) == ["binding.degraded"]
    sweep()
    assert _new(sessions, seen) == []
    sweep()
    assert _new(sessions, seen) == ["binding.unhealthy"]
    sweep()
    assert _new(sessions, seen) == []
    rig.prober.sees = {"status": 200}
    sweep()
    assert _new(sessions, seen) == []  # it answers, and once more is asked for
    sweep()
    assert _new(sessions, seen) == ["binding.healthy"]
    with sessions.begin(rig.actor) as session:
        bindings.remove(session, rig.actor, ids.show("bnd", rig.ids[Binding]), datetime.now(UTC))
    assert "binding.removed" in _new(sessions, seen)
