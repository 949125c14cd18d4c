"""What was made for a binding ends with it, and comes back with it; what was asked for stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import event_reader
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import Rig, made

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, HttpChallenge
from nameplate.usecases.operations import forgotten

DAY = timedelta(days=1)


@pytest.fixture
def rig(sessions: Sessions) -> Rig:
    return made(sessions)


@pytest.fixture
def automatic(rig: Rig) -> Rig:
    """Return a rig whose certificate was made for a binding that is gone."""
    rig.change(Certificate, rig.certificate_id, is_automatic=True)
    return rig


def _forgotten(rig: Rig) -> int:
    with rig.offline.sessions.begin(PLATFORM) as session:
        return forgotten.count(session)["certificate"]


def test_what_no_binding_uses_is_not_ordered(automatic: Rig) -> None:
    row = automatic.work()
    assert automatic.authority.orders == 0
    assert (row.renewal_error_code, row.next_action_at) == ("certificate_unused", None)
    assert "No binding uses" in (row.renewal_error_message or "")
    assert automatic.condition() is None, "and keeps no domain from being ready"
    assert _forgotten(automatic) == 0


def test_its_order_ends(automatic: Rig) -> None:
    with automatic.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, automatic.certificate_id)
        row.begin("sealed")
        row.acme_order_url = "https://ca.example/order/1"
        rows.challenge(session, row)
    row = automatic.work()
    assert (row.pending_private_key, row.acme_order_url) == (None, None)
    with automatic.offline.sessions.begin(PLATFORM) as session:
        assert session.scalars(HttpChallenge.visible(PLATFORM)).all() == []


def test_a_binding_takes_it_up_again(automatic: Rig) -> None:
    automatic.work()
    automatic.bind()
    row = automatic.work()
    assert (row.renewal_error_code, _is_due(row)) == (None, True)
    assert automatic.work().status is CertificateStatus.ACTIVE
    assert automatic.condition().status is True


@pytest.mark.parametrize("ending", [Rig.unbind, "disable"])
def test_what_no_binding_uses_any_more_is_not_renewed(automatic: Rig, ending: Any) -> None:
    bound = automatic.bind()
    first = automatic.work()
    assert first.generation == 1
    if ending == "disable":
        automatic.change(Binding, bound, status=BindingStatus.DISABLED)
    else:
        ending(automatic, bound)
    row = automatic.work(after=70 * DAY)
    assert (row.status, row.generation) == (CertificateStatus.ACTIVE, 1)
    assert (row.renewal_error_code, row.next_renewal_attempt_at) == ("certificate_unused", None)
    assert row.next_action_at == first.expires_at
    assert automatic.condition() is None
    gone = automatic.work(after=91 * DAY)
    assert (gone.status, gone.next_action_at) == (CertificateStatus.EXPIRED, None)
    past = datetime.now(UTC) - DAY
    automatic.change(
        Certificate, automatic.certificate_id, issued_at=past - 90 * DAY, expires_at=past
    )
    automatic.bind()
    assert _is_due(automatic.work())
    row = automatic.work()
    assert (row.status, row.generation) == (CertificateStatus.ACTIVE, 2)


def test_a_valid_one_that_is_taken_up_is_renewed_when_it_is_time(automatic: Rig) -> None:
    automatic.bind()
    planned = automatic.work().next_renewal_attempt_at
    automatic.change(Certificate, automatic.certificate_id, is_automatic=True)
    with automatic.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, automatic.certificate_id).let_go()
    row = automatic.work()
    assert (row.generation, row.renewal_error_code) == (1, None)
    assert row.next_renewal_attempt_at == planned
    assert 23 * 60 < _minutes_until(row) <= 24 * 60


def test_one_that_was_asked_for_needs_no_binding(rig: Rig) -> None:
    bound = rig.bind()
    rig.work()
    rig.unbind(bound)
    assert rig.work(after=70 * DAY).generation == 2


def _minutes_until(row: Certificate) -> float:
    assert row.next_action_at is not None
    return (row.next_action_at - datetime.now(UTC)).total_seconds() / 60


def _is_due(row: Certificate) -> bool:
    return row.next_action_at is not None and row.next_action_at <= datetime.now(UTC)


def _unused(rig: Rig) -> list[Any]:
    return [
        one for one in event_reader.read(rig.offline.sessions) if one.type == "certificate.unused"
    ]


def test_one_that_was_asked_for_is_told_of_and_let_go(rig: Rig) -> None:
    rig.work()
    assert rig.work(after=DAY).unused_since is not None
    rig.work(after=29 * DAY)
    assert _unused(rig) == []
    for _ in range(2):
        rig.work(after=32 * DAY)
    (told,) = _unused(rig)
    assert {"names", "reason", "fix", "whose_turn", "link", "expires_at"} <= told.after.keys()
    assert rig.condition().reason == "certificate_not_used"
    rig.change(Certificate, rig.certificate_id, expires_at=datetime.now(UTC) + 200 * DAY)
    row = rig.work(after=95 * DAY)
    assert (row.is_let_go, row.next_renewal_attempt_at) == (True, None)
    assert _forgotten(rig) == 0
    assert rig.condition() is None
    rig.bind()
    row = rig.work(after=96 * DAY)
    assert (row.is_let_go, row.unused_since) == (False, None)
    assert row.next_renewal_attempt_at is not None


def test_the_operator_decides_how_long(rig: Rig) -> None:
    rig.offline.tools = replace(rig.offline.tools, unused_kept=None)
    rig.work()
    rig.work(after=DAY)
    rig.change(Certificate, rig.certificate_id, unused_since=datetime.now(UTC) - 900 * DAY)
    assert not rig.work(after=2 * DAY).is_let_go
    rig.offline.tools = replace(rig.offline.tools, unused_kept=10 * DAY)
    assert rig.work(after=2 * DAY).is_let_go
    rig.offline.tools = replace(rig.offline.tools, unused_kept=None)
    assert not rig.work(after=2 * DAY).is_let_go


def test_whoever_exports_the_key_uses_it(rig: Rig) -> None:
    rig.work()
    rig.work(after=DAY)
    rig.change(Certificate, rig.certificate_id, key_exported_at=datetime.now(UTC))
    assert rig.work(after=2 * DAY).unused_since is None


def test_a_renewal_by_hand_begins_anew(rig: Rig) -> None:
    rig.work()
    rig.change(Certificate, rig.certificate_id, unused_since=datetime.now(UTC) - 91 * DAY)
    assert rig.work(after=DAY).is_let_go
    rig.renew()
    row = rig.work(after=2 * DAY)
    assert (row.generation, row.is_let_go) == (2, False)
