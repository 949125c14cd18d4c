"""Many domains at once, from the claim to HTTPS: the qualities that are not times of the machine."""

import pytest
from bench import onboarding_run

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MAX_LEASES = {"verification": 2.2, "domain": 3.0, "record": 2.0, "certificate": 4.0, "binding": 4.0}
"""How often a row is looked at for each domain; another look is a look for nothing. An order that is
still pending when the authority is asked is one look more, and so is a proof that came just after one."""
CUT_OFF = 20
"""One order of so many may fail: a Caddy that loads closes connections, those of the authority too."""
HEALTH_CHECK_EVERY = 30
MAX_MIB = 180


def _onboards(count: int) -> None:
    run, found = onboarding_run.measure(count, 0.0, 0)
    assert not run.refused
    assert found["live"] == count, found["first_missing"]
    again = found["failed_orders"]
    assert again <= count / CUT_OFF
    assert found["orders"] == count + 1 + again, "one each, and for the other organization's"
    checks = {"binding": found["seconds"] / HEALTH_CHECK_EVERY}
    too_often = {
        kind: each for kind, each in found["leases_each"].items()
        if each > MAX_LEASES.get(kind, each) + checks.get(kind, 0.0)
    }  # fmt: skip
    assert not too_often
    assert run.suspension is not None
    assert run.amid < count, "suspended while the others were on their way"
    assert run.single is not None
    assert run.single_at is not None
    slowest = max(at - run.claimed[name] for name, at in run.live.items() if name in run.claimed)
    assert run.single_at - run.single <= slowest, "another organization waits for no crowd"
    assert max(found["worker_mib"]) <= MAX_MIB


@pytest.mark.timeout(240)
def test_forty_domains_at_once() -> None:
    _onboards(40)


@pytest.mark.torture
def test_three_thousand_domains_at_once() -> None:
    _onboards(3000)
