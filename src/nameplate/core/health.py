"""What looks at an application come to: thresholds, and more patience with what comes and goes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nameplate.core.lifecycle import HealthStatus

BAD, GOOD = 3, 2
"""Looks in a row that make something unhealthy, and healthy again."""
CALM = timedelta(hours=1)
"""Whatever becomes unhealthy twice within this time has to be seen well for twice as long."""
MAX_LAPSES = 5


@dataclass(frozen=True, slots=True)
class HealthMemory:
    """What is remembered of the looks at one binding."""

    bad: int = 0
    """Bad looks in a row."""
    good: int = 0
    """Good ones in a row since then."""
    is_unsettled: bool = False
    """A look was bad, and not enough good ones have followed."""
    lapses: int = 0
    """How often it became unhealthy again soon."""
    lapsed_at: datetime | None = None
    target_bad: int = 0
    """Bad looks in a row at the application's own address."""
    target_good: int = 0
    is_reached: bool = False
    """The application's own address has answered: a look there that fails says something."""

    @property
    def needed(self) -> int:
        """How many good looks in a row end it: 2, 4, 8 and so on up to 64."""
        return int(GOOD * 2**self.lapses)

    @property
    def is_in_doubt(self) -> bool:
        """A look was bad, and two good ones in a row have not followed yet."""
        return self.is_unsettled and self.good < GOOD

    @property
    def is_down(self) -> bool:
        """The application's own address has failed often enough to be left out."""
        return self.is_reached and self.target_bad >= BAD

    @property
    def is_up(self) -> bool:
        """It has answered often enough to be used again."""
        return self.target_bad == 0 and self.target_good >= self.needed


STEADY = HealthMemory()


def after(
    memory: HealthMemory, before: HealthStatus, level: HealthStatus, now: datetime
) -> tuple[HealthMemory, HealthStatus]:
    """Return what is remembered, and the health, after a look that saw `level`.

    One bad look makes `degraded`, three in a row `unhealthy`; then good ones make `degraded` until
    there are enough of them.
    """
    if level is HealthStatus.UNHEALTHY:
        bad = memory.bad + 1
        known = replace(memory, bad=bad, good=0, is_unsettled=True)
        if bad == BAD:
            known = _lapsed(known, now)
        is_over = bad >= BAD or before is HealthStatus.UNHEALTHY
        return known, HealthStatus.UNHEALTHY if is_over else HealthStatus.DEGRADED
    if not memory.is_unsettled:
        return memory, level
    good = memory.good + 1
    if good < memory.needed:
        return replace(memory, bad=0, good=good), HealthStatus.DEGRADED
    return replace(memory, bad=0, good=0, is_unsettled=False), level


def missing(memory: HealthMemory) -> int:
    """Return how many good looks in a row are missing until all is well."""
    return memory.needed - memory.good if memory.is_unsettled else 0


def after_target(memory: HealthMemory, *, is_well: bool) -> HealthMemory:
    """Return what is remembered after a look at the application's own address."""
    if is_well:
        good = min(memory.target_good + 1, memory.needed)
        return replace(memory, target_bad=0, target_good=good, is_reached=True)
    return replace(memory, target_bad=min(memory.target_bad + 1, BAD), target_good=0)


def _lapsed(memory: HealthMemory, now: datetime) -> HealthMemory:
    again = memory.lapsed_at is not None and now - memory.lapsed_at < CALM
    lapses = min(memory.lapses + 1, MAX_LAPSES) if again else 0
    return replace(memory, lapses=lapses, lapsed_at=now)


def shares(targets: list[tuple[int, bool]]) -> list[int]:
    """Return the weights of a route's targets, each given with whether it is held back.

    What is held back gets 0 while another target gets something; otherwise nothing is changed: a bad
    answer is better than none.
    """
    if any(weight and not is_held for weight, is_held in targets):
        return [0 if is_held else weight for weight, is_held in targets]
    return [weight for weight, _ in targets]
