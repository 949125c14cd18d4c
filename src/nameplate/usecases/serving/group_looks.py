"""Recording what looks through the servers of a group saw of a binding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding, BindingPlacement, Server
from nameplate.ports.prober import ProbeResult
from nameplate.usecases.placements import MemberServer
from nameplate.usecases.serving import judgement, withholding
from nameplate.usecases.serving.judgement import Behind


class ServerLook(NamedTuple):
    """What was seen of a binding, through the server of its group where it is on one."""

    server: int | None
    seen: ProbeResult


@dataclass(frozen=True, slots=True)
class JudgedLooks:
    """What looks through one server, or through those of a group, come to."""

    finding: ProbeResult
    """What stands for all: the best, for visitors are led away from the others."""
    is_moved: bool
    """Another certificate was seen than before."""
    doubted: Sequence[int]
    """Servers whose proxies may have forgotten what they were told."""
    failures: int = 0
    """Most failures in a row at one server of the group."""
    is_turned: bool = False
    """DNS is to lead to other servers of the group."""
    returned: Sequence[int] = ()
    """Servers through which the host answers again."""


def record(
    session: Session, behind: Behind, row: Binding, found: Sequence[ServerLook], now: datetime
) -> JudgedLooks:
    """Record what was seen of a binding through each of its servers."""
    places = behind.placed.get(row.id)
    if places is None:
        seen = found[0].seen
        finding = judgement.judged(behind, row, row, seen)
        is_moved = seen.serial is not None and row.see(seen.serial, now)
        is_doubtful = judgement.is_doubtful(behind, row, row, finding)
        own = [row.server_id] if row.server_id is not None else []
        is_back = row.failing_since is not None and judgement.is_well(finding)
        return JudgedLooks(
            finding, is_moved, own if is_doubtful else [], returned=own if is_back else []
        )
    return _together(session, behind, row, places, found, now)


def _together(  # noqa: PLR0917 - as `record`, and the servers of the group
    session: Session,
    behind: Behind,
    row: Binding,
    places: Sequence[MemberServer],
    found: Sequence[ServerLook],
    now: datetime,
) -> JudgedLooks:
    seen = {one.server: one.seen for one in found}
    judged: list[tuple[Server, ProbeResult]] = []
    doubted: list[int] = []
    returned: list[int] = []
    is_moved = False
    there: list[MemberServer] = []
    for place in places:
        told, look = place, seen.get(place.server.id)
        if look is not None and place.at is not None:
            finding = judgement.judged(behind, row, place.at, look)
            is_moved |= look.serial is not None and place.at.see(look.serial, now)
            is_well = judgement.is_well(finding)
            if is_well and place.at.failures:
                returned.append(place.server.id)
            place.at.look(None if is_well else judgement.reason(finding), now)
            judged.append((place.server, finding))
            if judgement.is_doubtful(behind, row, place.at, finding):
                doubted.append(place.server.id)
        elif not place.is_told and row.status is BindingStatus.ACTIVE:
            told = _untold(session, row, place, now)
        there.append(told)
    is_moved |= row.see_everywhere([_seen_at(place) for place in there], now)
    failures = max((one.at.failures for one in there if one.at is not None), default=0)
    standing = _standing(judged) if judged else found[0].seen
    is_due = withholding.is_due(there)
    return JudgedLooks(standing, is_moved, doubted, failures, is_due, returned)


def _untold(session: Session, row: Binding, place: MemberServer, now: datetime) -> MemberServer:
    """Count that a server of the group does not serve what others serve."""
    at = place.at
    if at is None:
        at = BindingPlacement(
            organization_id=row.organization_id, binding_id=row.id, server_id=place.server.id,
            failures=0,
        )  # fmt: skip
        session.add(at)
    at.look(at.trouble if at.trouble and at.failures else withholding.NEW, now)
    return MemberServer(place.server, at)


def _seen_at(place: MemberServer) -> str | None:
    return None if place.at is None else place.at.seen_serial


def _standing(judged: Sequence[tuple[Server, ProbeResult]]) -> ProbeResult:
    server, best = min(judged, key=lambda one: judgement.badness(one[1]))
    if judgement.is_well(best) or not best.message:
        return best
    return replace(best, message=f"{server.name}: {best.message}")
