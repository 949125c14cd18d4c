"""The proof is written by the organization's own account, and by no account of the platform."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.usecases.dns.zone_rig import APEX, NS, SOA, ZONE, Provider
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.lifecycle import DomainStatus
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions, database_now
from nameplate.models import Domain, LedgerEntry, LedgerState, Verification
from nameplate.usecases.claims import conditions, domains, proving, verifications
from nameplate.usecases.dns import zones
from nameplate.usecases.tenants import accounts


@dataclass
class Story:
    """A claim whose account reaches its zone."""

    offline: Offline
    provider: Provider
    actor: Actor
    domain_id: int

    def work(self) -> None:
        lease = self.offline.leased(Domain, self.domain_id)
        zones.reconcile(self.offline.sessions, self.offline.tools, lease)

    def look(self) -> None:
        """Look for the proof, in a world where everybody sees the zone."""
        for rrset in self.provider.records(ZONE):
            if rrset.type == "TXT":
                self.offline.method.published[rrset.name] = rrset.values[0].strip('"')
        lease = self.offline.leased(Verification, self.verification().id)
        proving.reconcile(self.offline.sessions, self.offline.tools, lease)

    def domain(self) -> Domain:
        with self.offline.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, self.domain_id)

    def verification(self) -> Verification:
        token = self.domain().verification_token
        with self.offline.sessions.begin(PLATFORM) as session:
            rows: Sequence[Verification] = session.scalars(Verification.visible(PLATFORM)).all()
        (row,) = [row for row in rows if row.verification_token == token]
        return row

    def published(self) -> list[str]:
        found = [one for one in self.provider.records(ZONE) if one.type == "TXT"]
        return [value.strip('"') for one in found for value in one.values]

    def fix(self) -> tuple[str, str | None]:
        with self.offline.sessions.begin(PLATFORM) as session:
            row = session.get_one(Domain, self.domain_id)
            found = conditions.of(session, self.offline.tools, row)
        (one,) = [one for one in found if one.type == "ownership"]
        return one.fix, one.turn


def story(sessions: Sessions, *, of_platform: bool = False) -> Story:
    offline = Offline(sessions)
    provider = Provider({APEX: [SOA, NS]})
    offline.tools = replace(offline.tools, dns_provider=lambda _account: provider)
    acme = offline.organization("acme")
    by = PLATFORM if of_platform else acme
    given: dict[str, Any] = {"kind": "dns", "provider": "memory", "name": "dns"}
    with sessions.begin(by) as session:
        accounts.add(session, by, offline.tools, **given)
        row = domains.add(session, offline.tools, by, name=APEX, account="dns", organization="acme")
    return Story(offline, provider, acme, row.id)


def test_an_own_account_writes_the_proof_and_the_name_is_proved(sessions: Sessions) -> None:
    """It had to be published by hand, though everything else was written."""
    found = story(sessions)
    assert found.fix() == ("Wait. Nameplate publishes the proof with the DNS account.", "nameplate")
    found.work()
    assert found.published() == [found.verification().verification_token]
    due = found.verification().next_action_at
    assert due is not None
    with sessions.begin(PLATFORM) as session:
        assert due <= database_now(session)  # looked for at once
    found.look()
    assert found.domain().status is DomainStatus.VERIFIED
    found.work()
    assert len(found.published()) == 1  # it stays as long as the domain


def test_what_somebody_else_has_there_stays(sessions: Sessions) -> None:
    found = story(sessions)
    name = found.verification().verification_record_name
    assert name is not None
    theirs = RRset(name, "TXT", 60, ('"theirs"',))
    found.provider.apply(ZONE, [Change(None, theirs)])
    found.work()
    assert sorted(found.published()) == sorted(["theirs", found.verification().verification_token])


def test_a_new_token_replaces_the_one_before(sessions: Sessions) -> None:
    found = story(sessions)
    found.work()
    (before,) = found.published()
    with sessions.begin(found.actor) as session:
        verifications.add(session, found.offline.tools, found.actor, APEX, "dns_txt")
    found.work()
    (after,) = found.published()
    assert after != before


def test_a_claim_that_is_given_up_takes_its_proof_away(sessions: Sessions) -> None:
    found = story(sessions)
    found.work()
    with sessions.begin(found.actor) as session:
        now = database_now(session)
        domains.remove(session, found.offline.tools, found.actor, APEX, now)
    found.work()
    assert found.published() == []


def test_a_suspended_claim_writes_nothing(sessions: Sessions) -> None:
    found = story(sessions)
    with sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, APEX, database_now(session), "unpaid")
    found.work()
    assert found.published() == []


def test_an_account_of_the_platform_proves_nothing(sessions: Sessions) -> None:
    """It reaches everybody's zones: whoever claimed one of them would hold it."""
    found = story(sessions, of_platform=True)
    assert found.domain().dns_account_id is not None
    assert found.fix()[0].startswith("Publish a TXT record")
    found.work()
    assert found.published() == []
    with sessions.begin(PLATFORM) as session:
        assert not session.scalars(LedgerEntry.visible(PLATFORM)).all()


def test_the_ledger_knows_the_proof_before_the_provider_does(sessions: Sessions) -> None:
    found = story(sessions)
    seen: list[LedgerState] = []

    def checkpoint(point: str) -> None:
        if point == "records:intended":
            with sessions.begin(PLATFORM) as session:
                seen.extend(row.state for row in session.scalars(LedgerEntry.visible(PLATFORM)))
            assert found.published() == []

    found.offline.tools = replace(found.offline.tools, checkpoint=checkpoint)
    found.work()
    assert seen == [LedgerState.INTENDED]


@pytest.mark.parametrize("by_id", [False, True])
def test_who_may_use_which_account(sessions: Sessions, *, by_id: bool) -> None:
    offline = Offline(sessions)
    acme, globex = offline.organization("acme"), offline.organization("globex")
    given: dict[str, Any] = {"kind": "dns", "provider": "memory"}
    with sessions.begin(PLATFORM) as session:
        shared = accounts.add(session, PLATFORM, offline.tools, name="shared", **given)
        theirs = accounts.add(
            session, PLATFORM, offline.tools, name="theirs", organization="globex", **given
        )
    named = {row.name: ids.show("acct", row.id) if by_id else row.name for row in (shared, theirs)}
    with sessions.begin(acme) as session, pytest.raises(NotFound):
        accounts.usable(session, acme, acme.organization_id or 0, named["shared"])
    with sessions.begin(PLATFORM) as session:
        found = accounts.usable(session, PLATFORM, acme.organization_id or 0, named["shared"])
        assert found.id == shared.id
        with pytest.raises(Conflict) as caught:
            accounts.usable(session, PLATFORM, acme.organization_id or 0, named["theirs"])
        assert caught.value.code == "account_of_another"
        with pytest.raises(NotFound):
            accounts.usable(session, PLATFORM, acme.organization_id or 0, "none")
    with sessions.begin(globex) as session:
        own = accounts.usable(session, globex, globex.organization_id or 0, named["theirs"])
        assert own.id == theirs.id
