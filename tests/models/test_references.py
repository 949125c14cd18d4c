"""No row refers to what belongs to another organization: decision S6, on all three databases."""

import pytest
import sqlalchemy as sa
from tests.models import world
from tests.models.refusals import refused

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotPermitted
from nameplate.models import DnsSettings, Domain, Model

TABLES = Model.metadata.tables
TENANT_TABLES = [t for t in Model.metadata.sorted_tables if "organization_id" in t.c]
CHILD_TABLES = [
    t for t in TENANT_TABLES if any(len(key.column_keys) == 2 for key in t.foreign_key_constraints)
]


@pytest.mark.parametrize("table", CHILD_TABLES, ids=lambda table: table.name)
def test_no_child_hangs_below_another_organization(session, table):  # S6
    rows = world.everything(session, world.organization(session))
    other = world.organization(session)
    identity = sa.inspect(rows[table.name]).identity[0]
    key = next(iter(table.primary_key.columns))
    change = sa.update(table).where(key == identity).values(organization_id=other.id)
    refused(session, lambda: session.connection().execute(change))


def test_a_binding_presents_only_a_certificate_of_its_organization(session):  # S6
    acme, other = world.organization(session), world.organization(session)
    mine, foreign = world.domain(session, acme), world.domain(session, other)
    app, cert = world.application(session, acme), world.certificate(session, foreign)
    with pytest.raises(NotPermitted, match="another organization"):
        world.binding(session, app, mine, ssl_certificate_id=cert.id)


@pytest.mark.parametrize("session", ["postgresql"], indirect=True)
def test_postgresql_itself_refuses_a_foreign_certificate(session):  # S6
    acme, other = world.organization(session), world.organization(session)
    claim = world.domain(session, acme)
    world.binding(session, world.application(session, acme), claim)
    cert = world.certificate(session, world.domain(session, other))
    change = sa.update(TABLES["application_domain_bindings"]).values(ssl_certificate_id=cert.id)
    refused(session, lambda: session.connection().execute(change))


def test_a_binding_is_served_by_a_shared_server_or_one_of_its_organization(session):  # S6, S16
    acme, other = world.organization(session), world.organization(session)
    app, claim = world.application(session, acme), world.domain(session, acme)
    shared, own = world.server(session, None), world.server(session, acme)
    row = world.binding(session, app, claim, server_id=shared.id)
    row.server_id = own.id
    session.flush()
    row.server_id = world.server(session, other).id
    with pytest.raises(NotPermitted, match="another organization"):
        session.flush()


def test_a_ledger_entry_names_the_platforms_account_or_an_own_one(session):  # S6
    acme, other = world.organization(session), world.organization(session)
    claim = world.domain(session, acme)
    world.ledger_entry(session, world.account(session, None), claim)
    world.ledger_entry(session, world.account(session, acme), claim)
    with pytest.raises(NotPermitted, match="another organization"):
        world.ledger_entry(session, world.account(session, other), claim)


def test_a_domain_names_the_platforms_account_or_an_own_one(session):  # S6
    acme, other = world.organization(session), world.organization(session)
    claim = world.domain(session, acme, dns_account_id=world.account(session, None).id)
    claim.dns_account_id = world.account(session, acme).id
    session.flush()
    claim.dns_account_id = world.account(session, other).id
    with pytest.raises(NotPermitted, match="another organization"):
        session.flush()


def test_a_tenant_names_an_account_of_the_platform_that_it_cannot_see(sessions):  # S6
    with sessions.begin(PLATFORM) as session:
        acme, other = world.organization(session), world.organization(session)
        platform, foreign = world.account(session, None), world.account(session, other)
    with sessions.begin(Actor(acme.id)) as session:
        claim = world.domain(session, acme, dns_account_id=platform.id)
    with pytest.raises(NotPermitted, match="another"), sessions.begin(Actor(acme.id)) as session:
        session.get_one(Domain, claim.id).dns_account_id = foreign.id


def test_an_account_that_is_deleted_leaves_no_reference(session):  # S6
    acme = world.organization(session)
    by = world.account(session, acme)
    claim = world.domain(session, acme, dns_account_id=by.id, dns=DnsSettings("acme.com"))
    session.delete(by)
    session.flush()
    session.refresh(claim)
    assert (claim.dns_account_id, claim.dns.zone) == (None, "acme.com")


def test_one_account_hosts_a_name_once(session):  # S6
    acme, other = world.organization(session), world.organization(session)
    platform = world.account(session, None)
    world.hosted_zone(session, platform, world.domain(session, acme))
    theirs = world.domain(session, other)
    refused(session, lambda: world.hosted_zone(session, platform, theirs))
    with pytest.raises(NotPermitted, match="another organization"):
        world.hosted_zone(session, world.account(session, acme), theirs)


def test_deleting_a_server_or_certificate_empties_the_reference(session):  # S6
    acme = world.organization(session)
    rows = world.everything(session, acme)
    row = rows["application_domain_bindings"]
    for table in ("servers", "ssl_certificates"):
        session.delete(rows[table])
    session.flush()
    session.refresh(row)
    assert (row.server_id, row.ssl_certificate_id) == (None, None)
    assert row.organization_id == acme.id
