"""Delegated dns-01: looked at before anything is ordered, written in the platform's zone alone."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.usecases.certificates.upload_rig import Uploads

from nameplate.core import names, tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.draft_challenges import DRAFTS
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import CertificateStatus, DomainStatus
from nameplate.db import Sessions
from nameplate.models import (
    Certificate,
    CertificateWatch,
    DnsSettings,
    Domain,
    LedgerEntry,
    LedgerState,
    Organization,
)
from nameplate.models.deletion import soft_delete
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.validation import Security, Validation
from nameplate.usecases.certificates import delegations, issuance, requests
from nameplate.usecases.claims import domains, instructions, platform_edges

ZONE = "challenges.platform.com"
OWNER = f"_acme-challenge.{NAME}"


@dataclass
class World:
    """CNAME and TXT records of the owner, at two servers."""

    aliases: dict[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lagging: bool = False
    """The second server has no records yet."""
    silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        self.asked.append((name, rdtype))
        if self.silent:
            return LookupResult("", (Answer(AnswerKind.TIMEOUT, "ns1", detail="no answer"),))
        values = self.texts.get(name, ())
        if rdtype == "CNAME":
            values = (f"{self.aliases[name]}.",) if name in self.aliases else ()
        there = Answer(AnswerKind.DATA if values else AnswerKind.NXDOMAIN, "ns1", values)
        second = (
            Answer(AnswerKind.NXDOMAIN, "ns2") if self.lagging else replace(there, server="ns2")
        )
        return LookupResult("example.com", (there, second))


@dataclass
class Delegated:
    """A rig whose certificate is delegated, the world of its owner, and the platform's zone."""

    rig: Rig
    world: World
    zone_id: int

    @property
    def target(self) -> str:
        with self.rig.offline.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, self.rig.actor.organization_id)
            return delegations.target(owner, ZONE, NAME) or ""

    def entries(self) -> list[tuple[int, str, LedgerState]]:
        with self.rig.offline.sessions.begin(PLATFORM) as session:
            found = session.scalars(sa.select(LedgerEntry)).all()
            return [(one.organization_domain_id, one.name, one.state) for one in found]


@pytest.fixture
def at(migrated_sqlite_sessions: Sessions) -> Delegated:
    rig = made(migrated_sqlite_sessions)
    world: Any = World()
    tools = replace(rig.offline.tools, resolver=world, challenge_zone=ZONE)
    rig.offline.tools = tools
    with rig.offline.sessions.begin(PLATFORM) as session:
        operator = rows.organization(session)
        account = rows.account(session, operator)
        zone = rows.domain(
            session, operator, "platform.com", subdomain="challenges",
            status=DomainStatus.VERIFIED, dns_account_id=account.id, dns=DnsSettings(ZONE),
        )  # fmt: skip
        zone_id = zone.id
    rig.change(Certificate, rig.certificate_id, deleted_at=datetime.now(UTC))
    rig.want(challenge="dns-01", hosts=[NAME, f"*.{NAME}"])
    rig.authority.offered = "dns-01"
    return Delegated(rig, world, zone_id)


def test_a_label_is_one_names_of_one_organization() -> None:
    seeds = [tokens.label_seed(bytes([n]) * 24) for n in (1, 2)]
    found = {tokens.challenge_label(seed, name) for seed in seeds for name in ("a.com", "b.com")}
    assert len(found) == 4
    assert all(len(one) == 39 and names.parse(f"{one}.example.com") for one in found)
    assert tokens.challenge_label(seeds[0], "a.com") in found, "it stays the same"


def test_nothing_is_ordered_before_the_cname_is_there(at: Delegated) -> None:
    row = at.rig.work()
    assert (at.rig.authority.orders, row.trouble_code) == (0, "challenge_cname_missing")
    said = at.rig.condition()
    assert said.expected == (f"{OWNER} CNAME {at.target}",)
    assert said.fix.startswith("Publish the CNAME record.")
    assert said.fix.endswith(f"To publish: {OWNER} CNAME {at.target}.")
    assert said.turn == "you"
    at.world.aliases[OWNER] = at.target
    at.rig.work()
    assert at.rig.authority.orders == 1
    assert at.entries() == [(at.zone_id, at.target, LedgerState.INTENDED)]


def test_only_the_names_without_a_dns_account_are_led_here(at: Delegated) -> None:
    rig, host = at.rig, "www.example.net"
    second, owner = Uploads(rig).domain("example.net"), f"_acme-challenge.{host}"
    with rig.offline.sessions.begin(PLATFORM) as session:
        account = rows.account(session, None)
        session.get_one(Domain, rig.domain_id).dns_account_id = account.id
        holder = session.get_one(Organization, rig.actor.organization_id)
        target = delegations.target(holder, ZONE, host) or ""
    rig.want(challenge="dns-01", hosts=[host, NAME])
    row = rig.work()
    assert (row.trouble_code, row.waits_for) == ("challenge_cname_missing", f"domain:{second}")
    rig.age()
    assert rig.causes() == 0
    at.world.aliases[owner] = target
    assert rig.causes() == 1
    rig.authority.status = "invalid"
    row = rig.work()
    assert row.renewal_error_code == "challenge_invalid"
    with rig.offline.sessions.begin(PLATFORM) as session:
        watched = session.get_one(CertificateWatch, row.watch_key)
        assert (watched.kind, watched.name, watched.detail) == ("delegation", owner, target)


def test_the_cname_wakes_however_long_it_was_missing(at: Delegated) -> None:
    for days in (0, 0, 1, 30):
        at.rig.work(after=timedelta(days=days))
    at.rig.age()
    assert at.rig.causes() == 0, "it is missing as before"
    assert not at.rig.is_due()
    at.world.aliases[OWNER] = at.target
    assert at.rig.causes() == 1
    assert at.rig.is_due()
    at.rig.work()
    assert at.rig.authority.orders == 1


def test_it_says_where_the_cname_leads_instead(at: Delegated) -> None:
    at.world.aliases[OWNER] = "somewhere.else.example"
    row = at.rig.work()
    assert row.trouble_code == "challenge_cname_elsewhere"
    assert "leads to somewhere.else.example, and not to" in (row.trouble_message or "")
    said = at.rig.condition()
    assert said.observed == (f"{OWNER} CNAME somewhere.else.example",)
    assert said.expected == (f"{OWNER} CNAME {at.target}",)


def test_the_label_of_another_organization_proves_nothing(at: Delegated) -> None:
    """A tenant who leads his own name to a label of ours that another one's name has."""
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        other = rows.organization(session)
        foreign = delegations.target(other, ZONE, NAME) or ""
    assert foreign != at.target
    at.world.aliases[OWNER] = foreign
    assert at.rig.work().trouble_code == "challenge_cname_elsewhere"
    assert (at.rig.authority.orders, at.entries()) == (0, [])


def test_a_chain_of_aliases_is_followed_and_ends(at: Delegated) -> None:
    chain = [OWNER, *(f"alias{n}.example.org" for n in range(7))]
    at.world.aliases = dict(zip(chain, [*chain[1:], at.target], strict=True))
    at.rig.work()
    assert at.rig.authority.orders == 1
    delegation = delegations.ChallengeDelegation({OWNER: at.target}, 1)
    longer = [*chain, "alias8.example.org"]
    at.world.aliases = dict(zip(longer, [*longer[1:], at.target], strict=True))
    at.world.asked.clear()
    found = delegations.look(at.rig.offline.tools, delegation)
    assert found is not None
    assert found.code == "challenge_cname_elsewhere"
    at.world.aliases = {OWNER: chain[1], chain[1]: OWNER}
    found = delegations.look(at.rig.offline.tools, delegation)
    assert found is not None
    assert found.addresses == (f"{OWNER} CNAME {chain[1]}",)
    assert len(at.world.asked) == 16


def test_every_server_must_have_it_and_other_records_must_go(at: Delegated) -> None:
    at.world.aliases[OWNER], at.world.lagging = at.target, True
    row = at.rig.work()
    assert "Not every name server has the CNAME record" in (row.trouble_message or "")
    at.world.aliases.clear()
    at.world.lagging, at.world.texts[OWNER] = False, ("old proof",)
    row = at.rig.work()
    assert row.trouble_code == "challenge_cname_missing"
    assert "A CNAME record cannot be beside them" in (row.trouble_message or "")
    at.world.silent = True
    assert at.rig.work().trouble_code == "challenge_name_not_resolved"
    assert at.rig.condition().fix.startswith("Check the name servers of the domain.")


def test_signatures_that_authorities_reject_are_said(at: Delegated) -> None:
    class Broken:
        security = Security.BOGUS

        def validate(self, name: str, rdtype: str) -> Validation:
            assert (name, rdtype) == (OWNER, "CNAME")
            return Validation(self.security, fault="expired", detail="expired yesterday")

    validator = Broken()
    at.rig.offline.tools = replace(at.rig.offline.tools, validator=validator)
    at.world.aliases[OWNER] = at.target
    assert at.rig.work().trouble_code == "dnssec_bogus"
    assert at.rig.condition().fix.startswith("Have the zone signed again")
    validator.security = Security.INSECURE
    at.rig.work()
    assert at.rig.authority.orders == 1


def test_only_the_platform_can_claim_the_zone(at: Delegated) -> None:
    tools = replace(at.rig.offline.tools, platform_names=(ZONE,))
    with at.rig.offline.sessions.begin(at.rig.actor) as session:
        for name in (ZONE, f"x.{ZONE}", "platform.com"):
            with pytest.raises(Invalid, match="belongs to this platform"):
                domains.add(session, tools, at.rig.actor, name=name)
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        operator = rows.organization(session)
        slug = operator.slug
        claim = domains.add(session, tools, PLATFORM, name=ZONE, organization=slug)
        other = rows.domain(session, operator, ZONE, subdomain="x")
        assert platform_edges.protected(session, tools, [claim, other]) == {other.id}


def test_without_a_zone_that_can_be_written_it_is_the_operators(at: Delegated) -> None:
    at.world.aliases[OWNER] = at.target
    at.rig.change(Domain, at.zone_id, status=DomainStatus.SUSPENDED)
    row = at.rig.work()
    assert (row.trouble_code, at.rig.authority.orders) == ("challenge_zone_missing", 0)
    assert at.rig.condition().turn == "operator"
    at.rig.change(
        Domain, at.zone_id, status=DomainStatus.VERIFIED, trouble_code="refused",
        trouble_message="key of the operator", waits_for="account:1",
    )  # fmt: skip
    row = at.rig.work()
    assert (row.trouble_code, row.waits_for) == ("challenge_zone_stopped", "account:1")
    said = at.rig.condition()
    assert said.turn == "operator"
    assert "key of the operator" not in str(said)
    at.rig.change(Domain, at.zone_id, trouble_code=None, waits_for=None)
    assert at.rig.work().trouble_code is None


def test_a_renewal_looks_again_and_what_is_served_stays(at: Delegated) -> None:
    at.world.aliases[OWNER] = at.target
    at.rig.authority.offered = None
    assert at.rig.work().status is CertificateStatus.ACTIVE
    at.world.aliases.clear()
    row = at.rig.work(after=timedelta(days=70))
    assert (row.status, row.trouble_code) == (CertificateStatus.ACTIVE, "challenge_cname_missing")
    assert at.rig.authority.orders == 1


def test_removal_takes_the_proof_back_from_the_platforms_zone(at: Delegated) -> None:
    at.world.aliases[OWNER] = at.target
    at.rig.work()
    at.rig.change(Domain, at.zone_id, next_action_at=None)
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        soft_delete(session, session.get_one(Domain, at.rig.domain_id), datetime.now(UTC))
    lease = at.rig.offline.leased(Certificate, at.rig.certificate_id)
    issuance.reconcile(at.rig.offline.sessions, at.rig.offline.tools, lease)
    assert at.entries() == [(at.zone_id, at.target, LedgerState.LEAVING)]
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, at.zone_id).next_action_at is not None


def test_it_is_offered_where_nothing_else_proves_the_names(at: Delegated) -> None:
    def told() -> list[Any]:
        with at.rig.offline.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, at.rig.domain_id)
            found = instructions.of(session, at.rig.offline.tools, domain)
            return [one for one in found if one.purpose == "challenge"]

    (one,) = told()
    assert one.instruction.get("type") == "CNAME"
    assert (one.instruction.get("name"), one.instruction.expected) == (OWNER, at.target)
    assert not one.done
    at.world.aliases[OWNER] = at.target
    at.rig.work()
    (one,) = told()
    assert one.done
    assert one.is_published
    at.rig.change(Certificate, at.rig.certificate_id, acme_challenge_type="http-01",
                  trouble_code="host_points_elsewhere")  # fmt: skip
    (one,) = told()
    assert one.instruction.sentence.startswith("If the host cannot point to its server:")
    at.rig.offline.tools = replace(at.rig.offline.tools, challenge_zone=None)
    assert told() == []


def test_without_a_zone_of_the_platform_an_account_is_needed(at: Delegated) -> None:
    at.rig.offline.tools = replace(at.rig.offline.tools, challenge_zone=None)
    with pytest.raises(Conflict, match="DNS account") as refused:
        at.rig.want(challenge="dns-01")
    assert refused.value.code == "dns_account_missing"
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, at.rig.certificate_id)
        assert delegations.read(session, None, row, [NAME], {}) == delegations.ChallengeDelegation(
            {}, None
        )
        account = rows.account(session, session.get_one(Organization, row.organization_id))
        session.get_one(Domain, row.organization_domain_id).dns_account_id = account.id
        assert delegations.read(session, ZONE, row, [NAME], {}) is None, "its own zone is written"
        assert requests.get(session, PLATFORM, at.rig.reference) is row


def test_delegated_names_are_proved_by_dns_01_where_a_draft_was_asked_for(at: Delegated) -> None:
    """The label of dns-account-01 is the account's: owners have delegated one name for all accounts."""
    at.rig.offline.tools = replace(at.rig.offline.tools, draft_challenges=DRAFTS)
    at.rig.want(challenge="dns-account-01", hosts=[NAME, f"*.{NAME}"])
    assert at.rig.work().trouble_code == "challenge_cname_missing"
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, at.rig.domain_id)
        told = instructions.of(session, at.rig.offline.tools, domain)
    assert OWNER in {one.instruction.get("name") for one in told}
    at.world.aliases[OWNER] = at.target
    at.rig.work()
    assert (at.zone_id, at.target) in {one[:2] for one in at.entries()}
