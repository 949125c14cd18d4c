"""What one step sees of bindings: each through its servers, and its application by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nameplate.core.lifecycle import HealthStatus
from nameplate.ports.prober import ProbeResult
from nameplate.usecases.serving import judgement
from nameplate.usecases.serving.group_looks import ServerLook
from nameplate.usecases.serving.looks import TargetLook
from nameplate.usecases.serving.planned_looks import PlannedProbe
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class SeenBinding:
    """What was seen of one binding."""

    planned: Sequence[PlannedProbe]
    through: Sequence[ServerLook]
    direct: ProbeResult | None
    """What the application answered by itself: the best, where several agents have asked it."""

    @property
    def is_counted(self) -> bool:
        """Tell whether it says more than what was counted before."""
        return any(one.is_counted for one in self.planned)

    @property
    def tells_of_target(self) -> bool:
        """Tell whether it says how the application is by itself, or that it is not asked."""
        return self.direct is not None or all(one.is_whole for one in self.planned)

    @property
    def is_steady(self) -> bool:
        """Tell whether all was well before and is so still, so that nothing has to be written."""
        if self.direct is not None and judgement.health(self.direct) is not HealthStatus.HEALTHY:
            return False
        return all(
            look.steady
            and judgement.health(one.seen, protected=look.is_protected) is HealthStatus.HEALTHY
            and look.is_seen(one.seen)
            for look, one in zip(self.planned, self.through, strict=True)
        )

    @property
    def noted(self) -> TargetLook:
        """Return what the series keeps of it: one look at the binding, however many servers it has."""
        best = min((one.seen for one in self.through), key=judgement.badness)
        shown = self.direct or best
        failed = not all(judgement.is_well(one) for one in (best, self.direct) if one is not None)
        first = self.planned[0]
        at = first.lease.now()
        return TargetLook(
            first.lease.id, first.organization, at, failed, shown.status, shown.seconds
        )


def take(tools: Tools, planned: Sequence[Sequence[PlannedProbe]]) -> list[SeenBinding]:
    """Return what is seen of each binding, by ourselves where no agent has told."""
    own = [one for of_one in planned for one in of_one if one.told is None]
    beside = [one.direct for one in own if one.direct is not None]
    asked = [*(one.target for one in own), *beside]
    seen = list(tools.prober.look_many(asked)) if asked else []
    through, direct = iter(seen[: len(own)]), iter(seen[len(own) :])
    return [_gathered(of_one, through, direct) for of_one in planned]


def _gathered(
    planned: Sequence[PlannedProbe], through: Iterator[ProbeResult], direct: Iterator[ProbeResult]
) -> SeenBinding:
    found: list[ServerLook] = []
    by_itself: list[ProbeResult] = []
    for one in planned:
        if one.told is not None:
            seen, own = one.told.through, one.told.direct
        else:
            seen, own = next(through), next(direct) if one.direct is not None else None
        found.append(ServerLook(one.server, seen))
        if own is not None:
            by_itself.append(own)
    return SeenBinding(planned, found, min(by_itself, key=judgement.badness, default=None))
