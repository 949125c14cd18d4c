"""A hosted zone goes with its domain, unless it holds what Nameplate did not write."""

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.hosting.host_rig import NAME, Rig, hosted

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus
from nameplate.core.records import Change, RRset
from nameplate.models import Account, Domain, LedgerEntry, Organization
from nameplate.ports.dns import Zone
from nameplate.usecases.hosting import removal

OURS = RRset(f"www.{NAME}", "A", 60, ("192.0.2.1",))
THEIRS = RRset(f"x.{NAME}", "TXT", 60, ('"by hand"',))


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return hosted(sessions_over(migrated_sqlite_url), removed=True)


def remove(rig: Rig) -> bool:
    row = rig.zone()
    assert row is not None
    return removal.remove(rig.world.sessions, rig.world.tools, rig.lease(), rig.case(), row)


def written(rig: Rig, *, by: int | None = None) -> None:
    """Put a record into zone and ledger, of the domain itself or of another one."""
    rig.host.apply(Zone(NAME), [Change(None, OURS)])
    with rig.world.sessions.begin(PLATFORM) as session:
        account = session.get_one(Account, rig.account_id)
        owner = session.get_one(Domain, by or rig.domain_id)
        rows.ledger_entry(session, account, owner, zone=NAME, name=OURS.name)


def test_the_zone_goes_with_what_we_wrote(rig: Rig) -> None:
    written(rig)
    assert remove(rig) is False
    assert rig.host.deleted == [(NAME, "0" * 40)]
    assert rig.zone() is None
    with rig.world.sessions.begin(PLATFORM) as session:
        assert session.query(LedgerEntry).count() == 0
    assert rig.domain().next_action_at is None


def test_a_zone_that_is_gone_already_is_forgotten(rig: Rig) -> None:
    rig.host.delete(Zone(NAME), "")
    rig.host.deleted.clear()
    assert remove(rig) is False
    assert rig.host.deleted == []
    assert rig.zone() is None


def test_what_somebody_else_wrote_keeps_it(rig: Rig) -> None:
    written(rig)
    rig.host.apply(Zone(NAME), [Change(None, THEIRS)])
    assert remove(rig) is True
    assert rig.host.deleted == []
    row = rig.zone()
    assert row is not None
    assert row.error_message is not None
    assert f"x.{NAME} TXT" in row.error_message
    assert OURS.name not in row.error_message
    assert rig.domain().error_message == row.error_message


def test_a_value_of_somebody_else_in_our_set_keeps_it(rig: Rig) -> None:
    written(rig)
    both = OURS._replace(values=("192.0.2.1", "192.0.2.2"))
    rig.host.apply(Zone(NAME), [Change(OURS, both)])
    assert remove(rig) is True
    assert rig.host.deleted == []


def test_the_next_domain_in_the_zone_inherits_it(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, rig.owner_id)
        heir = rows.domain(session, owner, NAME, subdomain="www", status=DomainStatus.ACTIVE).id
    written(rig, by=heir)
    assert remove(rig) is True
    assert rig.host.deleted == []
    row = rig.zone()
    assert row is not None
    assert row.organization_domain_id == heir
