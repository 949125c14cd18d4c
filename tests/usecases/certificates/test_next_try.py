"""When a certificate is tried next, and why then."""

from datetime import UTC, datetime

import pytest

from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate
from nameplate.usecases.certificates import next_try

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def _row(**columns: object) -> Certificate:
    given: dict[str, object] = {
        "status": CertificateStatus.PENDING, "next_action_at": NOW,
        "next_renewal_attempt_at": NOW, "renewal_attempts": 0,
    }  # fmt: skip
    return Certificate(**(given | columns))


def test_nothing_is_said_while_nothing_stops_it() -> None:
    assert next_try.of(_row()) is None
    assert next_try.of(_row(trouble_code="x", status=CertificateStatus.REVOKED)) is None


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"trouble_code": "caa_excludes", "watch_key": "k"}, "looked at every few seconds"),
        ({"trouble_code": "ca_unreachable", "waits_for": "account:1"}, "waits for account:1"),
        ({"trouble_code": "internal_error"}, "the wait grows with each failure"),
        ({"renewal_error_code": "challenge_invalid", "renewal_attempts": 1}, "failed 1 time in"),
        ({"renewal_error_code": "challenge_invalid", "renewal_attempts": 3}, "failed 3 times in"),
    ],
)
def test_the_reason_is_that_of_the_cause(columns: dict[str, object], words: str) -> None:
    found = next_try.of(_row(**columns))
    assert found is not None
    assert found.at == NOW
    assert words in found.because


def test_what_stands_until_somebody_changes_it_has_no_time() -> None:
    failed = {"renewal_error_code": "acme_bad_csr", "next_renewal_attempt_at": None}
    found = next_try.of(_row(**failed))
    assert found is not None
    assert found.at is None
    assert "until it is corrected" in found.because
