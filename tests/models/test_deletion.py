"""Soft deletion and restoration with everything below (S7), on all three databases."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import BindingStatus, DomainStatus, RecordStatus
from nameplate.models import Binding, Domain, HttpChallenge, Model, NameHolding, Record, deletion
from nameplate.models.deletion import restore, soft_delete
from nameplate.models.orm import SoftDeletable

LATER = world.NOW + timedelta(hours=1)
KINDS: list[Any] = [m.class_ for m in Model.registry.mappers if issubclass(m.class_, SoftDeletable)]


def hidden(session):
    """Return what is hidden: a set of table and id."""
    return {
        (kind.__tablename__, id_)
        for kind in KINDS
        for id_ in session.scalars(sa.select(kind.id).where(kind.deleted_at.is_not(None)))
    }


@pytest.fixture
def acme(session):
    return world.organization(session)


@pytest.fixture
def rows(session, acme):
    return world.everything(session, acme)


def test_an_organization_hides_and_brings_back_its_tree(session, acme, rows):
    below = world.organization(session, parent_organization_id=acme.id)
    deepest = world.organization(session, parent_organization_id=below.id)
    world.everything(session, deepest, "deep.com")
    world.everything(session, world.organization(session), "other.com")
    count = soft_delete(session, acme, world.NOW)
    assert count == len(hidden(session)) == 3 + 2 * 10
    moments = {m for k in KINDS for m in session.scalars(sa.select(k.deleted_at).distinct())}
    assert moments == {None, world.NOW}
    assert session.scalars(Domain.visible(Actor(acme.id))).all() == []
    assert [d.domain_name for d in session.scalars(Domain.visible(PLATFORM))] == ["other.com"]
    assert soft_delete(session, acme, LATER) == 0
    assert restore(session, acme, LATER) == count
    assert hidden(session) == set()
    assert restore(session, acme, LATER) == 0


@pytest.mark.parametrize("table", sorted({k.__tablename__ for k in KINDS} - {"organizations"}))
def test_every_kind_can_be_hidden_and_brought_back(session, rows, table):
    row = rows[table]
    count = soft_delete(session, row, world.NOW)
    children = deletion.BELOW.get(type(row), ())
    assert count == 1 + len(children)
    assert (table, row.id) in hidden(session)
    assert restore(session, row, LATER) == count
    assert hidden(session) == set()


def test_restoring_leaves_alone_what_was_hidden_before(session, acme, rows):
    early = world.record(session, rows["organization_domains"])
    soft_delete(session, early, world.NOW - timedelta(days=1))
    soft_delete(session, rows["organization_domains"], world.NOW)
    soft_delete(session, acme, LATER)
    restore(session, acme, LATER)
    domain = rows["organization_domains"]
    assert ("organization_domains", domain.id) in hidden(session)
    restore(session, domain, LATER)
    assert hidden(session) == {("dns_records", early.id)}


def test_two_acts_at_the_same_moment_stay_apart(session, rows):
    apart = world.record(session, rows["organization_domains"])
    soft_delete(session, apart, world.NOW)
    soft_delete(session, rows["organization_domains"], world.NOW)
    restore(session, rows["organization_domains"], LATER)
    assert hidden(session) == {("dns_records", apart.id)}


def test_a_hidden_domain_holds_nothing_and_answers_no_challenge(session, rows):
    other = world.organization(session)
    soft_delete(session, rows["organization_domains"], world.NOW)
    assert session.scalars(sa.select(NameHolding)).all() == []
    assert session.scalars(sa.select(HttpChallenge)).all() == []
    world.holding(session, world.domain(session, other))


def test_a_restored_domain_must_be_proved_again(session, rows):
    domain = rows["organization_domains"]
    domain.verify(world.NOW, LATER)
    domain.activate()
    binding, record = rows["application_domain_bindings"], rows["dns_records"]
    binding.configure()
    binding.activate(world.NOW)
    record.confirm(world.NOW)
    soft_delete(session, domain, world.NOW)
    restore(session, domain, LATER)
    assert domain.status is DomainStatus.PENDING_VERIFICATION
    assert (domain.verified_at, domain.verification_expires_at) == (None, None)
    assert domain.next_action_at == LATER
    assert session.get(Binding, binding.id).status is BindingStatus.PENDING
    assert session.get(Binding, binding.id).next_action_at == LATER
    assert session.get(Record, record.id).status is RecordStatus.PENDING
    assert session.scalars(sa.select(NameHolding)).all() == []


def test_restoring_ends_no_suspension_and_wants_nothing_that_was_off(session, rows):
    domain, binding = rows["organization_domains"], rows["application_domain_bindings"]
    record = rows["dns_records"]
    domain.suspend("abuse", world.NOW, by_platform=True)
    binding.disable("off")
    record.disable()
    soft_delete(session, domain, world.NOW)
    restore(session, domain, LATER)
    assert domain.status is DomainStatus.SUSPENDED
    assert session.get(Binding, binding.id).status is BindingStatus.DISABLED
    assert session.get(Record, record.id).status is RecordStatus.DISABLED


def test_bindings_are_touched_for_the_change_feed(session, rows):
    binding = rows["application_domain_bindings"]

    def touched():
        session.refresh(binding)
        changed = binding.updated_at != world.NOW
        reset = sa.update(Model.metadata.tables[Binding.__tablename__]).values(updated_at=world.NOW)
        session.connection().execute(reset)
        return changed

    touched()
    for table in ("organization_domains", "applications", "servers", "ssl_certificates"):
        soft_delete(session, rows[table], world.NOW)
        assert touched(), table
        restore(session, rows[table], LATER)
        assert touched(), table


AGAIN = {
    "organization_domains": (lambda s, r: world.domain(s, r["owner"]), "acme.com"),
    "dns_records": (
        lambda s, r: world.record(s, r["organization_domains"], value="192.0.2.9"),
        "A @",
    ),
    "application_domain_bindings": (
        lambda s, r: world.binding(s, r["applications"], r["organization_domains"]),
        "acme.com /",
    ),
}


@pytest.mark.parametrize("table", AGAIN)
def test_restoring_into_a_conflict_names_it_and_changes_nothing(session, acme, rows, table):
    again, name = AGAIN[table]
    rows["dns_records"].value = "192.0.2.9"
    soft_delete(session, rows[table], world.NOW)
    before = hidden(session)
    again(session, rows | {"owner": acme})
    with pytest.raises(Conflict, match=name) as caught:
        restore(session, rows[table], LATER)
    assert caught.value.code == "restore_conflict"
    assert hidden(session) == before


def test_a_taken_slug_or_external_id_stands_in_the_way(session):
    first = world.organization(session, slug="acme", external_id="7")
    soft_delete(session, first, world.NOW)
    world.organization(session, slug="acme")
    with pytest.raises(Conflict, match="acme"):
        restore(session, first, LATER)


def test_a_child_does_not_come_back_below_a_hidden_parent(session, acme, rows):
    soft_delete(session, rows["dns_records"], world.NOW)
    soft_delete(session, rows["organization_domains"], world.NOW + timedelta(seconds=1))
    with pytest.raises(Conflict, match="domain that it belongs to is deleted"):
        restore(session, rows["dns_records"], LATER)
    soft_delete(session, rows["applications"], world.NOW + timedelta(seconds=2))
    with pytest.raises(Conflict, match="application that it belongs to is deleted"):
        restore(session, rows["organization_domains"], LATER)
    soft_delete(session, acme, LATER)
    with pytest.raises(Conflict, match="organization that it belongs to is deleted"):
        restore(session, rows["applications"], LATER)


def test_a_tenant_deletes_and_restores_its_own(sessions):
    with sessions.begin(PLATFORM) as session:
        acme, other = world.organization(session), world.organization(session)
        rows = world.everything(session, acme)
        foreign = world.everything(session, other, "other.com")
    with sessions.begin(Actor(acme.id)) as session:
        mine = session.get(Domain, rows["organization_domains"].id)
        count = soft_delete(session, mine, world.NOW)
    with sessions.begin(PLATFORM) as session:
        assert len(hidden(session)) == count == 5
        theirs = session.get(Domain, foreign["organization_domains"].id)
        assert theirs.deleted_at is None
    with sessions.begin(Actor(acme.id)) as session:
        assert restore(session, session.get(Domain, mine.id), LATER) == count
    with sessions.begin(PLATFORM) as session:
        assert hidden(session) == set()
