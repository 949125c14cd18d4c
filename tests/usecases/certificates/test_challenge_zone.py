"""The check of the zone for delegated challenges: written, seen and removed, or what is wrong."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import Sessions
from nameplate.models import DnsSettings, Domain
from nameplate.ports.dns import Zone
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.certificates import challenge_zone
from nameplate.usecases.operations.checkup import Finding

ZONE = "challenges.platform.com"


@dataclass
class NameServer:
    """Answers with what the provider has; a delegation that leads elsewhere knows nothing of it."""

    provider: MemoryDns
    is_delegated: bool = True
    is_current: bool = True

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        values: tuple[str, ...] = ()
        if rdtype == "NS" and self.is_delegated:
            values = ("ns1.platform.com.",)
        elif self.is_current:
            known = {one.key: one.values for one in self.provider.records(Zone(ZONE, ZONE))}
            values = tuple(one.strip('"') for one in known.get((name, rdtype), ()))
        kind = AnswerKind.DATA if values else AnswerKind.NODATA
        return LookupResult(ZONE, (Answer(kind, "ns1", values),))


@dataclass
class At:
    """The operator's installation."""

    offline: Offline
    provider: MemoryDns
    server: NameServer
    domain_id: int

    def check(self) -> Finding:
        (found,) = challenge_zone.check(self.offline.sessions, self.offline.tools)
        return found

    def change(self, **columns: Any) -> None:
        with self.offline.sessions.begin(PLATFORM) as session:
            row = session.get_one(Domain, self.domain_id)
            for name, value in columns.items():
                setattr(row, name, value)


@pytest.fixture
def at(migrated_sqlite_sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> At:
    monkeypatch.setattr(challenge_zone, "SEEN_WITHIN", 0.1)
    offline = Offline(migrated_sqlite_sessions)
    provider = MemoryDns({ZONE: ()})
    server: Any = NameServer(provider)
    offline.tools = replace(
        offline.tools, challenge_zone=ZONE, resolver=server, dns_provider=lambda _account: provider
    )
    with offline.sessions.begin(PLATFORM) as session:
        operator = rows.organization(session)
        account = rows.account(session, operator)
        made = rows.domain(
            session, operator, "platform.com", subdomain="challenges",
            status=DomainStatus.VERIFIED, dns_account_id=account.id, dns=DnsSettings(ZONE),
        )  # fmt: skip
        domain_id = made.id
    return At(offline, provider, server, domain_id)


def test_without_a_zone_there_is_nothing_to_say(at: At) -> None:
    tools = replace(at.offline.tools, challenge_zone=None)
    assert challenge_zone.check(at.offline.sessions, tools) == []


def test_a_record_is_written_seen_and_removed(at: At) -> None:
    found = at.check()
    assert found.ok, found.message
    assert at.provider.records(Zone(ZONE, ZONE)) == []


def test_a_zone_that_is_not_delegated(at: At) -> None:
    at.server.is_delegated = False
    found = at.check()
    assert not found.ok
    assert "is not delegated" in found.message


def test_a_delegation_that_leads_elsewhere(at: At) -> None:
    at.server.is_current = False
    found = at.check()
    assert not found.ok
    assert "does not show at its name servers" in found.message
    assert at.provider.records(Zone(ZONE, ZONE)) == [], "nothing stays behind"


def test_an_account_that_may_not(at: At) -> None:
    def refuse(_account: Any) -> Any:
        raise Refused("credential_refused", "the key is wrong")

    at.offline.tools = replace(at.offline.tools, dns_provider=refuse)
    found = at.check()
    assert not found.ok
    assert "the key is wrong" in found.message


def test_a_domain_without_an_account(at: At) -> None:
    at.change(dns_account_id=None)
    assert "has no DNS account" in at.check().message


def test_a_domain_that_is_missing(at: At) -> None:
    at.offline.tools = replace(at.offline.tools, challenge_zone="other.platform.com")
    found = at.check()
    assert not found.ok
    assert found.fix.startswith("Add it: ")
