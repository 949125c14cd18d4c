"""What the conditions of domains are worked out from: many read as one would be."""

from datetime import timedelta

from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.lifecycle import BindingStatus, DomainStatus, RecordStatus
from nameplate.models import Hosting
from nameplate.models.dns_settings import DnsSettings
from nameplate.usecases.claims import facts


def test_of_many_each_is_as_alone(lite: Session) -> None:
    owner = world.organization(lite)
    app, server = world.application(lite, owner), world.server(lite, owner)
    server.fail("down", "It is down.", ["a.com"], NOW)
    domains = [
        world.domain(lite, owner, name, status=DomainStatus.VERIFIED, verification_token=name)
        for name in ("a.com", "b.com", "c.com")
    ]
    for row in domains[:2]:
        world.verification(lite, row, verification_token=row.full_domain)
        world.certificate(lite, row, expires_at=NOW + timedelta(days=1))
        world.binding(
            lite, app, row, hostname=row.full_domain, server_id=server.id,
            served_server_id=server.id, status=BindingStatus.ACTIVE,
        )  # fmt: skip
        world.record(lite, row, status=RecordStatus.ACTIVE, propagated=True)
        world.record(lite, row, name="www", status=RecordStatus.ERROR)
        world.record(lite, row, name="off", status=RecordStatus.DISABLED)
    together = facts.read(lite, domains, NOW)
    assert together == {row.id: facts.read(lite, [row], NOW)[row.id] for row in domains}
    first, second, third = (together[row.id] for row in domains)
    assert first.exposed == [("a.com", server)]
    assert second.exposed == third.exposed == []
    found = first.records
    assert (found.total, found.below, found.waiting, found.seen) == (3, 2, 1, 1)
    assert [row.name for row in found.rows] == ["www", "off"]
    assert first.verification is not None
    assert first.holding is not None
    assert len(first.certificates) == len(first.bindings) == 1
    assert (third.records.total, third.bindings, third.verification) == (0, [], None)


def test_a_hosted_zone_is_found_by_its_account_and_name(lite: Session) -> None:
    owner = world.organization(lite)
    account = world.account(lite, None)
    hosting = DnsSettings("a.com", Hosting(("ns1.p.test",), "h.p.test"))
    row = world.domain(lite, owner, "a.com", dns_account_id=account.id, dns=hosting)
    assert facts.read(lite, [row], NOW)[row.id].zone is None
    zone = world.hosted_zone(lite, account, row)
    assert facts.read(lite, [row], NOW)[row.id].zone is zone
