"""What the conditions of domains are worked out from: many read as one would be."""

from datetime import timedelta

from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline
from tests.usecases.test_holders import claim

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, DomainStatus, RecordStatus
from nameplate.db import Sessions
from nameplate.models import Domain, Hosting
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


def test_a_holding_read_beside_its_domain_is_the_one_asked_for(sessions: Sessions) -> None:
    offline = Offline(sessions)
    red, blue = offline.organization("red"), offline.organization("blue")
    base = claim(offline, red, "deep-red.com", proved=True)
    labels = [f"{'x.' * depth}deep-red.com" for depth in range(1, 6)]
    ids_ = [base, *(claim(offline, red, name) for name in (*labels, "*.x.x.x.deep-red.com"))]
    ids_.append(claim(offline, red, "x.x.shop.deep-red.com"))
    own = claim(offline, red, "y.x.deep-red.com", proved=True)
    ids_ += [own, claim(offline, red, "x.y.x.deep-red.com"), claim(offline, blue, labels[1])]
    with sessions.begin(PLATFORM) as session:
        world.grant(
            session, session.get_one(Domain, base), name="shop.deep-red.com",
            grantee_organization_id=blue.organization_id,
        )  # fmt: skip
    found = []
    for actor in (PLATFORM, red, blue):
        with sessions.begin(actor) as session:
            for row in session.scalars(Domain.visible(actor).order_by(Domain.id)).all():
                beside = facts.of_one(session, actor, ids.show(Prefix.DOMAIN, row.id), NOW)
                assert beside.holding == facts.read(session, [row], NOW)[row.id].holding
                found.append(beside.holding and beside.holding.name)
    assert found.count("deep-red.com") >= 2 * len(labels)
    assert found.count("y.x.deep-red.com") == 4
    assert None in found
