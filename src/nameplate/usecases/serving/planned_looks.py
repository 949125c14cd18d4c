"""Which looks are due at a binding: one through each server that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from nameplate.core import basic_auth
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.serials import same_form
from nameplate.leases import Lease
from nameplate.models import Application, Binding, BindingPlacement, Server
from nameplate.models.presence import Presence
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases.serving import agents, hosted, proxies, servers, targets
from nameplate.usecases.serving.agents import ToldLook

SAFETY = timedelta(minutes=1)
"""When to look again at a binding that a proxy should have taken by then."""
AGAIN_AFTER_ERROR = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """A probe to make, and what the binding was when it was planned."""

    lease: Lease
    target: ProbeTarget
    steady: bool
    """The binding was active and healthy: when it still is, nothing needs to be said."""
    interval: int
    seen: str | None = None
    """Serial number of the certificate that was seen last."""
    told: ToldLook | None = None
    """What the server's agent has seen: nobody needs to look."""
    server: int | None = None
    """The server of the binding's group that it is made through; None: it is on no group."""
    is_protected: bool = False
    """The proxy asks visitors for a password, the probe too."""
    direct: ProbeTarget | None = None
    """How the application is looked at by itself, where the route has several targets."""
    is_counted: bool = True
    """It is a look of its own: what an agent told before counts again after an interval."""
    organization: int = 0
    is_whole: bool = True
    """Every server of its group was looked through."""

    def is_seen(self, finding: ProbeResult) -> bool:
        """Tell whether a look saw the same certificate as the last one."""
        if finding.serial is None:
            return True
        return self.seen is not None and same_form(self.seen) == finding.serial


class ServingServer(NamedTuple):
    """A server that is to serve a binding."""

    server: Server
    at: Presence | None
    """What it was told and what was seen there; None: it was told nothing."""
    is_told: bool


def plan(
    row: Binding, places: Sequence[ServingServer], lease: Lease, shared: Application | None = None
) -> list[PlannedProbe]:
    """Return the looks through each server that was told of the binding.

    `shared` is its application where the route has other targets too: one of the looks asks that by itself.
    Where none can be looked through, the row says when to look again.
    """
    now = lease.now()
    if not any(place.is_told for place in places) and _is_unserved(row, places, now):
        return []
    if _waits_for_service(row, places[0].server, now):
        return []
    if row.server_group_id is None:
        one = _look(row, places[0], lease, shared)
        return [] if one is None else [one]
    planned = row.next_action_at
    found = [_look(row, place, lease, shared) for place in places if place.is_told]
    calm = all(_is_calm(place) for place in places)
    whole = all(one is not None and not (one.told and one.told.is_assumed) for one in found)
    looks = [
        replace(one, steady=one.steady and calm, is_whole=whole) for one in found if one is not None
    ]
    if looks:
        row.next_action_at = planned
    return _asking_once(looks)


def _asking_once(looks: Sequence[PlannedProbe]) -> list[PlannedProbe]:
    """Ask the application by itself once, however many servers it is looked at through."""
    asking = next((one for one in looks if one.direct is not None and one.told is None), None)
    return [one if one is asking else replace(one, direct=None) for one in looks]


def _is_unserved(row: Binding, places: Sequence[ServingServer], now: datetime) -> bool:
    """Tell whether there is nothing to look at: no proxy has the binding yet, or none of a group's."""
    troubles = [one for one in map(_trouble, places) if one is not None]
    if row.server_group_id is not None and (
        len(troubles) == len(places) or row.status is BindingStatus.ACTIVE
    ):
        row.fail(troubles[0] if troubles else "No server of the group serves the host now.")
        row.next_action_at = now + proxies.AGAIN_AFTER_REFUSAL
        return True
    if row.status is not BindingStatus.CONFIGURING:
        return False
    row.next_action_at = now + SAFETY  # the server wakes it when its proxy has it
    return True


def _is_calm(place: ServingServer) -> bool:
    at = place.at
    if not isinstance(at, BindingPlacement):
        return False
    return place.is_told and at.failures == 0 and at.withheld_at is None


def _look(
    row: Binding, place: ServingServer, lease: Lease, shared: Application | None
) -> PlannedProbe | None:
    server, at, now = place.server, place.at or row, lease.now()
    try:
        target = _target(row, at, server)
    except Refused as error:
        return _unreachable(row, server, lease, error.detail)
    direct, told = None, None
    if shared is not None:
        direct = targets.target(row, shared, None if server.is_by_agent else target.address)
    if server.is_by_agent:
        told = _agents_word(row, place, target, direct, now)
        if told is None:
            return None
    return PlannedProbe(
        lease,
        target,
        steady=_is_steady(row, direct),
        interval=row.health_check_interval,
        seen=at.seen_serial,
        told=told,
        server=None if row.server_group_id is None else server.id,
        is_protected=basic_auth.is_protected(row.proxy_config),
        direct=direct,
        is_counted=told is None or told.is_new or _is_due(row, now),
        organization=row.organization_id,
    )


def _is_steady(row: Binding, direct: ProbeTarget | None) -> bool:
    """Tell whether nothing has to be written of another look that is as good as the last one."""
    if row.status is not BindingStatus.ACTIVE or row.health_status is not HealthStatus.HEALTHY:
        return False
    is_known = direct is None or row.health_memory.is_reached
    return is_known and row.held_back_at is None and not row.health_memory.is_unsettled


def _is_due(row: Binding, now: datetime) -> bool:
    """Tell whether the agent has looked again since what was counted last, and seen nothing new."""
    last = row.last_health_check_at
    if last is None or row.health_status is HealthStatus.UNKNOWN:
        return True
    return now - last >= timedelta(seconds=row.health_check_interval)


def _unreachable(row: Binding, server: Server, lease: Lease, why: str) -> PlannedProbe | None:
    """Note that a server may not be looked through; in a group, the others serve the binding."""
    if row.server_group_id is not None:
        target = ProbeTarget(server.address, 443, row.hostname)
        said = ToldLook(
            ProbeResult(target, Failure.ADDRESS_REFUSED, why), None, is_new=True, is_assumed=True
        )
        return PlannedProbe(
            lease, target, steady=False, interval=row.health_check_interval, told=said,
            server=server.id, organization=row.organization_id,
        )  # fmt: skip
    row.error_message = why
    if row.status is BindingStatus.CONFIGURING:  # what is served stays served
        row.fail(why)
    row.next_action_at = lease.now() + AGAIN_AFTER_ERROR
    return None


def _target(row: Binding, at: Presence, server: Server) -> ProbeTarget:
    """Return how a binding is looked at through a server. Raises `Refused`."""
    proxy = servers.reach(server)
    return ProbeTarget(
        address=proxy.probe_address or server.address,
        port=proxy.https_port if row.ssl_enabled else proxy.http_port,
        hostname=row.hostname.replace("*", "nameplate-probe", 1),
        path=row.health_check_path if row.status is BindingStatus.ACTIVE else row.path,
        scheme="https" if row.ssl_enabled else "http",
        expected_serial=at.served_serial if row.ssl_enabled else None,
        timeout=float(row.health_check_timeout),
        is_tenants=server.organization_id is not None and proxy.probe_address is None,
    )


def _agents_word(
    row: Binding,
    place: ServingServer,
    target: ProbeTarget,
    direct: ProbeTarget | None,
    now: datetime,
) -> ToldLook | None:
    """Return what a server's agent tells; where one of several is silent, nothing answers there."""
    told = agents.seen(row, place.at or row, place.server, target, direct, now)
    if told is not None:
        return told
    if row.server_group_id is None:
        _await_agent(row, place.server, now)
    elif not agents.is_there(place.server, now):
        silence = agents.silence(place.server)
        said = ProbeResult(target, Failure.CONNECTION_FAILED, silence)
        return ToldLook(said, None, is_new=True, is_assumed=True)
    else:
        row.next_action_at = now + SAFETY
    return None


def _await_agent(row: Binding, server: Server, now: datetime) -> None:
    """Wait for the next report of the server's agent, which wakes the binding."""
    row.next_action_at = now + SAFETY
    if row.status is BindingStatus.ACTIVE and not agents.is_there(server, now):
        row.lose_sight(agents.silence(server))


def _trouble(place: ServingServer) -> str | None:
    at = place.at
    return (
        f"{place.server.name}: {at.trouble}"
        if isinstance(at, BindingPlacement) and at.trouble
        else None
    )


def _waits_for_service(row: Binding, server: Server, now: datetime) -> bool:
    """Tell whether the service does not serve the host; a look that finds another state wakes it."""
    reason = hosted.obstacle(row, server)
    if reason is None:
        return False
    row.next_action_at = now + timedelta(seconds=row.health_check_interval)
    row.error_message = reason
    if row.status is BindingStatus.ACTIVE:
        row.record_health(HealthStatus.UNHEALTHY, now)
    return True
