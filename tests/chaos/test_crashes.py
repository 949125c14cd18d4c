"""kill -9 between every two consecutive steps: nothing is lost, nothing happens twice."""

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from nameplate.usecases import work
from tests.chaos.conftest import Open
from tests.chaos.verdict import check
from tests.chaos.world import Scene

CRASH_POINTS = tuple(one for one in work.CRASH_POINTS if not one.startswith("registration:"))
"""Those on the way of a domain; `tests/registrations` has the others."""
PARALLEL = 4
"""Scenes at once; each has one request in flight at the authority, which takes eight."""
WILDCARD, SINGLE = "dns-01", "http-01"
OF_CERTIFICATES = tuple(point for point in CRASH_POINTS if point.startswith("certificate:"))

Case = tuple[str, str, str]
"""Kind of database, challenge, crash point."""
CASES: tuple[Case, ...] = (
    *(("sqlite", WILDCARD, point) for point in CRASH_POINTS),
    *(("sqlite", SINGLE, point) for point in OF_CERTIFICATES[2:7:2]),
    *(("postgresql", WILDCARD, point) for point in CRASH_POINTS[1::2]),
    *(("mariadb", WILDCARD, point) for point in ("records:applied", "certificate:finalized")),
)
"""What every run shows; all cases of all databases belong to the long campaign."""
ALL: tuple[Case, ...] = tuple(
    (kind, challenge, point)
    for kind in ("sqlite", "postgresql", "mariadb")
    for challenge, points in ((WILDCARD, CRASH_POINTS), (SINGLE, OF_CERTIFICATES))
    for point in points
)


def _label(case: Case, seed: int = 0) -> str:
    kind, challenge, point = case
    return f"{kind[:2]}-{challenge[:3]}-{seed}-{point}".replace(":", "-").replace("_", "-")


def crash_and_finish(scenes: Open, case: Case) -> None:
    """End one worker at the point, have another one finish, and look at everything."""
    kind, challenge, point = case
    with scenes(kind, _label(case)) as scene:
        scene.claim(wildcard=challenge == WILDCARD)
        with scene.worker(die_at=point) as first:
            assert first.was_killed(60), f"it did not die at {point}: {_log(scene)}"
        assert _log(scene).count(f" {point}\n") == 1
        with scene.worker():
            scene.wait(scene.settled, 60)
        check(scene)


def _log(scene: Scene) -> str:
    return scene.log.read_text(errors="replace")[-4000:]


@pytest.fixture(scope="module")
def campaign(scenes: Open, request: pytest.FixtureRequest) -> Iterator[dict[Case, Future[None]]]:
    """Every case that this run asks for, begun at once."""
    wanted = [
        item.callspec.params["case"]  # type: ignore[attr-defined]  # a parametrised function
        for item in request.session.items
        if item.originalname == test_a_crash_loses_nothing.__name__  # type: ignore[attr-defined]  # a function
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        begun = {case: pool.submit(crash_and_finish, scenes, case) for case in wanted}
        yield begun
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=_label)
def test_a_crash_loses_nothing(case: Case, campaign: dict[Case, Future[None]]) -> None:
    campaign[case].result()


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_every_point_on_every_database(scenes: Open) -> None:
    rest = [case for case in ALL if case not in CASES]
    with ThreadPoolExecutor(PARALLEL) as pool:
        done = {case: pool.submit(crash_and_finish, scenes, case) for case in rest}
    failed = {case: future.exception() for case, future in done.items() if future.exception()}
    assert not failed


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_kills_at_any_moment(scenes: Open, kind: str) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        done = [pool.submit(_random_kills, scenes, kind, seed) for seed in range(12)]
    assert not [str(future.exception()) for future in done if future.exception()]


def _random_kills(scenes: Open, kind: str, seed: int) -> None:
    dice = random.Random(seed)
    challenge = dice.choice([WILDCARD, SINGLE])
    with scenes(kind, f"{kind[:2]}-any-{seed}") as scene:
        scene.claim(wildcard=challenge == WILDCARD)
        for _ in range(8):
            with scene.worker() as worker:
                worker.join(dice.uniform(0.2, 3))
                worker.kill()
        with scene.worker():
            scene.wait(scene.settled, 90)
        check(scene)
