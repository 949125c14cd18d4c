"""Which names a step looks at, read from rows."""

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.usecases.offline import Offline

from nameplate.core.lifecycle import DomainStatus
from nameplate.leases import Lease
from nameplate.models import Domain, RecordType
from nameplate.usecases.propagation import dangling_names
from nameplate.usecases.propagation.dangling_names import ScanPlan


@pytest.fixture
def tools(migrated_sqlite_url: str) -> Any:
    offline = Offline(sessions_over(migrated_sqlite_url))
    offline.sessions.dispose()
    return offline.tools


def domain(session: Session, name: str = "acme.com") -> Domain:
    return world.domain(session, world.organization(session), name, status=DomainStatus.VERIFIED)


def plan(session: Session, tools: Any, of: Domain) -> ScanPlan:
    row = world.dangling_scan(session, of)
    lease = Lease(row.id, 0, world.NOW + timedelta(minutes=1), world.NOW, time.monotonic())
    (found,) = dangling_names.plans(session, tools, [lease])
    return found


def names(found: ScanPlan) -> list[str]:
    return [one.name for one in found.subjects]


def test_the_domain_and_the_names_of_records_that_lead_somewhere(lite: Session, tools: Any) -> None:
    claim = domain(lite)
    world.record(lite, claim, name="www", record_type=RecordType.CNAME, value="x.example.net.")
    world.record(lite, claim, name="mail", record_type=RecordType.TXT, value="hello")
    world.record(lite, claim, name="dev", record_type=RecordType.NS, value="ns.example.net.")
    found = plan(lite, tools, claim)
    assert names(found) == ["acme.com", "dev.acme.com", "www.acme.com"]
    assert [one.is_delegated for one in found.subjects] == [True, True, False]
    assert found.subjects[0].probe.endswith(".acme.com")


def test_records_are_looked_at_for_a_while_after_their_removal(lite: Session, tools: Any) -> None:
    claim = domain(lite)
    for name, days in (("new", 89), ("old", 91)):
        gone = world.NOW - timedelta(days=days)
        world.record(lite, claim, name=name, deleted_at=gone)
    assert names(plan(lite, tools, claim)) == ["acme.com", "new.acme.com"]


def test_what_dangled_is_looked_at_until_it_has_ended(lite: Session, tools: Any) -> None:
    claim = domain(lite)
    found = world.dangling_record(lite, claim)
    assert names(plan(lite, tools, claim)) == ["acme.com", "old.acme.com"]
    assert found.ended_at is None


@pytest.mark.parametrize("by", ["claim", "record"])
def test_a_wildcard_that_is_wanted_is_not_asked_for(lite: Session, tools: Any, by: str) -> None:
    claim = domain(lite)
    if by == "record":
        world.record(lite, claim, name="*")
    else:
        lite.add(
            Domain(organization_id=claim.organization_id, domain_name="acme.com", subdomain="*")
        )
        lite.flush()
    assert plan(lite, tools, claim).subjects[0].probe == ""


def test_a_domain_that_was_released_long_ago_is_not_looked_at(lite: Session, tools: Any) -> None:
    claim = domain(lite)
    claim.deleted_at = world.NOW - timedelta(days=91)
    lite.flush()
    found = plan(lite, tools, claim)
    assert not found.is_watched
    assert not found.subjects


def test_servers_of_others_do_not_count_and_shared_ones_do(lite: Session, tools: Any) -> None:
    claim = domain(lite)
    world.server(lite, world.organization(lite), address="192.0.2.1").deleted_at = world.NOW
    world.server(lite, None, address="192.0.2.2").deleted_at = world.NOW
    moved = world.server(lite, None, address="192.0.2.3", addresses=["2001:db8::1"])
    moved.addresses = ["2001:DB8::2", "192.0.2.3"]
    lite.flush()
    servers = plan(lite, tools, claim).subjects[0].servers
    assert servers.left == {"192.0.2.2", "2001:db8::1"}
    assert servers.current == {"192.0.2.3", "2001:db8::2"}
