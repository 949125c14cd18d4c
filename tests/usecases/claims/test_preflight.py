"""A preflight says what an order would fail on, orders nothing, and asks nothing that is not public."""

import json
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import sqlalchemy as sa
from tests.usecases.certificates.certificate_rig import DIRECTORY, NAME, Rig, made

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.diagnosis.finding import Weight
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Conflict, Invalid, NotFound, RateLimited
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Certificate, CertificateType, Domain
from nameplate.ports.resolver import Answer, AnswerKind, Delegation
from nameplate.usecases.claims import preflight
from nameplate.usecases.claims.preflight import Preflight

PUBLIC = "1.2.3.4"
"""An address that is not set aside for documentation; nothing is sent there."""
FORBIDS = (Answer(AnswerKind.DATA, "ns1", ('0 issue "nobody.example"',)),)
SERVERS = (Answer(AnswerKind.DATA, "ns1", ("ns1.example.com.",)),)


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    found = made(migrated_sqlite_sessions, account=False)
    found.add_account(config={**DIRECTORY, "caa_identities": ["ca.example"]})
    found.internet.points_to(PUBLIC)
    internet: Any = found.internet
    internet.delegation = lambda _name: Delegation("example.com", ("ns1.example.com",), SERVERS)
    internet.addresses = lambda _name: ()
    for rdtype in ("SOA", "CNAME", "TXT"):
        internet.answers[rdtype] = (Answer(AnswerKind.NODATA, "ns1"),)
    return found


def _host(rig: Rig, host: str = NAME, challenge: str | None = None, actor: Any = None) -> Preflight:
    return preflight.of_host(
        rig.offline.sessions, rig.offline.tools, actor or rig.actor, host, challenge
    )


def _certificate(rig: Rig, actor: Actor | None = None) -> Preflight:
    return preflight.of_certificate(
        rig.offline.sessions, rig.offline.tools, actor or rig.actor, rig.reference
    )


def _checks(found: Preflight) -> list[str]:
    return [one.check for one in found.findings if one.weight is Weight.BLOCKS]


def test_a_host_at_which_all_is_well(rig: Rig) -> None:
    found = _host(rig)
    assert (found.is_clear, _checks(found), found.certificate_id) == (True, [], None)
    assert rig.authority.orders == 0
    with rig.offline.sessions.begin(PLATFORM) as session:
        assert len(session.scalars(sa.select(Certificate)).all()) == 1, "nothing is stored"


def test_every_finding_is_told_at_once(rig: Rig) -> None:
    rig.internet.points_to()
    rig.internet.answers["CAA"] = FORBIDS
    found = _host(rig)
    assert not found.is_clear
    assert {"host_without_address", "caa_excludes"} <= set(_checks(found))
    caa = next(one for one in found.findings if one.check == "caa_excludes")
    assert [(one.type, one.name, one.value) for one in caa.records] == [
        ("CAA", NAME, '0 issue "ca.example"')
    ]
    assert caa.evidence == (f'{NAME} CAA 0 issue "nobody.example"',)
    assert caa.turn is Turn.YOU
    assert "To publish: " in caa.fix


def test_the_words_are_those_of_a_certificate_that_waits(rig: Rig) -> None:
    rig.internet.answers["CAA"] = FORBIDS
    rig.work()
    said = rig.condition()
    found = next(one for one in _host(rig).findings if one.check == said.reason)
    assert (found.message, found.fix, found.evidence) == (said.message, said.fix, said.observed)


def test_a_preflight_of_a_certificate_notes_what_was_seen(rig: Rig) -> None:
    rig.work()
    rig.internet.answers["CAA"] = FORBIDS
    assert _checks(_certificate(rig)) == ["caa_excludes"]
    assert rig.condition().reason == "renewal_at_risk"
    rig.internet.answers["CAA"] = (Answer(AnswerKind.NODATA, "ns1"),)
    assert _certificate(rig).is_clear
    assert (rig.row().at_risk_since, rig.condition().reason) == (None, "active")
    assert rig.authority.orders == 1


def test_what_others_left_behind_is_a_risk(rig: Rig) -> None:
    rig.change(Domain, rig.domain_id, dns_account_id=1)
    rig.internet.answers["TXT"] = (Answer(AnswerKind.DATA, "ns1", ("left\n\x1b[31m",)),)
    found = _host(rig, challenge="dns-01")
    left = next(one for one in found.findings if one.check == "challenge_leftover")
    assert (left.weight, found.is_clear) == (Weight.RISK, True)
    assert left.evidence == (r"'left\n\x1b[31m'",)
    rig.internet.answers["CNAME"] = (Answer(AnswerKind.DATA, "ns1", ("elsewhere.example.",)),)
    assert "challenge_name_is_alias" in _checks(_host(rig, challenge="dns-01"))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"])
def test_no_connection_is_made_to_an_internal_address(rig: Rig, address: str) -> None:
    policy = EgressPolicy(allow=(ip_network("203.0.113.0/24"),))
    fetcher = SafeFetcher(policy, lambda _host: (address,))
    rig.offline.tools = replace(rig.offline.tools, fetcher=fetcher)
    rig.internet.points_to(address)
    found = _host(rig)
    one = next(one for one in found.findings if one.check == "host_points_elsewhere")
    assert "is not an address on the public Internet" in one.message
    assert "address_private" in _checks(found)


def test_another_organization_finds_nothing(rig: Rig) -> None:
    other = rig.offline.organization("other")
    with pytest.raises(NotFound) as foreign:
        _certificate(rig, other)
    with pytest.raises(NotFound) as missing:
        preflight.of_certificate(rig.offline.sessions, rig.offline.tools, other, "crt_" + "1" * 9)
    assert foreign.value.code == missing.value.code
    with pytest.raises(NotFound):
        _host(rig, actor=other)


def test_before_the_proof_no_host_is_asked(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.execute(sa.text("DELETE FROM name_holdings"))
    found = _host(rig)
    assert "domain_not_proved" in _checks(found)
    assert rig.internet.asked == []


def test_looks_by_hand_are_limited(rig: Rig) -> None:
    def many() -> None:
        for _ in range(100):
            _host(rig)

    with pytest.raises(RateLimited) as caught:
        many()
    assert caught.value.code == "checks_spent"


def test_what_is_never_ordered_is_refused(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, certificate_type=CertificateType.CUSTOM)
    with pytest.raises(Conflict):
        _certificate(rig)


@pytest.mark.parametrize("host", ["", "..", "a b.example", "x" * 300, "*.*.example.com", "\x00"])
def test_odd_names_are_refused(rig: Rig, host: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        _host(rig, host)


def test_a_challenge_that_cannot_prove_the_host_is_refused(rig: Rig) -> None:
    with pytest.raises(Invalid):
        _host(rig, f"*.{NAME}", "http-01")
    assert json.dumps(rig.internet.asked) == "[]"
