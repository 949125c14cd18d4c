"""The end of certificates is announced 30, 7, 3 and 1 days before, once each."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.test_issuance import CAA, POLICY
from tests.usecases.certificates.upload_rig import DAY, PKI, Uploads, uploading

from nameplate.core import succession
from nameplate.db import Sessions


@pytest.fixture
def rig(sessions: Sessions) -> Uploads:
    return uploading(sessions)


def _told(rig: Uploads) -> list[int]:
    return [one.after["expiry_notice_days"] for one in rig.events("certificate.expiring")]


def test_notices_of_an_uploaded_one(rig: Uploads) -> None:
    row = rig.upload(lifetime=100 * DAY)  # 99 days are left
    assert row.next_action_at is not None
    for days, told in ((68, []), (69, [30]), (80, [30]), (92, [30, 7]), (96.5, [30, 7, 3]), (98.5, [30, 7, 3, 1])):  # fmt: skip
        rig.work(row.id, after=days * DAY)
        rig.work(row.id, after=days * DAY)
        assert _told(rig) == told, days
    event = rig.events("certificate.expiring")[-1]
    assert {"certificate_type", "expires_at", "status"} <= event.after.keys()


def test_every_look_plans_the_next_notice(rig: Uploads) -> None:
    row = rig.upload(lifetime=100 * DAY)
    assert row.expires_at is not None
    seen = rig.work(row.id, after=70 * DAY)
    assert seen.next_action_at == row.expires_at - 7 * DAY
    assert rig.work(row.id, after=93 * DAY).next_action_at == row.expires_at - 3 * DAY


@pytest.mark.parametrize("refusal", [POLICY, CAA])
def test_notices_of_one_whose_renewal_fails(rig: Uploads, refusal: object) -> None:
    rig.rig.want()
    row = rig.work(rig.rig.certificate_id)
    rig.rig.authority.refusal = refusal
    assert rig.work(row.id, after=62 * DAY).renewal_error_code is not None
    for days, told in ((62, [30]), (84, [30, 7]), (87.5, [30, 7, 3]), (89.5, [30, 7, 3, 1])):
        rig.work(row.id, after=days * DAY)
        assert _told(rig) == told, days
    assert rig.events("certificate.expiring")[-1].after["renewal_error_code"]


def test_one_that_is_renewed_is_not_announced(rig: Uploads) -> None:
    rig.rig.want()
    row = rig.work(rig.rig.certificate_id)
    assert row.auto_renew
    assert rig.work(row.id, after=50 * DAY).expiry_notice_days is None
    rig.work(row.id, after=70 * DAY)
    assert _told(rig) == []


def test_a_short_life_is_announced_in_proportion(rig: Uploads) -> None:
    row = rig.upload(lifetime=6 * DAY)  # 5 days are left
    assert _told(rig) == []
    assert row.expires_at is not None
    assert row.next_action_at is not None
    assert row.next_action_at <= row.expires_at - 2 * DAY
    for days, told in ((2.9, []), (3.1, [30]), (4.6, [30, 7]), (4.95, [30, 7, 1])):
        rig.work(row.id, after=days * DAY)
        assert _told(rig) == told, days


def test_a_replacement_is_announced_anew(rig: Uploads) -> None:
    row = rig.upload(lifetime=100 * DAY)
    rig.work(row.id, after=97 * DAY)
    assert rig.replace(row, PKI.leaf(NAME, lifetime=95 * DAY)).expiry_notice_days is None
    rig.work(row.id, after=70 * DAY)
    assert _told(rig) == [3, 30]


def test_the_moments() -> None:
    now = datetime.now(UTC)
    begun = now - 90 * DAY
    assert [succession.notice(begun, now + days * DAY, now) for days in (31, 30, 8, 7, 3.5, 2, 0.1, 0)] == [
        None, 30, 30, 7, 7, 3, 1, None,
    ]  # fmt: skip
    assert succession.next_notice(now - 90 * DAY, now + 0.5 * DAY, now) is None
    begun, end = now - 10 * DAY, now + 10 * DAY
    assert succession.begins_at(begun, end, 5) == end - 5 * DAY
    assert succession.begins_at(begun, end, 30) == now, "at most half of the lifetime"
    assert succession.hands_over_at(begun, end) == end - DAY
    assert succession.hands_over_at(now, now + timedelta(hours=1)) > now
