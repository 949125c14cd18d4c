"""Which looks are due at a binding: one through each server that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from nameplate.core import basic_auth
from nameplate.core.certificates import same_form
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.leases import Lease
from nameplate.models import Binding, BindingPlacement, Server
from nameplate.models.presence import Presence
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases.serving import agents, hosted, proxies, servers

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
    told: ProbeResult | None = None
    """What the server's agent has seen: nobody needs to look."""
    server: int | None = None
    """The server of the binding's group that it is made through; None: it is on no group."""
    is_protected: bool = False
    """The proxy asks visitors for a password, the probe too."""

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


def plan(row: Binding, places: Sequence[ServingServer], lease: Lease) -> list[PlannedProbe]:
    """Return the looks through each server that was told of the binding.

    Where none can be looked through, the row says when to look again.
    """
    now = lease.now()
    if not any(place.is_told for place in places) and _is_unserved(row, places, now):
        return []
    if _waits_for_service(row, places[0].server, now):
        return []
    if row.server_group_id is None:
        one = _look(row, places[0], lease)
        return [] if one is None else [one]
    planned = row.next_action_at
    found = [_look(row, place, lease) for place in places if place.is_told]
    calm = all(_is_calm(place) for place in places)
    looks = [replace(one, steady=one.steady and calm) for one in found if one is not None]
    if looks:
        row.next_action_at = planned
    return looks


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


def _look(row: Binding, place: ServingServer, lease: Lease) -> PlannedProbe | None:
    server, at = place.server, place.at or row
    try:
        proxy = servers.reach(server)
    except Refused as error:
        if row.server_group_id is not None:  # the others serve it
            said = ProbeResult(
                ProbeTarget(server.address, 443, row.hostname),
                Failure.ADDRESS_REFUSED,
                error.detail,
            )
            return PlannedProbe(
                lease, said.target, False, row.health_check_interval, None, said, server.id
            )
        row.error_message = error.detail
        if row.status is BindingStatus.CONFIGURING:  # what is served stays served
            row.fail(error.detail)
        row.next_action_at = lease.now() + AGAIN_AFTER_ERROR
        return None
    target = ProbeTarget(
        address=proxy.probe_address or server.address,
        port=proxy.https_port if row.ssl_enabled else proxy.http_port,
        hostname=row.hostname.replace("*", "nameplate-probe", 1),
        path=row.health_check_path if row.status is BindingStatus.ACTIVE else row.path,
        scheme="https" if row.ssl_enabled else "http",
        expected_serial=at.served_serial if row.ssl_enabled else None,
        timeout=float(row.health_check_timeout),
        is_tenants=server.organization_id is not None and proxy.probe_address is None,
    )
    told = None
    if server.is_by_agent:
        told = _agents_word(row, place, target, lease.now())
        if told is None:
            return None
    steady = row.status is BindingStatus.ACTIVE and row.health_status is HealthStatus.HEALTHY
    group = row.server_group_id is not None
    return PlannedProbe(
        lease, target, steady, row.health_check_interval, at.seen_serial, told,
        server.id if group else None, basic_auth.is_protected(row.proxy_config),
    )  # fmt: skip


def _agents_word(
    row: Binding, place: ServingServer, target: ProbeTarget, now: datetime
) -> ProbeResult | None:
    """Return what a server's agent tells; where one of several is silent, nothing answers there."""
    told = agents.seen(row, place.at or row, place.server, target, now)
    if told is not None:
        return told
    if row.server_group_id is None:
        _await_agent(row, place.server, now)
    elif not agents.is_there(place.server, now):
        silence = agents.silence(place.server)
        return ProbeResult(target, Failure.CONNECTION_FAILED, silence)
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
