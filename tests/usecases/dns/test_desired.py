"""What is known of a domain's zone before its provider is asked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.dns.zone_rig import APEX, NS, SOA, Rig, a, made
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus, PlanStatus, RecordStatus
from nameplate.core.plan import Plan
from nameplate.core.records import Change, RRset
from nameplate.models import (
    Account,
    Domain,
    LedgerPurpose,
    LedgerState,
    Organization,
    RecordableType,
)
from nameplate.usecases.dns import desired, records
from nameplate.usecases.dns.desired import DesiredZone
from nameplate.usecases.dns.ledger import SETTLING
from nameplate.usecases.tools import Tools

A = RRset("www.acme.com", "A", 300, ("192.0.2.1",))


@pytest.fixture
def tools(migrated_sqlite_url: str) -> Tools:
    return Offline(sessions_over(migrated_sqlite_url)).tools


class Scene:
    """A proved domain with one record that the provider has had for long."""

    def __init__(self, session: Session, tools: Tools) -> None:
        self.session, self.tools = session, tools
        owner = world.organization(session)
        self.account = world.account(session, owner)
        self.domain: Domain = world.domain(
            session, owner, dns_account_id=self.account.id, status=DomainStatus.VERIFIED
        )
        self.record = world.record(
            session, self.domain, name="www", value="192.0.2.1", ttl=300,
            status=RecordStatus.ACTIVE, last_synced_at=NOW - timedelta(hours=1),
        )  # fmt: skip
        self.entry(dns_record_id=self.record.id)

    def entry(self, **columns: Any) -> Any:
        given = {"name": "www.acme.com", **columns}
        return world.ledger_entry(self.session, self.account, self.domain, **given)

    def read(self) -> DesiredZone:
        found = desired.read_desired(self.session, self.domain, self.tools, NOW)
        assert found is not None
        return found


@pytest.fixture
def scene(lite: Session, tools: Tools) -> Scene:
    return Scene(lite, tools)


def test_a_proved_domain_wants_its_records(scene: Scene) -> None:
    zone = scene.read()
    assert (zone.is_proved, zone.is_free, zone.is_empty) == (True, False, False)
    assert list(zone.rrsets([])) == [A]
    assert zone.bare_name == "acme.com"


def test_a_lapsed_proof_keeps_what_is_there_and_adds_nothing(scene: Scene) -> None:
    world.record(scene.session, scene.domain, name="new")
    scene.domain.status = DomainStatus.PENDING_VERIFICATION
    zone = scene.read()
    assert set(zone.wants) == {("www.acme.com", "A", "192.0.2.1")}
    changed = A._replace(ttl=60, values=("192.0.2.1", "192.0.2.9"))
    assert list(zone.rrsets([changed])) == [changed._replace(values=("192.0.2.1",))]
    assert list(zone.rrsets([])) == []


def test_a_released_domain_wants_nothing_and_nothing_is_held_back(scene: Scene) -> None:
    scene.domain.deleted_at = NOW
    zone = scene.read()
    assert (list(zone.wants), zone.is_free) == ([], True)
    assert zone.entries


def test_challenges_are_wanted_without_a_record(scene: Scene) -> None:
    certificate = world.certificate(scene.session, scene.domain)
    where = {"name": "_acme-challenge.acme.com", "value": '"x"', "record_type": "TXT"}
    scene.entry(
        purpose=LedgerPurpose.CHALLENGE, ssl_certificate_id=certificate.id,
        state=LedgerState.INTENDED, **where,
    )  # fmt: skip
    zone = scene.read()
    assert ("_acme-challenge.acme.com", "TXT", '"x"') in zone.wants
    assert ("_acme-challenge.acme.com", "TXT") in zone.unquestioned
    assert ("www.acme.com", "A") not in zone.unquestioned


def test_what_follows_a_server_is_not_questioned(scene: Scene) -> None:
    made = {"recordable_type": RecordableType.SERVER, "recordable_id": 1}
    row = world.record(scene.session, scene.domain, name="edge", **made)
    zone = scene.read()
    assert ("edge.acme.com", "A") in zone.unquestioned
    assert row.id in zone.automatic


def test_what_somebody_changed_is_drift_unless_we_are_at_it(scene: Scene) -> None:
    zone = scene.read()
    (found,) = zone.drifts([])
    assert (found.expected, found.observed) == (A, None)
    assert zone.drifts([A]) == ()
    begun = zone.begun(Plan("acme.com", (Change(None, A),), (), (), (), 0))
    assert begun.lines[0].status is RecordStatus.SYNCING
    assert replace(zone, is_proved=False).drifts([]) == ()


def test_what_is_new_has_not_drifted_where_readings_lag(scene: Scene) -> None:
    """It is no drift yet, and not written a second time either: somebody may have changed it."""
    scene.account.provider = "cloudflare"
    scene.record.last_synced_at = NOW
    zone = scene.read()
    theirs = A._replace(values=("198.51.100.1",))
    for live in ([], [theirs]):
        assert zone.drifts(live) == ()
        assert zone.unseen(live, {A.key}) == {A.key}
    assert zone.unseen([A], {A.key}) == frozenset()
    assert replace(zone, is_proved=False).unseen([], {A.key}) == frozenset()


@pytest.mark.parametrize("provider", ["powerdns", "rfc2136"])
def test_a_server_that_reads_its_own_writes_shows_drift_at_once(
    scene: Scene, provider: str
) -> None:
    scene.account.provider = provider
    scene.record.last_synced_at = NOW
    zone = scene.read()
    assert [found.observed for found in zone.drifts([])] == [None]
    assert zone.unseen([], {A.key}) == frozenset()


def test_what_somebody_else_put_in_the_place_of_what_we_change_is_drift(scene: Scene) -> None:
    """We were about to make .1 into .5; meanwhile somebody else made it .66."""
    scene.record.value, scene.record.status = "192.0.2.5", RecordStatus.SYNCING
    scene.entry(
        value="192.0.2.5", state=LedgerState.INTENDED, dns_record_id=scene.record.id,
        value_digest="5" * 64,
    )  # fmt: skip
    zone = scene.read()
    theirs = A._replace(values=("192.0.2.66",))
    (found,) = zone.drifts([theirs])
    assert (found.expected.values, found.observed) == (("192.0.2.5",), theirs)
    beside = A._replace(values=("192.0.2.1", "192.0.2.66"))
    for live in ([A], [beside], [], [A._replace(values=("192.0.2.5",))]):
        assert zone.drifts(live) == ()


def test_drift_stays_drift_when_another_value_is_added_beside(scene: Scene) -> None:
    world.record(scene.session, scene.domain, name="www", value="192.0.2.2", ttl=300)
    zone = scene.read()
    (found,) = zone.drifts([A._replace(values=("192.0.2.66",))])
    assert found.expected == A
    assert zone.drifts([A._replace(ttl=60)]) == (), "a TTL is ours to change"


def test_values_of_other_domains_are_left_to_them(scene: Scene) -> None:
    owner = scene.session.get_one(Organization, scene.domain.organization_id)
    other = world.domain(scene.session, owner, subdomain="shop")
    world.record(scene.session, scene.domain, name="shop", value="192.0.2.1", ttl=300)
    shop = A._replace(name="shop.acme.com")
    assert list(scene.read().rrsets([])) == [A, shop]
    world.ledger_entry(scene.session, scene.account, other, zone="acme.com", name=shop.name)
    assert list(scene.read().rrsets([])) == [A]


def test_a_plan_that_was_forced_holds_nothing_back(scene: Scene) -> None:
    row = world.plan(scene.session, scene.domain, status=PlanStatus.APPLYING, forced=True)
    zone = scene.read()
    assert (zone.plan_id, zone.is_free) == (row.id, True)


def test_without_a_working_account_nothing_can_be_written(scene: Scene) -> None:
    scene.account.deleted_at = NOW
    assert desired.read_desired(scene.session, scene.domain, scene.tools, NOW) is None
    scene.domain.dns_account_id = None
    assert desired.read_desired(scene.session, scene.domain, scene.tools, NOW) is None


def test_readings_lag_less_in_a_sandbox(tools: Tools) -> None:
    assert desired.settling(tools) == SETTLING
    assert desired.settling(replace(tools, poll=timedelta(seconds=1))) == timedelta(seconds=1)


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[Rig]:
    sessions = sessions_over(migrated_sqlite_url)
    found = made(sessions)
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.update(Account).values(provider="namecheap"))
    yield found
    sessions.dispose()


def _add(rig: Rig, label: str, last: int) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(
            session, rig.actor, rig.name, type="A", name=label, value=f"192.0.2.{last}",
            ttl=300, now=datetime.now(UTC),
        )  # fmt: skip


def test_a_zone_that_is_replaced_as_a_whole_is_not_written_when_it_reads_as_empty(rig: Rig) -> None:
    _add(rig, "www", 1)
    rig.work()
    assert (f"www.{APEX}", "A") in rig.zone
    before = rig.zone
    _add(rig, "shop", 2)
    rig.provider.lagging = [SOA, NS]
    rig.work(after=timedelta(hours=1))
    assert rig.zone == before
    assert "lists no records" in str(rig.rows()["shop", "192.0.2.2"].error_message)
    rig.provider.lagging = None
    rig.work(after=timedelta(hours=3))
    assert rig.zone == {**before, (f"shop.{APEX}", "A"): a("shop", 2)}


def test_an_empty_zone_in_which_nothing_of_ours_was_is_written(rig: Rig) -> None:
    _add(rig, "www", 1)
    rig.provider.lagging = [SOA, NS]
    rig.work()
    assert (f"www.{APEX}", "A") in rig.zone
