"""Rights come from the holding alone, and end with it: for hosts, claims, tokens and suspensions."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import BindingStatus, DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    Binding,
    Domain,
    HoldingScope,
    NameHolding,
    Organization,
    Server,
    Verification,
)
from nameplate.usecases import holders
from nameplate.usecases.claims import domains, proving, verifications
from nameplate.usecases.serving import hosts, probes, routes


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def now() -> datetime:
    return datetime.now(UTC)


def claim(world: Offline, actor: Actor, name: str, *, proved: bool = False, **given: Any) -> int:
    with world.sessions.begin(actor) as session:
        row_id = domains.add(session, world.tools, actor, name=name, **given).id
    if proved:
        with world.sessions.begin(PLATFORM) as session:
            prove(session, session.get_one(Domain, row_id), now())
    return row_id


def bound(world: Offline, actor: Actor, domain_id: int, path: str = "/", **columns: Any) -> int:
    """Bind an application, as far as a probe has seen it."""
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, domain_id)
        owner = session.get_one(Organization, actor.organization_id)
        app = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=8000)
        server = session.scalars(sa.select(Server)).first() or rows.server(session, None)
        made = rows.binding(
            session, app, domain, server_id=server.id, path=path, status=BindingStatus.ACTIVE,
            **{"hostname": domain.full_domain, **columns},
        )  # fmt: skip
        return int(made.id)


def served(world: Offline) -> dict[tuple[str, str], int]:
    """Return which organization is rendered at each host and path; the edge must say the same."""
    with world.sessions.begin(PLATFORM) as session:
        servers = session.scalars(sa.select(Server.id)).all()
        found = {
            (route.hostname, route.path): route.organization
            for server in servers
            for route in routes.wanted(session, server)
        }
        _, _, streamed = hosts.everything(session)
        assert {(one.hostname, one.path): one.organization for one in streamed} == found
    return found


def domain(world: Offline, row_id: int) -> Domain:
    with world.sessions.begin(PLATFORM) as session:
        return session.get_one(Domain, row_id)


def test_a_claim_below_lapses_with_the_holding_that_it_rested_on(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, "example-shop.com", proved=True)
    child = claim(world, red, "shop.example-shop.com")
    bound(world, red, child, path="/login")
    assert domain(world, child).is_live
    assert served(world) == {("shop.example-shop.com", "/login"): red.organization_id}

    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "example-shop.com", now())
    assert domain(world, child).status is DomainStatus.PENDING_VERIFICATION
    assert domain(world, child).holding_name is None
    assert served(world) == {}

    claim(world, blue, "example-shop.com", proved=True)
    theirs = claim(world, blue, "shop.example-shop.com")
    bound(world, blue, theirs)
    assert served(world) == {("shop.example-shop.com", "/"): blue.organization_id}


def test_a_claim_with_its_own_proof_stays_when_the_one_above_goes(world: Offline) -> None:
    red = world.organization("red")
    claim(world, red, "example-shop.com", proved=True)
    child = claim(world, red, "shop.example-shop.com", proved=True)
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "example-shop.com", now())
    assert domain(world, child).is_live
    assert domain(world, child).holding_name == "shop.example-shop.com"


def test_a_wildcard_inherits_a_holding_only_by_its_own_proof(world: Offline) -> None:
    red = world.organization("red")
    claim(world, red, "shop-red.com", proved=True)
    wildcard = claim(world, red, "*.shop-red.com")
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "shop-red.com", now())
    assert not domain(world, wildcard).is_live
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(NameHolding)).all() == []


def test_a_proof_of_the_name_alone_serves_nothing_below_it(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = claim(world, red, "corp-red.com")
    with world.sessions.begin(PLATFORM) as session:
        prove(session, session.get_one(Domain, mine), now(), subtree=False)
    theirs = claim(world, blue, "shop.corp-red.com", proved=True)
    below = bound(world, red, mine, hostname="shop.corp-red.com", subdomain="shop")
    bound(world, blue, theirs)
    bound(world, red, mine)
    expected = {
        ("shop.corp-red.com", "/"): blue.organization_id,
        ("corp-red.com", "/"): red.organization_id,
    }
    assert served(world) == expected
    lease = world.leased(Binding, below)
    probes.sweep(world.sessions, world.tools, [lease])
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Binding, below)
        assert row.status is BindingStatus.PENDING
        assert "covers only that name" in (row.error_message or "")


def test_rows_that_contradict_each_other_serve_the_holder(world: Offline) -> None:
    """Whatever stands in the tables: a host leads to the most specific holder, or nowhere."""
    red, blue = world.organization("red"), world.organization("blue")
    above = claim(world, red, "corp-red.com", proved=True)
    below = claim(world, blue, "shop.corp-red.com")
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, below)
        rows.holding(session, row, name="shop.corp-red.com", scope=HoldingScope.EXACT)
        row.holding_name = "shop.corp-red.com"
        row.verify(now(), now())
    bound(world, red, above, path="/login", hostname="shop.corp-red.com", subdomain="shop")
    bound(world, blue, below)
    assert served(world) == {("shop.corp-red.com", "/"): blue.organization_id}
    with world.sessions.begin(PLATFORM) as session:
        assert holders.holder(session, "shop.corp-red.com") == blue.organization_id
        assert holders.holder(session, "www.corp-red.com") == red.organization_id


def test_a_status_without_a_holding_serves_nothing(world: Offline) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "corp-red.com", proved=True)
    bound(world, red, row_id)
    with world.sessions.begin(PLATFORM) as session:
        session.execute(sa.delete(NameHolding))
    assert served(world) == {}


def test_who_suspended_decides_who_resumes(world: Offline) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "shop-red.com", proved=True)
    with world.sessions.begin(red) as session:
        domains.suspend(session, red, "shop-red.com", now(), "A pause of ours.")
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", row_id), now(), "Phishing reports.")
    both = domain(world, row_id)
    assert (both.own_suspension, both.platform_suspension) == (
        "A pause of ours.",
        "Phishing reports.",
    )
    with (
        pytest.raises(Conflict, match="Only the platform's operator") as caught,
        world.sessions.begin(red) as session,
    ):
        domains.resume(session, red, "shop-red.com", now())
    assert caught.value.code == "suspended_by_platform"
    with world.sessions.begin(PLATFORM) as session:
        domains.resume(session, PLATFORM, ids.show("dom", row_id), now())
    assert domain(world, row_id).status is DomainStatus.SUSPENDED, "its own pause goes on"
    with world.sessions.begin(red) as session:
        domains.resume(session, red, "shop-red.com", now())
    assert domain(world, row_id).is_live


def test_a_proof_seen_again_ends_no_suspension(world: Offline) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "shop-red.com", proved=True)
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", row_id), now(), "Phishing reports.")
        prove(session, session.get_one(Domain, row_id), now())
    assert domain(world, row_id).status is DomainStatus.SUSPENDED


def proofs(world: Offline, domain_id: int) -> list[Verification]:
    with world.sessions.begin(PLATFORM) as session:
        query = sa.select(Verification).where(Verification.organization_domain_id == domain_id)
        return list(session.scalars(query.order_by(Verification.id)))


def look(world: Offline, row: Verification) -> VerificationStatus:
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, row.id))
    return next(r for r in proofs(world, row.organization_domain_id) if r.id == row.id).status


def test_a_superseded_token_proves_nothing(world: Offline) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "shop-red.com")
    with world.sessions.begin(red) as session:
        verifications.add(session, world.tools, red, "shop-red.com", "dns_txt")
    old, new = proofs(world, row_id)
    world.method.published["shop-red.com"] = old.verification_token
    assert look(world, old) is VerificationStatus.EXPIRED
    assert not domain(world, row_id).is_live
    world.method.published["shop-red.com"] = new.verification_token
    assert look(world, new) is VerificationStatus.VERIFIED


@pytest.mark.parametrize("used", [False, True])
def test_a_restored_claim_shows_a_fresh_token_at_once(world: Offline, *, used: bool) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "shop-red.com")
    (old,) = proofs(world, row_id)
    world.method.published["shop-red.com"] = old.verification_token
    if used:
        assert look(world, old) is VerificationStatus.VERIFIED
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "shop-red.com", now())
    with world.sessions.begin(red) as session:
        back = domains.restore(session, world.tools, red, ids.show("dom", row_id), now())
        shown = back.verification_token
    *_, fresh = proofs(world, row_id)
    assert shown == fresh.verification_token != old.verification_token
    assert look(world, old) is VerificationStatus.EXPIRED, "a token of the deleted claim is void"
    assert not domain(world, row_id).is_live
    world.method.published["shop-red.com"] = fresh.verification_token
    assert look(world, fresh) is VerificationStatus.VERIFIED


def test_a_lost_proof_ends_no_suspension(world: Offline) -> None:
    """Otherwise a tenant would give a name up and prove it anew to be served again."""
    red = world.organization("red")
    claim(world, red, "shop-red.com", proved=True)
    child = claim(world, red, "api.shop-red.com")
    bound(world, red, child)
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", child), now(), "Phishing reports.")
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "shop-red.com", now())
    assert domain(world, child).holding_name is None
    with world.sessions.begin(PLATFORM) as session:
        prove(session, session.get_one(Domain, child), now())
    assert domain(world, child).status is DomainStatus.SUSPENDED
    assert served(world) == {}
    with world.sessions.begin(PLATFORM) as session:
        domains.resume(session, PLATFORM, ids.show("dom", child), now())
    assert domain(world, child).is_live


def test_what_the_operator_suspended_is_not_removed_and_added_anew(world: Offline) -> None:
    red = world.organization("red")
    row_id = claim(world, red, "shop-red.com", proved=True)
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", row_id), now(), "Phishing reports.")
    with pytest.raises(Conflict) as caught, world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "shop-red.com", now())
    assert caught.value.code == "suspended_by_platform"
    with world.sessions.begin(PLATFORM) as session:
        domains.remove(session, world.tools, PLATFORM, ids.show("dom", row_id), now())
    assert domain(world, row_id).deleted_at is not None
