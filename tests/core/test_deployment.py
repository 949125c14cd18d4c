"""How far a certificate has come, and whose turn it is to get a renewed one."""

from datetime import UTC, datetime, timedelta

import pytest

from nameplate.core import deployment
from nameplate.core.deployment import DeploymentState as State
from nameplate.core.deployment import Presenter, Renewal

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def _of(*servers: int) -> list[Presenter]:
    return [Presenter(one, "0a") for one in servers]


@pytest.mark.parametrize(
    ("serial", "renewed_at", "presenters", "state"),
    [
        (None, LONG_AGO, _of(1), State.UNBOUND),
        ("0b", LONG_AGO, [], State.UNBOUND),
        ("0a", LONG_AGO, _of(1, 2), State.DEPLOYED),
        ("0b", NOW - timedelta(seconds=59), _of(1), State.DEPLOYING),
        ("0b", NOW - timedelta(seconds=60), _of(1), State.DEPLOYED_PARTIAL),
        ("0b", None, [Presenter(1, None)], State.DEPLOYED_PARTIAL),
        ("0b", LONG_AGO, [Presenter(1, "0b"), Presenter(2, "0a")], State.DEPLOYED_PARTIAL),
    ],
)
def test_state(
    serial: str | None, renewed_at: datetime, presenters: list[Presenter], state: State
) -> None:
    assert deployment.state(serial, renewed_at, presenters, NOW) is state


def _turns(presenters: list[Presenter], after: timedelta = timedelta(0)) -> list[int]:
    renewal = Renewal("0b", NOW, NOW + timedelta(days=30))
    servers = sorted({one.server for one in presenters if one.server})
    return [one for one in servers if deployment.takes(one, renewal, presenters, NOW + after)]


def test_one_server_waits_for_nobody() -> None:
    assert _turns(_of(7)) == [7]


def test_one_of_several_is_first_and_the_others_follow_when_it_was_seen_there() -> None:
    assert _turns(_of(3, 1, 2)) == [1]
    assert _turns([Presenter(1, "0b"), *_of(2, 3)]) == [1, 2, 3]


def test_a_server_that_cannot_be_configured_is_not_the_first() -> None:
    assert _turns([Presenter(1, "0a", is_failing=True), *_of(2, 3)]) == [2]


def test_what_cannot_be_looked_at_holds_up_nobody_for_ever() -> None:
    assert _turns(_of(1, 2, 3), timedelta(minutes=59)) == [1]
    assert _turns(_of(1, 2, 3), timedelta(hours=1)) == [1, 2]
    assert _turns(_of(1, 2, 3), timedelta(hours=2)) == [1, 2, 3]
    short = Renewal("0b", NOW, NOW + timedelta(minutes=8))
    assert deployment.takes(2, short, _of(1, 2), NOW + timedelta(minutes=1))


def test_what_a_proxy_refused_is_tried_later_and_later() -> None:
    first = NOW
    waits = []
    last = first
    for _ in range(8):
        at = last
        while not deployment.tries_again(first, last, at):
            at += timedelta(seconds=1)
        waits.append((at - last).total_seconds())
        last = at
    assert waits == [20, 20, 40, 80, 160, 320, 600, 600]
