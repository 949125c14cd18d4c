"""The authority's certificate follows an uploaded one without a gap, and a self-signed one comes last."""

from datetime import UTC, datetime

import pytest
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.test_issuance import POLICY
from tests.usecases.certificates.upload_rig import DAY, PKI, Uploads, uploading

from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Certificate, CertificateType
from nameplate.usecases.certificates import succession


@pytest.fixture
def rig(sessions: Sessions) -> Uploads:
    return uploading(sessions)


def test_it_is_ordered_before_the_end_and_served_a_day_before(rig: Uploads) -> None:
    row = rig.upload(lifetime=90 * DAY)  # it began a day ago
    binding = rig.bind()
    assert (rig.served(binding) or row).id == row.id
    assert len(rig.all()) == 1, "nothing is ordered behind one that is valid for long"
    rig.work(row.id, after=58 * DAY)
    assert rig.read(Certificate, row.id).status is CertificateStatus.ACTIVE
    assert rig.work(row.id, after=60 * DAY).status is CertificateStatus.RENEWING
    assert (rig.served(binding, after=60 * DAY) or row).id == row.id, "it is preferred while valid"
    follower = next(one for one in rig.all() if one.id != row.id)
    assert follower.is_automatic
    issued = rig.work(follower.id, after=60 * DAY)
    assert issued.status is CertificateStatus.ACTIVE, "although no binding presents it yet"
    assert (rig.served(binding, after=87 * DAY) or row).id == row.id
    served = rig.served(binding, after=88.5 * DAY)
    assert served is not None
    assert served.id == follower.id
    assert rig.work(row.id, after=89.5 * DAY).status is CertificateStatus.EXPIRED
    assert (rig.served(binding, after=89.5 * DAY) or row).id == follower.id


def test_what_cannot_be_ordered_takes_nothing_away(rig: Uploads) -> None:
    row = rig.upload(lifetime=90 * DAY)
    binding = rig.bind()
    rig.served(binding)
    rig.rig.authority.refusal = POLICY
    rig.work(row.id, after=60 * DAY)
    rig.served(binding, after=60 * DAY)
    follower = next(one for one in rig.all() if one.id != row.id)
    rig.work(follower.id, after=60 * DAY)
    assert (rig.served(binding, after=88.9 * DAY) or follower).id == row.id


def test_a_wildcard_without_a_dns_account_is_said_and_not_taken_down(rig: Uploads) -> None:
    host = f"*.{NAME}"
    row = rig.upload(host, lifetime=90 * DAY)
    binding = rig.bind(host)
    rig.served(binding)
    rig.work(row.id, after=60 * DAY)
    assert (rig.served(binding, after=60 * DAY) or row).id == row.id
    assert rig.read(Certificate, row.id).renewal_error_code == "dns_account_missing"


def test_one_that_was_let_go_is_taken_up_as_the_follower(rig: Uploads) -> None:
    binding = rig.bind()
    rig.served(binding)
    (issued,) = rig.all()
    rig.work(issued.id)
    row = rig.upload(lifetime=60 * DAY)
    assert (rig.served(binding) or issued).id == row.id
    assert rig.work(issued.id).is_let_go
    rig.work(row.id, after=50 * DAY)
    rig.served(binding, after=50 * DAY)
    assert not rig.work(issued.id, after=50 * DAY).is_let_go
    assert len(rig.all()) == 2


def test_a_new_upload_replaces_and_is_preferred_again(rig: Uploads) -> None:
    row = rig.upload(lifetime=90 * DAY)
    rig.work(row.id, after=60 * DAY)
    changed = rig.replace(row, PKI.leaf(NAME, lifetime=300 * DAY))
    assert (changed.status, changed.needs_successor) == (CertificateStatus.ACTIVE, False)


def test_the_order_of_preference() -> None:
    now = datetime.now(UTC)

    def one(
        number: int, kind: str, days: float, status: str = "active", *, there: bool = True
    ) -> Certificate:
        return Certificate(
            id=number, certificate_type=CertificateType(kind), status=CertificateStatus(status),
            certificate="pem" if there else None, subject_alternative_names=[NAME],
            issued_at=now - 30 * DAY, expires_at=now + days * DAY,
        )  # fmt: skip

    wanted = [
        one(9, "custom", 5), one(8, "letsencrypt", 5), one(7, "custom", 0.5), one(6, "self_signed", 5),
        one(5, "custom", -1, "expired"), one(4, "letsencrypt", 0, "pending", there=False),
    ]  # fmt: skip
    left = list(reversed(wanted))
    for expected in wanted:
        assert succession.covering(left, NAME, now) is expected
        left.remove(expected)
    assert succession.covering(left, NAME, now) is None
    assert succession.covering(wanted, "other.example.com", now) is None


def test_a_self_signed_certificate_is_said(rig: Uploads) -> None:
    rig.rig.want()
    rig.work(rig.rig.certificate_id)
    rig.rig.change(
        Certificate, rig.rig.certificate_id, certificate_type=CertificateType.SELF_SIGNED
    )
    told = rig.rig.condition()
    assert (told.status, told.reason) == (True, "self_signed_served")
    assert "browsers warn" in told.message


def test_an_ending_one_is_said_and_one_that_made_way_is_history(rig: Uploads) -> None:
    row = rig.upload(lifetime=90 * DAY)
    assert rig.rig.condition().reason == "active"
    rig.work(row.id, after=60 * DAY)
    assert rig.rig.condition().reason == "certificate_ending"
    rig.rig.change(Certificate, row.id, expires_at=datetime.now(UTC) - DAY)
    assert rig.rig.condition() is None
