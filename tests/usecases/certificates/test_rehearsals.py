"""Weeks before a renewal a worker looks whether it would succeed, once, and says what it would fail on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.usecases.certificates.certificate_rig import DIRECTORY, NAME, Rig, made

from nameplate.core import renewal
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Account, Certificate, Event, Server
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind
from nameplate.ports.validation import Security, Validation
from nameplate.usecases.certificates import generations

OURS = "192.0.2.1"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
FORBIDS = (Answer(AnswerKind.DATA, "ns1", ('0 issue "nobody.example"',)),)


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    found = made(migrated_sqlite_sessions, account=False)
    found.add_account(config={**DIRECTORY, "caa_identities": ["ca.example"]})
    found.bind()
    assert found.work().status is CertificateStatus.ACTIVE
    found.internet.asked.clear()
    return found


def _approach(rig: Rig, ago: float = 41) -> None:
    """Let a certificate of 90 days be so many days old."""
    now = datetime.now(UTC)
    issued = now - timedelta(days=ago)
    rig.change(
        Certificate, rig.certificate_id,
        issued_at=issued, rehearsed_at=issued, expires_at=issued + timedelta(days=90),
        next_renewal_attempt_at=issued + timedelta(days=60),
        renewal_info_due_at=now + timedelta(hours=6),
    )  # fmt: skip


def _events(rig: Rig) -> list[str]:
    with rig.offline.sessions.begin(PLATFORM) as session:
        found = session.scalars(sa.select(Event.type).order_by(Event.id)).all()
    return [one for one in found if one.startswith("certificate.renewal_")]


@pytest.mark.parametrize(("lifetime", "before"), [(90, 20), (45, 10), (6, 1)])
def test_the_look_comes_in_proportion_before_the_renewal(lifetime: int, before: int) -> None:
    planned = renewal.renew_at(NOW, NOW + timedelta(days=lifetime))
    assert planned - renewal.rehearse_at(NOW, planned) == timedelta(days=before)


def test_a_healthy_certificate_is_looked_at_once(rig: Rig) -> None:
    _approach(rig, ago=39)
    rig.work()
    assert rig.internet.asked == [], "it is too early"
    _approach(rig)
    rig.work()
    assert [one[:2] for one in rig.internet.asked] == [(OURS, NAME)]
    rig.work()
    rig.work(after=timedelta(days=5))
    assert len(rig.internet.asked) == 1
    row = rig.row()
    assert (row.at_risk_since, row.rehearsal, rig.authority.orders) == (None, None, 1)
    assert rig.condition().reason == "active"
    assert _events(rig) == []


def test_a_risk_is_told_until_it_is_gone(rig: Rig) -> None:
    _approach(rig)
    rig.internet.answers["CAA"] = FORBIDS
    row = rig.work()
    assert rig.authority.orders == 1, "nothing is ordered"
    assert (row.status, row.trouble_code) == (CertificateStatus.ACTIVE, None)
    said = rig.condition()
    assert (said.status, said.reason, said.turn) == (True, "renewal_at_risk", Turn.YOU)
    assert said.message.startswith("The renewal at ")
    assert "will fail: CAA at shop.example.com" in said.message
    assert said.expected == (f'{NAME} CAA 0 issue "ca.example"',)
    assert 'To publish: shop.example.com CAA 0 issue "ca.example".' in said.fix
    assert said.since == row.at_risk_since
    assert said.next_check_at == row.next_action_at
    assert row.next_action_at is not None
    assert timedelta(0) < row.next_action_at - datetime.now(UTC) <= timedelta(minutes=1)
    assert _events(rig) == ["certificate.renewal_at_risk"]

    rig.internet.answers["CAA"] = (Answer(AnswerKind.NODATA, "ns1"),)
    rig.work(after=timedelta(minutes=2))
    assert rig.row().at_risk_since is None
    assert rig.condition().reason == "active"
    assert _events(rig) == ["certificate.renewal_at_risk", "certificate.renewal_safe_again"]


def test_looks_at_a_risk_become_rarer(rig: Rig) -> None:
    _approach(rig)
    rig.internet.points_to()
    rig.work()
    rig.change(Certificate, rig.certificate_id, at_risk_since=datetime.now(UTC) - timedelta(days=3))
    row = rig.work(after=timedelta(minutes=2))
    assert row.rehearsed_at is not None
    at = generations.rehearsal_at(row)
    assert at is not None
    assert at - row.rehearsed_at == timedelta(hours=1)
    rig.change(Certificate, rig.certificate_id, watch_key=None)
    at = generations.rehearsal_at(rig.row())
    assert at is not None
    assert at - row.rehearsed_at == timedelta(minutes=2), "nothing would wake it"


def _no_address(rig: Rig) -> None:
    rig.internet.points_to()


def _second_address(rig: Rig) -> None:
    rig.internet.points_to(OURS, "2001:db8::7")
    rig.internet.strangers["2001:db8::7"] = Fetched(HttpOutcome.TIMEOUT)


def _server_stopped(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        server = session.scalars(sa.select(Server)).one()
        server.meet("proxy_refused", "nginx says no", None, datetime.now(UTC))


def _account_gone(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.scalars(sa.select(Account)).one().deleted_at = datetime.now(UTC)


def _authority_away(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        account = session.scalars(sa.select(Account)).one()
        account.outage_failures = 4
        account.outage_until = datetime.now(UTC) + timedelta(hours=1)


def _bogus(rig: Rig) -> None:
    class Validator:
        def validate(self, name: str, rdtype: str) -> Validation:
            del name
            bogus = rdtype != "CAA"
            return Validation(Security.BOGUS if bogus else Security.INSECURE, detail="expired")

    validator: Any = Validator()
    rig.offline.tools = replace(rig.offline.tools, validator=validator)


def _not_held(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.execute(sa.text("DELETE FROM name_holdings"))


@pytest.mark.parametrize(
    ("break_", "code", "turn"),
    [
        (_no_address, "host_without_address", Turn.YOU),
        (_second_address, "host_points_elsewhere", Turn.YOU),
        (_server_stopped, "server_stopped", Turn.OPERATOR),
        (_account_gone, "ca_account_missing", Turn.OPERATOR),
        (_authority_away, "authority_away", Turn.AUTHORITY),
        (_bogus, "dnssec_bogus", Turn.YOU),
        (_not_held, "domain_not_proved", Turn.YOU),
    ],
)
def test_each_cause_is_told_with_who_must_act(rig: Rig, break_: Any, code: str, turn: Turn) -> None:
    _approach(rig)
    break_(rig)
    row = rig.work()
    assert row.rehearsal is not None
    assert [one.code for one in row.rehearsal.risks] == [code]
    said = rig.condition()
    assert said.reason == "renewal_at_risk"
    assert said.fix
    assert said.turn in {turn, None}


def test_a_new_generation_ends_the_risk(rig: Rig) -> None:
    _approach(rig)
    rig.internet.points_to()
    rig.work()
    assert rig.row().at_risk_since is not None
    rig.internet.points_to(OURS)
    rig.renew()
    rig.work()
    assert (rig.row().generation, rig.row().at_risk_since) == (2, None)


def test_what_is_not_renewed_is_not_looked_at(rig: Rig) -> None:
    _approach(rig)
    rig.change(Certificate, rig.certificate_id, auto_renew=False, next_renewal_attempt_at=None)
    rig.work()
    assert rig.internet.asked == []
