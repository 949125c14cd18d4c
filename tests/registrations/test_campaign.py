"""Random lives of purchases: whatever fails and dies, each is paid once or not at all."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Blind, Killed, Shop

from nameplate.adapters.registrar.memory import SandboxRegistrar
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.models import RegisteredName
from nameplate.ports.registrar import Act
from nameplate.usecases import work

POINTS = (
    *(one for one in work.CRASH_POINTS if one.startswith("registration:")),
    *(
        f"{act}:{when}"
        for act in ("register", "renew", "reactivate")
        for when in ("before", "after")
    ),
    *("registration", "quote", "operation", "operations", "offers"),
)
LAPSE = int(timedelta(days=365 + 46).total_seconds())
"""Seconds after which a name that was registered for a year is in redemption."""
KINDS = ("", "lost-before-", "lost-after-", "stale-", "slow-", "late-failure-", "dearer-")
_ENDS: dict[str, Callable[[], BaseException]] = {
    "killed": Killed,
    "lost": lambda: Unavailable("provider_unreachable", "No answer."),
    "limited": lambda: RateLimited("rate_limited", "Wait."),
    "credential": lambda: Refused("credential_refused", "The credential was refused."),
}
_OF_WORKER = frozenset({"killed"})
BUY = st.tuples(st.just("buy"), st.integers(0, 3), st.integers(1, 3))
RENEW = st.tuples(st.just("renew"), st.integers(0, 3), st.integers(1, 2))
REACTIVATE = st.tuples(st.just("reactivate"), st.integers(0, 3), st.just(1))
FAULT = st.tuples(st.just("fault"), st.sampled_from(POINTS), st.sampled_from(sorted(_ENDS)))
STEP = st.tuples(st.just("step"), st.just(0), st.sampled_from([0, 1, 20, 61, 4000, LAPSE]))
PROGRAMS = st.tuples(
    st.sampled_from([SandboxRegistrar, Blind]),
    st.lists(st.lists(st.sampled_from(KINDS), max_size=2, unique=True), min_size=4, max_size=4),
    st.lists(st.one_of(BUY, RENEW, REACTIVATE, FAULT, STEP, STEP), min_size=3, max_size=14),
)


def run(shop: Shop, kinds: list[list[str]], acts: list[tuple[str, object, object]]) -> None:
    """Play a program, then let everything heal and come to its end."""
    names = [shop.name(*one) for one in kinds]
    for kind, what, much in acts:
        if kind in _ACTS:
            _want(shop, names[int(str(what))], _ACTS[kind], int(str(much)))
        elif kind == "fault":
            _plan(shop, str(what), str(much))
        else:
            shop.step()
            shop.now += timedelta(seconds=int(str(much)))
    shop.faults.clear()
    shop.drain(most=300)
    shop.check()


_ACTS = {"buy": Act.REGISTER, "renew": Act.RENEW, "reactivate": Act.REACTIVATE}


def _want(shop: Shop, name: str, act: Act, years: int) -> None:
    try:
        found = shop.quote(name, act, years)
        shop.confirm(found)
        shop.confirm(found)  # a request that was repeated
    except (NameplateError, Killed):
        return


def _plan(shop: Shop, point: str, end: str) -> None:
    if point.startswith("registration:") and end not in _OF_WORKER:
        return  # a crash point only dies
    if end == "credential" and point.endswith(":after"):
        return  # a refusal says that nothing was done
    if end == "limited" and point.endswith(":after"):
        return
    shop.faults.setdefault(point, []).append(_ENDS[end]())


def campaign(templates: Templates, folder: Path, examples: int) -> None:
    """Play so many random programs."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(PROGRAMS)
    def play(
        program: tuple[type[SandboxRegistrar], list[list[str]], list[tuple[str, object, object]]],
    ) -> None:
        kind, kinds, acts = program
        with made.begin(PLATFORM) as session:  # other programs have had their time
            session.execute(sa.update(RegisteredName).values(next_action_at=None))
        run(Shop(made, kind), kinds, acts)

    with templates.sqlite(folder / "nameplate.db") as url:
        made = sessions_over(url)
        play()
        made.dispose()


def test_each_purchase_is_paid_once_or_not_at_all(templates: Templates, tmp_path: Path) -> None:
    campaign(templates, tmp_path, 12)


def test_what_ran_out_before_it_was_looked_at_again_is_settled(
    templates: Templates, tmp_path: Path
) -> None:
    """No worker ran for more than a year: the registration was waited for, for ever and in silence."""
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        acts: list[tuple[str, object, object]] = [("buy", 0, 1), ("step", 0, LAPSE)]
        run(Shop(made, SandboxRegistrar), [["stale-"]], acts)
        made.dispose()


@pytest.mark.torture
def test_two_thousand_random_lives(templates: Templates, tmp_path: Path) -> None:
    campaign(templates, tmp_path, int(os.environ.get("NAMEPLATE_PROGRAMS", "2000")))
