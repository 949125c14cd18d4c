"""What to do about a certificate that is not ordered, or will not be renewed: seen, right, and whose turn."""

import pytest
from tests.usecases.certificates.certificate_rig import NAME, Rig, made

from nameplate.core.actor import PLATFORM
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Certificate, Domain, RenewalRisk
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind
from nameplate.usecases.claims import unreached_hosts
from nameplate.usecases.claims.unreached_hosts import HostAdvice

ELSEWHERE = "198.51.100.9"


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    found = made(migrated_sqlite_sessions)
    found.bind()
    return found


def _advice(rig: Rig) -> HostAdvice | None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        domain = session.get_one(Domain, row.organization_domain_id)
        return unreached_hosts.advice(session, domain, row)


def _of_risk(rig: Rig, code: str, **more: tuple[str, ...]) -> HostAdvice:
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        domain = session.get_one(Domain, row.organization_domain_id)
        risk = RenewalRisk(code, "It will fail.", host=NAME, **more)
        return unreached_hosts.of_risk(session, domain, row, risk)


def test_a_certificate_that_is_there_needs_no_advice(rig: Rig) -> None:
    rig.work()
    assert _advice(rig) is None


def test_a_host_that_leads_elsewhere_is_to_be_pointed_here(rig: Rig) -> None:
    rig.internet.points_to(ELSEWHERE)
    rig.internet.strangers[ELSEWHERE] = Fetched(HttpOutcome.UNREACHABLE)
    rig.work()
    said = _advice(rig)
    assert said is not None
    assert said.observed == (ELSEWHERE,)
    assert said.fix.startswith("Point the host to its server")
    assert said.turn is Turn.YOU


def test_name_servers_that_do_not_answer_are_to_be_checked(rig: Rig) -> None:
    rig.internet.answers["A"] = (Answer(AnswerKind.TIMEOUT, "ns1", detail="did not answer"),)
    rig.work()
    said = _advice(rig)
    assert said is not None
    assert said.fix.startswith("Check the name servers of the domain.")


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("authority_away", "Wait."),
        ("server_stopped", "Check the server"),
        ("challenge_name_is_alias", "Remove the CNAME record"),
        ("dnssec_bogus", "Have the zone signed again"),
    ],
)
def test_a_risk_is_told_with_what_to_do(rig: Rig, code: str, fix: str) -> None:
    said = _of_risk(rig, code, seen=("what was seen",))
    assert said.fix.startswith(fix)
    assert said.observed == ("what was seen",)


def test_a_risk_is_told_in_the_words_of_an_order_that_waits_for_it(rig: Rig) -> None:
    record = f'{NAME} CAA 0 issue "ca.example"'
    said = _of_risk(rig, "caa_excludes", records=(record,))
    assert said.expected == (record,)
    assert said.fix.endswith(f"To publish: {record}.")
