"""Redirects between hosts of one organization: what is written, what is refused, what is served."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.edge.snapshot import Snapshot
from nameplate.models import Binding, Domain, Organization
from nameplate.usecases.claims import domains
from nameplate.usecases.serving import bindings, hosts, routes
from nameplate.usecases.tools import Tools

Bind = Callable[..., Binding]


@pytest.fixture
def tools(migrated_sqlite_url: str) -> Tools:
    return Offline(sessions_over(migrated_sqlite_url)).tools


@pytest.fixture
def owner(lite: Session) -> Organization:
    """Return the owner of two applications and two proved domains."""
    owner = world.organization(lite)
    for name in ("Shop", "Other"):
        app = world.application(lite, owner, name=name)
        app.upstream_host, app.upstream_port = "10.0.0.1", 80
    for name in ("acme.com", "old.com"):
        prove(
            lite, world.domain(lite, owner, name, status=DomainStatus.VERIFIED), NOW, subtree=True
        )
    world.server(lite, None, proxy={"type": "caddy"})
    return owner


@pytest.fixture
def bind(lite: Session, tools: Tools, owner: Organization) -> Bind:
    def bound(domain: str = "acme.com", subdomain: str | None = None, **given: Any) -> Binding:
        fields = {"application": "Shop", "now": NOW, **given}
        row = bindings.add(
            lite, tools, Actor(owner.id), domain=domain, subdomain=subdomain, **fields
        )
        for one in lite.query(Binding):
            one.status = BindingStatus.ACTIVE
        lite.flush()
        return row

    return bound


@pytest.fixture
def change(lite: Session, owner: Organization) -> Callable[..., Binding]:
    def changed(row: Binding, **changes: Any) -> Binding:
        with lite.begin_nested():
            lite.connection()
            return bindings.update(lite, Actor(owner.id), show("bnd", row.id), now=NOW, **changes)

    return changed


def code(refused: Callable[[], Any]) -> str:
    with pytest.raises((Conflict, Invalid)) as caught:
        refused()
    return caught.value.code


def served(session: Session, row: Binding) -> dict[str, str | None]:
    """Return the hosts that a server serves, and where each redirects to."""
    return {one.hostname: one.redirect_to for one in routes.wanted(session, row.server_id or 0)}


def test_both_names_in_one_step(lite: Session, bind: Bind) -> None:
    row = bind(with_partner=True, hsts_enabled=False)
    partner = lite.query(Binding).filter_by(hostname="www.acme.com").one()
    assert (row.redirect, row.is_primary) == ("none", True)
    assert (partner.redirect, partner.redirect_to, partner.is_primary) == (
        "apex",
        "acme.com",
        False,
    )
    assert (partner.hsts_enabled, partner.subdomain) == (False, "www")
    www = bind("old.com", "www", with_partner=True, application="Other")
    apex = lite.query(Binding).filter_by(hostname="old.com").one()
    assert (apex.redirect_to, apex.subdomain, www.redirect) == ("www.old.com", None, "none")
    assert served(lite, row) == {
        "acme.com": None, "www.acme.com": "acme.com", "www.old.com": None, "old.com": "www.old.com",
    }  # fmt: skip
    route = Snapshot.of(hosts.everything(lite)[2]).route("old.com", "/x")
    assert route is not None
    assert route.route.answer == b'"path":"/","redirect":{"host":"www.old.com","status":308}}'


def test_a_partner_needs_its_proof(lite: Session, owner: Organization, bind: Bind) -> None:
    exact = world.domain(lite, owner, "exact.com")
    prove(lite, exact, NOW, subtree=False)
    below = world.domain(lite, owner, "below.com", subdomain="www", status=DomainStatus.VERIFIED)
    prove(lite, below, NOW, subtree=True)
    wild = world.domain(lite, owner, "wild.com", subdomain="*", status=DomainStatus.VERIFIED)
    prove(lite, wild, NOW, subtree=True)
    for domain in ("exact.com", "www.below.com"):
        assert code(partial(bind, domain, with_partner=True, path="/x")) == "partner_not_covered"
    assert code(partial(bind, "*.wild.com", with_partner=True)) == "redirect_invalid"


@pytest.mark.parametrize(
    ("label", "redirect", "expected"),
    [
        ("www", "apex", ""),
        ("api", "to_primary", ""),
        ("api", "apex", "redirect_invalid"),
        ("www", "www", "redirect_invalid"),
        ("api", "www", "redirect_unserved"),
        (None, "to_primary", "redirect_invalid"),
    ],
)
def test_where_a_host_may_redirect(
    bind: Bind, change: Callable[..., Binding], label: str | None, redirect: str, expected: str
) -> None:
    first = bind()
    row = bind(subdomain=label) if label else first
    if expected:
        assert code(partial(change, row, redirect=redirect)) in {expected, "primary_needed"}
    else:
        assert change(row, redirect=redirect, redirect_status=301).redirect_to == "acme.com"


def test_no_chain_and_no_loop(bind: Bind, change: Callable[..., Binding]) -> None:
    apex, www = bind(), bind(subdomain="www")
    change(www, redirect="apex")
    assert code(partial(change, apex, redirect="www")) == "redirect_chained"
    old = bind("old.com", application="Other")
    assert code(partial(bind, "old.com", "www", application="Shop", redirect="www")) == (
        "redirect_invalid"
    )
    other = bind("old.com", "www", application="Other", redirect="to_primary")
    assert other.redirect_to == "old.com"
    assert code(partial(change, other, path_unknown=1)) == "field_unknown"
    assert code(partial(change, old, redirect_status=302)) == "redirect_invalid"
    change(www, redirect="none")
    assert change(apex, redirect="www").redirect_to == "www.acme.com"


def test_it_leads_to_the_same_path_over_https(bind: Bind) -> None:
    bind()
    assert code(partial(bind, subdomain="www", path="/a", redirect="apex")) == "redirect_unserved"
    bind("old.com", ssl_enabled=False, force_https=False)
    assert code(partial(bind, "old.com", "www", redirect="apex")) == "redirect_unserved"


def test_a_wildcard_neither_redirects_nor_is_led_to(
    lite: Session, owner: Organization, bind: Bind
) -> None:
    wild = world.domain(lite, owner, "wild.com", subdomain="*", status=DomainStatus.VERIFIED)
    prove(lite, wild, NOW, subtree=True)
    assert bind("*.wild.com").is_primary
    assert code(partial(bind, redirect="to_primary")) == "redirect_invalid"
    assert code(partial(bind, "*.wild.com", path="/a", redirect="www")) == "redirect_invalid"


def test_a_redirect_ends_with_what_it_leads_to(
    lite: Session, tools: Tools, owner: Organization, bind: Bind, change: Callable[..., Binding]
) -> None:
    """A name that the organization holds no more is redirected to no more, whoever has it then."""
    row = bind("old.com")
    bind(subdomain="www", redirect="to_primary")
    assert served(lite, row)["www.acme.com"] == "old.com"
    now, _ = hosts.changes(lite, NOW)
    change(row, enabled=False)
    assert served(lite, row) == {}
    _, wrote = hosts.changes(lite, now + timedelta(seconds=1))
    told = dict(hosts.changed(lite, wrote))
    assert told["www.acme.com"] == []
    change(row, enabled=True)
    row.status = BindingStatus.ACTIVE
    assert served(lite, row)["www.acme.com"] == "old.com"
    domains.remove(lite, tools, Actor(owner.id), "old.com", NOW)
    left = lite.query(Binding).filter_by(hostname="www.acme.com").one()
    assert (left.is_primary, left.redirect, left.redirect_to) == (True, "none", None)
    assert served(lite, row) == {"www.acme.com": None}
    assert lite.query(Domain).filter_by(domain_name="old.com").one().deleted_at


def test_the_database_keeps_the_statuses(session: Session) -> None:
    owner = world.organization(session)
    app, domain = world.application(session, owner), world.domain(session, owner)
    with pytest.raises(DatabaseError):
        world.binding(session, app, domain, redirect_status=302)
    session.rollback()
