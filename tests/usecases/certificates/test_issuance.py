"""What is wanted of a certificate, and what a failure means: a new try, or waiting for a change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.usecases.certificates.certificate_rig import DIRECTORY, NAME, Rig, made, prove

from nameplate.core import certificates
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Certificate, Domain
from nameplate.usecases import work
from nameplate.usecases.certificates import notices, requests
from nameplate.usecases.certificates.self_signed import self_signed
from nameplate.usecases.claims import conditions, verifications
from nameplate.usecases.tenants import accounts

POLICY = Refused("acme_rejected_identifier", "the authority refuses: policy forbids this name")
CAA = Refused("acme_caa", "the authority refuses: CAA admits another authority")
DOWN = Unavailable("ca_unreachable", "No answer from the authority.")
LOST = Refused("acme_order_lost", "The authority does not know the order any more.")
DAY = timedelta(days=1)


@pytest.fixture
def rig(sessions: Sessions) -> Rig:
    return made(sessions)


def _wait_of(row: Certificate) -> float:
    """Return in how many minutes the row is due."""
    assert row.next_action_at is not None
    return (row.next_action_at - datetime.now(UTC)).total_seconds() / 60


def _is_due(row: Certificate) -> bool:
    return row.next_action_at is not None and row.next_action_at <= datetime.now(UTC)


def test_the_first_generation_is_installed(rig: Rig) -> None:
    row = rig.work()
    assert (row.status, row.generation) == (CertificateStatus.ACTIVE, 1)
    assert row.certificate_bundle is not None
    key = rig.offline.tools.keyring.open(row.private_key or "", requests.key_place(row))
    certificates.check(row.certificate_bundle.encode(), key, (NAME,), datetime.now(UTC))
    assert (row.pending_private_key, row.acme_order_url, row.acme_challenge_data) == (None,) * 3
    assert row.next_renewal_attempt_at is not None
    assert 23 * 60 < _wait_of(row) <= 24 * 60


def test_a_renewal_replaces_what_is_served(rig: Rig) -> None:
    first = rig.work()
    assert rig.work().fingerprint == first.fingerprint, "nothing is due"
    second = rig.work(after=70 * DAY)
    assert second.generation == 2
    assert second.fingerprint != first.fingerprint
    assert second.private_key != first.private_key


def test_what_may_heal_by_itself_is_tried_again_ever_later(rig: Rig) -> None:
    rig.authority.late_refusal = CAA
    for attempt, minutes in enumerate((1, 10, 100), 1):
        row = rig.work()
        assert (row.status, row.renewal_attempts) == (CertificateStatus.ERROR, attempt)
        assert (row.renewal_error_code, row.renewal_error_message) == (CAA.code, CAA.detail)
        assert minutes < _wait_of(row) <= 1.25 * minutes
        assert row.next_renewal_attempt_at == row.next_action_at
    rig.authority.late_refusal = None
    row = rig.work()
    assert row.status is CertificateStatus.ACTIVE
    assert (row.renewal_error_code, row.renewal_error_message) == (None, None)


def test_an_authority_that_begins_no_order_is_asked_again_every_moment(rig: Rig) -> None:
    """Nobody tells us when it begins orders again, and asking spends nothing of its limits."""
    rig.work()
    rig.renew()
    rig.authority.refusal = CAA
    for _ in range(6):
        row = rig.work()
        assert row.trouble_code == CAA.code
        assert str(row.waits_for).startswith("account:")
        assert _wait_of(row) <= work.WATCH_REFUSAL.total_seconds() / 60
    rig.authority.refusal = None
    row = rig.work()
    assert (row.generation, row.trouble_code) == (2, None)


@pytest.mark.parametrize("code", ["database_unavailable", "internal_error", work.ANSWER_AWAITED])
def test_a_trouble_of_another_kind_renews_nothing(rig: Rig, code: str) -> None:
    """A step that fails for all certificates at once must not have all of them ordered anew."""
    rig.work()
    trouble = {"trouble_code": code, "trouble_message": "Why.", "trouble_since": datetime.now(UTC)}
    rig.change(Certificate, rig.certificate_id, waits_for="account:1", **trouble)
    row = rig.work()
    assert (row.generation, row.trouble_code) == (1, None)


def test_what_is_hopeless_is_not_tried_again(rig: Rig) -> None:
    rig.authority.refusal = POLICY
    row = rig.work()
    assert (row.status, row.renewal_attempts) == (CertificateStatus.ERROR, 1)
    assert (row.renewal_error_code, row.renewal_error_message) == (POLICY.code, POLICY.detail)
    assert (row.next_action_at, row.next_renewal_attempt_at) == (None, None)
    with rig.offline.sessions.begin(PLATFORM) as session:
        found = conditions.of(session, rig.offline.tools, session.get_one(Domain, rig.domain_id))
    (said,) = [one for one in found if one.type == "certificate"]
    assert (said.message, said.next_check_at) == (POLICY.detail, None)
    assert (said.fix, said.turn) == notices.explained(POLICY.code)


def _proved_anew(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        verifications.wake_dependents(session, domain, datetime.now(UTC))


def _account_changed(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(
            session, PLATFORM, rig.offline.tools, "ca", config={**DIRECTORY, "contact": []}
        )


def _account_added(rig: Rig) -> None:
    rig.add_account(name="own", organization="acme")


def _account_removed(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "ca", datetime.now(UTC), force=True)
    rig.add_account(name="another")


def _account_renamed(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, rig.offline.tools, "ca", name="renamed")


def _account_tested(rig: Rig) -> None:
    found = accounts.test(rig.offline.sessions, rig.offline.tools, PLATFORM, "ca")
    assert found["ok"], found


CHANGES = [Rig.renew, _proved_anew, _account_changed, _account_added, _account_removed]
CHANGES += [_account_renamed, _account_tested]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_served", [False, True])
def test_a_change_has_the_hopeless_tried_again(
    migrated_sqlite_sessions: Sessions, change, *, is_served: bool
) -> None:
    rig = made(migrated_sqlite_sessions)
    if is_served:
        rig.work()
        rig.renew()
    rig.authority.refusal = POLICY
    assert not _is_due(rig.work())
    rig.authority.refusal = None
    change(rig)
    assert _is_due(rig.row())
    row = rig.work()
    assert (row.status, row.renewal_error_code) == (CertificateStatus.ACTIVE, None)
    assert row.generation == 1 + is_served


@pytest.mark.parametrize(
    "fields", [{"kind": "dns", "provider": "memory", "config": {}}, {"organization": "globex"}]
)
def test_accounts_of_others_change_nothing(rig: Rig, fields: dict[str, Any]) -> None:
    rig.offline.organization("globex")
    rig.authority.refusal = POLICY
    rig.work()
    rig.add_account(name="other", **fields)
    assert rig.row().next_action_at is None


def test_without_an_account_it_waits_for_one(sessions: Sessions) -> None:
    rig = made(sessions, account=False)
    row = rig.work()
    assert (row.renewal_error_code, row.next_action_at) == ("ca_account_missing", None)
    rig.add_account()
    assert _is_due(rig.row())
    assert rig.work().status is CertificateStatus.ACTIVE


def test_a_wake_during_the_failing_attempt_is_not_forgotten(rig: Rig) -> None:
    rig.authority.refusal, rig.authority.meanwhile = POLICY, rig.renew
    assert _is_due(rig.work())


def test_a_hopeless_renewal_leaves_what_is_served_until_it_expires(rig: Rig) -> None:
    first = rig.work()
    rig.authority.refusal = POLICY
    held = rig.work(after=70 * DAY)
    assert (held.status, held.fingerprint) == (CertificateStatus.ACTIVE, first.fingerprint)
    assert first.expires_at is not None
    notice = first.expires_at - 7 * DAY
    assert (held.next_action_at, held.next_renewal_attempt_at) == (notice, None)
    gone = rig.work(after=91 * DAY)
    assert (gone.status, gone.next_action_at) == (CertificateStatus.EXPIRED, None)
    assert rig.authority.orders == 3, "the look at the expiry tries once more"


def test_a_renewal_that_keeps_failing_says_when_it_has_expired(rig: Rig) -> None:
    rig.work()
    rig.authority.refusal = CAA
    assert rig.work(after=70 * DAY).status is CertificateStatus.ACTIVE
    assert rig.work(after=91 * DAY).status is CertificateStatus.EXPIRED


def test_a_failure_after_the_order_of_an_expired_one_is_expired_still(rig: Rig) -> None:
    rig.work()
    rig.authority.answer = self_signed(
        [NAME], datetime.now(UTC), DAY
    ).certificate.encode()  # fmt: skip
    row = rig.work(after=91 * DAY)
    assert (row.status, row.renewal_error_code) == (CertificateStatus.EXPIRED, "key_mismatch")
    assert row.next_renewal_attempt_at is not None, "it is tried again"


def test_a_kind_of_proof_that_is_not_offered_is_hopeless(rig: Rig) -> None:
    rig.authority.offered = "dns-01"
    row = rig.work()
    assert (row.renewal_error_code, row.next_action_at) == ("challenge_not_offered", None)
    assert (row.pending_private_key, row.acme_order_url) == (None, None)


def test_a_limit_says_nothing_about_the_certificate(rig: Rig) -> None:
    rig.authority.refusal = RateLimited("acme_rate_limited", "too many orders", DAY)
    with pytest.raises(RateLimited):
        rig.work()
    assert rig.row().status is CertificateStatus.PENDING


def test_nothing_is_ordered_before_the_domain_is_proved(sessions: Sessions) -> None:
    rig = made(sessions, proved=False)
    row = rig.work()
    assert (row.renewal_error_code, row.next_action_at) == ("domain_not_proved", None)
    assert rig.authority.orders == 0
    prove(rig)
    _proved_anew(rig)
    assert _is_due(rig.row())
    assert rig.work().status is CertificateStatus.ACTIVE


def test_what_was_removed_is_forgotten(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.remove(session, rig.actor, rig.reference, datetime.now(UTC))
        row = session.get_one(Certificate, rig.certificate_id)
        row.begin("sealed")
    row = rig.work()
    assert (row.pending_private_key, row.next_action_at) == (None, None)
    assert rig.authority.orders == 0


def test_a_key_without_its_order_begins_anew(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, rig.certificate_id).begin("cannot be opened")
    assert rig.work().status is CertificateStatus.ACTIVE


def test_a_lost_order_is_made_anew_at_once_and_then_by_one_of_those_that_wait(rig: Rig) -> None:
    rig.authority.refusal = CAA
    for _ in range(4):
        rig.work()
    rig.authority.refusal = LOST
    row = rig.work()
    assert (row.renewal_error_code, row.acme_order_url) == (LOST.code, None)
    assert _is_due(row), "whatever failed before, it is worth one try"
    seconds = 60 * _wait_of(rig.work())
    assert 30 < seconds <= work.WATCH_REFUSAL.total_seconds(), "below the limits of orders"
    rig.authority.refusal = None
    assert rig.work().status is CertificateStatus.ACTIVE
