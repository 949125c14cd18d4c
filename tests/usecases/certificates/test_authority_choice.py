"""Which of several authorities is asked: by preference, by CAA, and by which of them is there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.usecases.certificates.certificate_rig import NAME, Authority, Rig, local_authority, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Account, Certificate
from nameplate.ports.resolver import Answer, AnswerKind
from nameplate.usecases import work
from nameplate.usecases.certificates import issuance, outages, requests, revocations
from nameplate.usecases.tenants import accounts, ca_accounts

DOWN = Unavailable("ca_unreachable", "No answer from the authority.")
EAB = {"config": {"eab_key_id": "k"}, "credentials": {"eab_hmac_key": "c2VjcmV0"}}
SECOND = timedelta(seconds=1)


class Town(Rig):
    """A rig with an authority for each account."""

    there: dict[str, Authority]
    """By the name of the account."""

    def account(self, name: str, **fields: Any) -> int:
        self.there[name] = local_authority()
        return self.add_account(**{"name": name, "provider": name, "config": {}, **fields}).id

    def caa(self, *values: str) -> None:
        kind = AnswerKind.DATA if values else AnswerKind.NODATA
        self.internet.answers["CAA"] = (Answer(kind, "ns1", values),)

    def tried(self, after: timedelta = timedelta(0)) -> Certificate:
        """Do as the worker: what fails for the moment is postponed."""
        lease = self.offline.leased(Certificate, self.certificate_id, after=after)
        try:
            issuance.reconcile(self.offline.sessions, self.offline.tools, lease)
        except Unavailable as error:
            work.postpone(
                self.offline.sessions, self.offline.tools, Certificate, lease, error,
                lambda session, row: issuance.peer(row, partial(ca_accounts.authority_id, session)),
            )  # fmt: skip
        return self.row()

    def orders(self) -> tuple[int, ...]:
        return tuple(one.orders for one in self.there.values())

    def failures(self, account_id: int) -> int:
        with self.offline.sessions.begin(PLATFORM) as session:
            return session.get_one(Account, account_id).outage_failures


@pytest.fixture
def town(sessions: Sessions) -> Town:
    rig = made(sessions, account=False)
    town = Town(rig.offline, None, rig.actor, rig.domain_id, rig.certificate_id)
    town.there = {}
    town.offline.tools = replace(
        town.offline.tools, authority=lambda account: town.there[account.name]
    )
    return town


def _is_due(row: Certificate) -> bool:
    return row.next_action_at is not None and row.next_action_at <= datetime.now(UTC)


def test_the_smallest_number_is_asked_first(town: Town) -> None:
    town.account("letsencrypt")
    first = town.account("zerossl", priority=10, **EAB)
    row = town.tried()
    assert (row.status, row.authority_account_id) == (CertificateStatus.ACTIVE, first)
    assert row.authority_reason == "ZeroSSL is the first in the order of preference."
    assert town.orders() == (0, 1)


def test_one_account_alone_needs_no_look_where_its_names_are_not_known(town: Town) -> None:
    town.internet.answers["CAA"] = (Answer(AnswerKind.SERVFAIL, "ns1"),)
    town.account("pebble", provider="acme", config={"directory_url": "https://ca.example/dir"})
    row = town.tried()
    assert row.authority_reason == "ca.example is the only authority."


def test_accounts_of_ones_own_stand_alone(town: Town) -> None:
    town.account("letsencrypt")
    own = town.account("zerossl", organization="acme", priority=500, **EAB)
    assert town.tried().authority_account_id == own


def test_caa_picks_the_first_that_may_issue(town: Town) -> None:
    town.account("letsencrypt")
    second = town.account("zerossl", **EAB)
    town.caa('0 issue "sectigo.com"')
    row = town.tried()
    assert row.authority_account_id == second
    assert row.authority_reason == (
        f"CAA at {NAME} does not let Let's Encrypt issue; ZeroSSL is the next in the order of "
        "preference."
    )
    assert town.orders() == (0, 1)


def test_where_none_may_the_record_that_helps_is_said(town: Town) -> None:
    town.account("letsencrypt")
    town.account("zerossl", **EAB)
    town.caa('0 issue "other.example"')
    row = town.tried()
    assert (row.status, row.trouble_code) == (CertificateStatus.PENDING, "caa_excludes")
    assert town.orders() == (0, 0)
    said = town.condition()
    wanted = f'{NAME} CAA 0 issue "letsencrypt.org"'
    assert said.reason == "caa_excludes"
    assert said.expected == (wanted,)
    assert said.observed == (f'{NAME} CAA 0 issue "other.example"',)
    assert wanted in said.fix
    assert wanted in said.message
    assert said.message.endswith("ZeroSSL may not issue either.")
    town.caa()
    assert town.tried().status is CertificateStatus.ACTIVE


@pytest.mark.parametrize("kind", [AnswerKind.SERVFAIL, AnswerKind.TIMEOUT, AnswerKind.REFUSED])
def test_no_answer_is_no_permission(town: Town, kind: AnswerKind) -> None:
    town.account("letsencrypt")
    town.internet.answers["CAA"] = (Answer(kind, "ns1"),)
    assert town.tried().trouble_code == "caa_not_answered"
    town.caa()
    assert town.tried().status is CertificateStatus.ACTIVE


def _break(town: Town, name: str) -> timedelta:
    """Have an authority fail until it is left alone; return when that is."""
    town.there[name].refusal = DOWN
    after = timedelta(0)
    for _ in range(outages.FAILURES):
        row = town.tried(after)
        assert row.generation == 0
        after += work.WATCH + SECOND
    return after


def test_the_next_authority_stands_in_while_the_first_is_away(town: Town) -> None:
    first = town.account("letsencrypt")
    second = town.account("zerossl", **EAB)
    after = _break(town, "letsencrypt")
    assert (town.row().waits_for, town.orders()) == (f"account:{first}", (3, 0))
    row = town.tried(after)
    assert row.authority_account_id == second
    assert row.authority_reason == (
        "Let's Encrypt does not answer; ZeroSSL is the next in the order of preference."
    )
    assert town.orders() == (3, 1)


def test_one_certificate_tries_whether_it_is_back(town: Town) -> None:
    first, _second = town.account("letsencrypt"), town.account("zerossl", **EAB)
    after = _break(town, "letsencrypt")
    town.tried(after)
    after += timedelta(minutes=1)
    rows = []
    for host in "abc":  # it is still away: one try, then it is left alone for longer
        town.want(hosts=[f"{host}.{NAME}"])
        rows.append(town.tried(after))
    assert [row.generation for row in rows] == [0, 1, 1]
    assert town.orders() == (4, 3)
    assert town.failures(first) == 4
    town.there["letsencrypt"].refusal = None
    after += timedelta(minutes=2)
    town.want(hosts=[f"d.{NAME}"])
    assert town.tried(after).authority_account_id == first
    assert town.failures(first) == 0
    town.want(hosts=[f"e.{NAME}"])
    assert town.tried(after).authority_account_id == first


def test_who_waits_is_woken_when_another_stands_in(town: Town) -> None:
    first, _second = town.account("letsencrypt"), town.account("zerossl", **EAB)
    waiting = town.certificate_id
    town.there["letsencrypt"].refusal = DOWN
    town.tried()
    town.change(Certificate, waiting, next_action_at=datetime.now(UTC) + timedelta(hours=1))
    town.want()
    _break_from = timedelta(seconds=5)
    for _ in range(2):
        town.tried(_break_from)
        _break_from += work.WATCH + SECOND
    assert town.failures(first) == 3
    with town.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, waiting)
    assert row.next_action_at is not None
    assert row.next_action_at <= datetime.now(UTC) + _break_from


def test_where_all_are_away_the_first_is_tried_on(town: Town) -> None:
    first = town.account("letsencrypt")
    town.account("zerossl", **EAB)
    town.there["zerossl"].refusal = DOWN
    after = _break(town, "letsencrypt")
    for _ in range(outages.FAILURES):
        town.tried(after)
        after += work.WATCH + SECOND
    assert town.orders() == (3, 3)
    assert town.tried(after).waits_for == f"account:{first}"
    assert town.orders() == (4, 3)
    town.there["letsencrypt"].refusal = None
    assert town.tried(after + SECOND).authority_account_id == first


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("acme_rate_limited", "Too many.", timedelta(seconds=1)),
        Refused("acme_rejected_identifier", "Policy forbids this name."),
    ],
)
def test_what_is_said_of_one_certificate_opens_nothing(town: Town, error: Any) -> None:
    first = town.account("letsencrypt")
    town.account("zerossl", **EAB)
    town.there["letsencrypt"].refusal = error
    for number in range(4):
        town.tried(timedelta(minutes=number))
        with town.offline.sessions.begin(town.actor) as session:
            requests.renew(session, town.actor, town.reference, datetime.now(UTC))
    assert town.failures(first) == 0
    assert town.orders()[1] == 0


def test_an_order_that_has_begun_stays_where_it_is(town: Town) -> None:
    """However long its authority is away, no other one is asked for the same generation."""
    first = town.account("letsencrypt")
    town.account("zerossl", **EAB)
    town.there["letsencrypt"].late_refusal = DOWN
    for number in range(6):
        town.tried(timedelta(seconds=30 * number))
    row = town.row()
    assert (row.generation, row.waits_for) == (0, f"account:{first}")
    assert town.orders() == (1, 0)
    town.there["letsencrypt"].late_refusal = None
    assert town.tried(timedelta(minutes=9)).authority_account_id == first
    assert town.orders() == (1, 0)


@pytest.mark.parametrize("other", ["letsencrypt_staging", "local"])
def test_what_browsers_reject_stands_in_for_nobody(town: Town, other: str) -> None:
    town.account("letsencrypt")
    with town.offline.sessions.begin(PLATFORM) as session:
        session.add(Account(kind="ca", provider=other, name=other, config={}))
    town.there[other] = local_authority()
    after = _break(town, "letsencrypt")
    town.tried(after)
    assert town.orders()[1] == 0


def test_the_authority_that_issued_is_asked_to_revoke(town: Town) -> None:
    revoked: list[str] = []
    for name, priority in (("letsencrypt", 1), ("zerossl", 2)):
        town.account(name, priority=priority, **(EAB if name == "zerossl" else {}))
        town.there[name].revoke = lambda *_, name=name: revoked.append(name)  # type: ignore[attr-defined]  # what this authority can do
    town.tried()
    with town.offline.sessions.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, town.offline.tools, "zerossl", priority=0)
    reference = ids.show("crt", town.certificate_id)
    revocations.revoke(town.offline.sessions, town.offline.tools, town.actor, reference)
    assert revoked == ["letsencrypt"]
