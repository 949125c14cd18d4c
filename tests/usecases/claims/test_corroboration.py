"""What verifies and what counts towards a lapse must withstand DNSSEC and the operator's vantages."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.message
import pytest
from tests.adapters.resolver.test_authoritative import LOOPBACK
from tests.adapters.resolver.test_validating import PROOF
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies
from tests.servers.signed_root import ZONES, SignedInternet
from tests.usecases.claims.claim_rig import Claims
from tests.usecases.offline import DNS_TXT, Offline
from tests.vantage.vantage_rig import VantageServer, asking

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.models import Domain, Verification
from nameplate.ports.validation import Security
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import lookup, work
from nameplate.usecases.claims import conditions, corroboration, proving, signed_answers
from nameplate.usecases.claims.verification_questions import LookQuestion
from nameplate.usecases.tools import Tools
from nameplate.worker.handlers import HANDLERS
from nameplate.worker.loop import Worker

TOKENS = {zone.name: zone.token for zone in ZONES} | {"tampered.test": "token-oF-tampered-test"}
"""By zone, the token whose proof its servers publish."""
PROOFS = tuple(one for one in HANDLERS if one.kind is Verification)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedInternet]:
    with SignedInternet(tmp_path_factory.mktemp("signed")) as made:
        yield made


@pytest.fixture
def tools() -> Tools:
    nowhere: Any = None
    return Offline(nowhere).tools


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def question(name: str, token: str, *, proved: bool) -> LookQuestion:
    return LookQuestion(
        method=DNS_TXT, name=name, token=token, over=False, idle=False, base=name, proved=proved,
        void=False, attempts=0, domain_id=1, grant=None, is_held=proved,
    )  # fmt: skip


def signed_tools(tools: Tools, net: SignedInternet) -> Tools:
    resolver = net.resolver()
    return replace(
        tools,
        resolver=resolver,
        methods={**tools.methods, DNS_TXT: DnsTxt(resolver)},
        validator=net.validator(),
        special_use=True,
    )


def looked(tools: Tools, asked: LookQuestion) -> tuple[Proof, Proof]:
    """Return what the look saw, and what it counts as."""
    seen = tools.methods[asked.method].check(asked.name, asked.token)
    return seen, corroboration.corroborated(tools, asked, seen)


# --- DNSSEC ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "security", "fault"), PROOF)
def test_a_bogus_answer_never_verifies(
    net: SignedInternet, tools: Tools, zone: str, security: Security, fault: str
) -> None:
    tools = signed_tools(tools, net)
    seen, counts = looked(tools, question(zone, TOKENS[zone], proved=False))
    assert seen.verdict is Verdict.MATCH, "without validation it would verify"
    if security is Security.BOGUS:
        assert (counts.verdict, counts.reason) == (Verdict.INCONCLUSIVE, "dnssec_bogus")
        assert zone in counts.message
        assert signed_answers._FAULTS[fault] in counts.message
    else:
        assert (counts.verdict, counts.reason) == (Verdict.MATCH, "txt_match")
        assert any(f"is {security.value}" in one for one in counts.observed)


@pytest.mark.parametrize(("zone", "security", "fault"), PROOF)
def test_a_bogus_answer_never_counts_towards_a_lapse(
    net: SignedInternet, tools: Tools, zone: str, security: Security, fault: str
) -> None:
    tools = signed_tools(tools, net)
    seen, counts = looked(tools, question(zone, "another-token", proved=True))
    assert seen.verdict is Verdict.MISMATCH
    assert counts.verdict.disproves == (security is not Security.BOGUS), counts


def test_a_claim_that_is_not_proved_yet_costs_no_validation(
    net: SignedInternet, tools: Tools
) -> None:
    tools = signed_tools(tools, net)
    seen, counts = looked(tools, question("expired.test", "another-token", proved=False))
    assert counts is seen


def test_the_worker_verifies_what_is_signed_and_nothing_bogus(
    net: SignedInternet, sessions: Sessions
) -> None:
    """The wide sweep: one pass over all of them."""
    claims = Claims(sessions)
    claims.tools = signed_tools(claims.tools, net)
    acme = claims.organization("acme")
    ids = {zone: _claimed(claims, acme, zone) for zone, _, _ in PROOF}
    Worker(sessions, claims.tools, handlers=PROOFS).run_until_idle(20)
    for zone, security, _ in PROOF:
        row = claims.row(ids[zone])
        verified = security is not Security.BOGUS
        assert (row.status is VerificationStatus.VERIFIED) == verified, (zone, row.error_message)
        assert row.last_look is not None
        assert row.last_look.reason == ("txt_match" if verified else "dnssec_bogus")
    assert claims.domain(ids["tampered.test"]).status is DomainStatus.PENDING_VERIFICATION


def _claimed(claims: Claims, actor: Actor, zone: str) -> int:
    """Claim a name with the token that its servers publish."""
    row_id = claims.claim(actor, zone)
    _give(claims, row_id, TOKENS[zone])
    return row_id


def _give(claims: Claims, row_id: int, token: str) -> None:
    """Have a claim wait for this token."""
    with claims.sessions.begin(PLATFORM) as session:
        row = session.get_one(Verification, row_id)
        row.verification_token = token
        session.get_one(Domain, row.organization_domain_id).verification_token = token


# --- vantages ----------------------------------------------------------------------------------

NAME, TOKEN = "shop.com", "k7" * 20
RECORD = f"_nameplate-challenge.{NAME}"
RIGHT = replies({(RECORD, "TXT"): [f'"nameplate-verification={TOKEN}"']})
NOTHING = replies({})
BROKEN = fails(dns.rcode.SERVFAIL)


def vantage_tools(
    stack: ExitStack, tools: Tools, here: Script, there: list[Script], dead: int
) -> Tools:
    """Return tools of a place where `here` answers, with vantages where others do, and dead ones."""
    server = stack.enter_context(ScriptedDns(here))
    known = {"com": [("ns1", "127.0.0.1", server.port)]}
    resolver = AuthoritativeResolver(LOOPBACK, overrides=known, seconds=2)
    servers = [
        VantageServer(stack, script, name=f"v{number}") for number, script in enumerate(there)
    ]
    return replace(
        tools,
        resolver=resolver,
        methods={**tools.methods, DNS_TXT: DnsTxt(resolver)},
        vantages=asking(servers, dead=dead),
    )


R, N, B = [RIGHT], [NOTHING], [BROKEN]
QUORUMS = [
    (R, 0, "txt_match"),
    (N, 0, "vantages_disagree"),
    (B, 0, "vantages_disagree"),
    ([], 1, "vantages_unreachable"),
    (R * 2, 0, "txt_match"),
    (R + N, 0, "txt_match"),
    (R, 1, "txt_match"),
    (N, 1, "vantages_unreachable"),
    (N * 2, 0, "vantages_disagree"),
    ([], 2, "vantages_unreachable"),
    (R * 4 + N, 0, "txt_match"),
    (R * 3 + N * 2, 0, "vantages_disagree"),
    (R * 3, 2, "vantages_unreachable"),
    (R * 3 + N, 1, "vantages_unreachable"),
    (R * 4, 2, "txt_match"),
    (R * 4 + N + B, 0, "txt_match"),
    (R * 3 + N * 3, 0, "vantages_disagree"),
    (R * 3, 3, "vantages_unreachable"),
]
"""What the vantages see of a proof that is seen here, how many are away, and what it comes to."""


@pytest.mark.parametrize(("there", "dead", "reason"), QUORUMS)
def test_a_match_needs_the_quorum(
    stack: ExitStack, tools: Tools, there: list[Script], dead: int, reason: str
) -> None:
    tools = vantage_tools(stack, tools, RIGHT, there, dead)
    seen, counts = looked(tools, question(NAME, TOKEN, proved=False))
    assert seen.verdict is Verdict.MATCH
    assert (counts.reason, counts.verdict.proves) == (reason, reason == "txt_match")
    assert len([one for one in counts.observed if one.startswith("vantage ")]) == len(there) + dead


LAPSES = [
    (N, 0, "txt_absent"),
    (R, 0, "vantages_disagree"),
    (B, 0, "vantages_disagree"),
    ([], 1, "vantages_unreachable"),
    (N + R, 0, "txt_absent"),
    (R * 2, 0, "vantages_disagree"),
    (N * 3 + R * 2, 0, "vantages_disagree"),
    (N * 4, 2, "txt_absent"),
    (N * 3, 3, "vantages_unreachable"),
]


@pytest.mark.parametrize(("there", "dead", "reason"), LAPSES)
def test_a_lost_proof_needs_the_quorum(
    stack: ExitStack, tools: Tools, there: list[Script], dead: int, reason: str
) -> None:
    tools = vantage_tools(stack, tools, NOTHING, there, dead)
    seen, counts = looked(tools, question(NAME, TOKEN, proved=True))
    assert seen.verdict is Verdict.ABSENT
    assert (counts.reason, counts.verdict.disproves) == (reason, reason == "txt_absent")


def test_nobody_else_is_asked_while_nothing_is_there(stack: ExitStack, tools: Tools) -> None:
    tools = vantage_tools(stack, tools, NOTHING, [RIGHT], 0)
    seen, counts = looked(tools, question(NAME, TOKEN, proved=False))
    assert counts is seen


def test_a_proof_lapses_only_when_the_vantages_agree(stack: ExitStack, sessions: Sessions) -> None:
    """Through the use case: away, then back with another answer, then agreeing, each a week apart."""
    claims = Claims(sessions)
    published = True

    def there(query: dns.message.Message) -> dns.message.Message:
        return (RIGHT if published else NOTHING)(query)

    tools = claims.tools = vantage_tools(stack, claims.tools, there, [RIGHT], 0)
    acme = claims.organization("acme")
    row_id = claims.claim(acme, NAME)
    _give(claims, row_id, TOKEN)
    _look(claims, row_id, timedelta(0))
    assert claims.row(row_id).status is VerificationStatus.VERIFIED
    published = False
    for days in (31, 40, 50):
        _look(claims, row_id, timedelta(days=days))
        row = claims.row(row_id)
        assert (row.status, row.lost_at) == (VerificationStatus.VERIFIED, None)
        assert row.last_look is not None
        assert row.last_look.reason == "vantages_disagree"
    claims.tools = replace(tools, vantages=None)
    for days in (51, 54, 57, 59):
        _look(claims, row_id, timedelta(days=days))
    assert claims.row(row_id).lapsed_at is not None
    assert claims.domain(row_id).holding_name is None


def _look(claims: Claims, row_id: int, after: timedelta) -> work.StepOutcome | None:
    lease = claims.offline.leased(Verification, row_id, after=after)
    return proving.reconcile(claims.sessions, claims.tools, lease)


def test_the_operators_turn_is_told_and_the_proof_counts_once_they_are_back(
    stack: ExitStack, sessions: Sessions
) -> None:
    claims = Claims(sessions)
    away = vantage_tools(stack, claims.tools, RIGHT, [], 1)
    claims.tools = away
    acme = claims.organization("acme")
    row_id = claims.claim(acme, NAME)
    _give(claims, row_id, TOKEN)
    for _ in range(30):  # however long it takes, nobody waits long once they are back
        ended = _look(claims, row_id, timedelta(0))
        assert ended == work.StepOutcome("vantages_unreachable", routine=False), "the log says it"
    row = claims.row(row_id)
    assert row.next_action_at is not None, "it is looked at again by itself"
    assert row.next_action_at - datetime.now(UTC) <= timedelta(seconds=31)
    with sessions.begin(acme) as session:
        told = conditions.of(session, away, lookup.domain(session, acme, NAME))
    (ownership,) = [one for one in told if one.type == "ownership"]
    assert ownership.reason == "vantages_unreachable"
    assert "dead0" in ownership.message
    assert ownership.fix.startswith("The operator must look at the platform's vantages.")
    claims.tools = vantage_tools(stack, claims.tools, RIGHT, [RIGHT], 0)
    _look(claims, row_id, timedelta(hours=1))
    assert claims.row(row_id).status is VerificationStatus.VERIFIED


def test_where_nothing_is_set_up_a_proof_is_what_the_look_saw(tools: Tools) -> None:
    proof = Proof(Verdict.MATCH, "txt_match", "Seen.")
    assert not corroboration.is_needed(tools, question(NAME, TOKEN, proved=False), proof)
