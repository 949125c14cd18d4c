"""What one look through a proxy says, without a database."""

import pytest

from nameplate.core.lifecycle import HealthStatus
from nameplate.models import Binding, Certificate
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases.serving import judgement
from nameplate.usecases.serving.judgement import Behind

TARGET = ProbeTarget("192.0.2.1", 443, "acme.com", expected_serial="01")


@pytest.mark.parametrize(
    ("status", "protected", "expected"),
    [
        (204, False, HealthStatus.HEALTHY),
        (401, False, HealthStatus.DEGRADED),
        (401, True, HealthStatus.HEALTHY),
        (404, True, HealthStatus.DEGRADED),
        (503, True, HealthStatus.UNHEALTHY),
        (None, True, HealthStatus.UNHEALTHY),
    ],
)
def test_a_password_is_asked_for_by_a_proxy_that_works(
    status: int | None, protected: bool, expected: HealthStatus
) -> None:
    seen = ProbeResult(TARGET, serial="01", status=status)
    assert judgement.health(seen, protected=protected) is expected


def test_the_best_look_stands_for_all() -> None:
    seen = [ProbeResult(TARGET, serial="01", status=one) for one in (502, 200, 404)]
    assert sorted(seen, key=judgement.badness) == [seen[1], seen[2], seen[0]]


def test_a_certificate_that_is_new_or_was_there_before_is_well() -> None:
    row = Binding(ssl_certificate_id=7, served_serial="01")
    behind = Behind({}, {7: Certificate(serial_number="02", former_serial="03")}, {})
    for serial, matches, doubtful in (
        ("01", True, False), ("02", True, False), ("03", True, True), ("04", False, True),
    ):  # fmt: skip
        found = judgement.judged(behind, row, row, ProbeResult(TARGET, serial=serial, status=200))
        assert found.serial_matches is matches
        assert judgement.is_doubtful(behind, row, row, found) is doubtful
    assert judgement.reason(found).startswith("The proxy presents a different certificate")


def test_a_proxy_that_closes_may_have_lost_its_configuration() -> None:
    row, behind = Binding(), Behind({}, {}, {})
    for failure, doubtful in ((Failure.CLOSED, True), (Failure.TIMEOUT, False)):
        seen = ProbeResult(TARGET, failure)
        assert judgement.is_doubtful(behind, row, row, seen) is doubtful
        assert judgement.reason(seen) == f"Through the proxy: {failure.value}."
