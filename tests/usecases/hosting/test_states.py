"""What is known of a hosted domain before its server is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.hosting.host_rig import NAME, SERVERS, Rig, hosted

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import Account, DnsSettings, Domain, NameHolding, Organization
from nameplate.usecases import work
from nameplate.usecases.hosting import states


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return hosted(sessions_over(migrated_sqlite_url))


def test_the_holder_of_a_proved_name(rig: Rig) -> None:
    case = rig.case()
    assert (case.zone, case.name_servers) == (NAME, tuple(SERVERS))
    assert (case.is_mine, case.is_live, case.is_removed, case.is_held) == (True, True, False, True)


def test_less_than_the_whole_name_gives_nobody_a_zone(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        for row in session.query(NameHolding):
            session.delete(row)
    assert not rig.case().is_held


def test_another_organizations_zone_is_seen_and_not_ours(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        other = rows.organization(session)
        dns = session.get_one(Domain, rig.domain_id).dns
        theirs = rows.domain(session, other, NAME, dns_account_id=rig.account_id, dns=dns)
        case = states.load(session, theirs)
        assert case is not None
        assert case.row is not None
        assert not case.is_mine
        assert not case.is_held


def test_a_removed_domain_leaves_a_zone_that_another_lives_in(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, rig.owner_id)
        below = rows.domain(session, owner, NAME, subdomain="shop")
        row = states.row_of(session, rig.account_id, NAME)
        assert row is not None
        row.organization_domain_id = below.id
        session.get_one(Domain, rig.domain_id).deleted_at = datetime.now(UTC)
    case = rig.case()
    assert (case.is_removed, case.is_mine) == (True, False)


@pytest.mark.parametrize("gone", ["account", "hosted"])
def test_what_is_not_hosted_has_no_case(rig: Rig, gone: str) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        if gone == "account":
            session.get_one(Account, rig.account_id).deleted_at = datetime.now(UTC)
        else:
            domain.dns = DnsSettings(NAME)
        session.flush()
        assert states.load(session, domain) is None


def test_a_server_that_cannot_create_zones(rig: Rig) -> None:
    case = rig.case()
    provider, host = states.host_of(rig.world.tools, case.account)
    assert {id(provider), id(host)} == {id(rig.host)}
    plain = replace(rig.world.tools, dns_provider=lambda _account: MemoryDns({}))
    with pytest.raises(Refused) as caught:
        states.host_of(plain, case.account)
    assert caught.value.code == "hosting_misconfigured"


def test_a_failure_is_told_on_both_rows_and_tried_again(rig: Rig) -> None:
    lease = rig.lease()
    states.fail(rig.world.sessions, lease, rig.case(), "No room.", timedelta(hours=1))
    zone, domain = rig.zone(), rig.domain()
    assert zone is not None
    assert zone.error_message == domain.error_message == "No room."
    assert domain.lease_until is None
    assert domain.next_action_at is not None
    assert domain.next_action_at > datetime.now(UTC) + timedelta(minutes=55)


def test_a_note_needs_the_lease(rig: Rig) -> None:
    case = rig.case()
    lease = rig.lease()
    states.note(rig.world.sessions, lease, lambda session, _row: states.forget(session, case))
    assert rig.zone() is None
    with pytest.raises(work.Superseded):
        states.note(rig.world.sessions, replace(lease, fence=0), lambda _session, _row: None)
