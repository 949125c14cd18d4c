"""Looks at the targets of one route, each at its own address, and which of them are left out.

A look through the proxy sees any target of a route. So where several bindings share host and path, the
application of each is asked beside that, at its upstream, which only the operator may write. From there a
failure counts only once the target has answered from there: what a worker cannot reach, the proxy may.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import health, route_settings
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Application, Binding
from nameplate.ports.prober import ProbeResult, ProbeTarget

_SERVER_ERROR = 500


def sharing(session: Session, rows: Sequence[Binding]) -> set[int]:
    """Return which of these bindings share host and path with others that are not disabled."""
    names = sorted({row.hostname for row in rows if row.status is BindingStatus.ACTIVE})
    if not names:
        return set()
    shared = (
        Binding.visible(PLATFORM)
        .with_only_columns(Binding.organization_id, Binding.hostname, Binding.path)
        .where(Binding.hostname.in_(names), Binding.status != BindingStatus.DISABLED)
        .group_by(Binding.organization_id, Binding.hostname, Binding.path)
        .having(sa.func.count() > 1)
    )
    found = {tuple(one) for one in session.execute(shared)}
    return {row.id for row in rows if (row.organization_id, row.hostname, row.path) in found}


class TargetAddress(NamedTuple):
    """Where an application is asked by itself."""

    host: str
    port: int
    path: str


def address(
    host: str | None,
    port: int | None,
    path: str,
    check_path: str,
    proxy_config: Any = None,  # noqa: ANN401 - JSON
) -> TargetAddress | None:
    """Return where a target is looked at by itself; None where that is not possible.

    `path` is that of its route, `check_path` the one that is asked for at the host: where it is not below the
    route's, the route's own is asked for.
    """
    settings = route_settings.stored(proxy_config)
    if host is None or port is None or settings.upstream_protocol != "http":
        return None
    below = path.rstrip("/")
    if check_path != below and not check_path.startswith(f"{below}/"):
        check_path = path  # nobody reaches another one there through this route
    if settings.strip_path:
        check_path = check_path.removeprefix(below) or "/"
    return TargetAddress(host, port, check_path)


def target(row: Binding, application: Application, probed_at: str | None) -> ProbeTarget | None:
    """Return how a target is looked at by itself; None where that is not possible.

    `probed_at` is where its proxy is looked at, None for an agent beside it: what is on the proxy's own
    machine can be seen from there only.
    """
    port = row.port or application.upstream_port
    host = application.upstream_host
    found = address(host, port, row.path, row.health_check_path, row.proxy_config)
    if found is None:
        return None
    if probed_at is not None and _is_local(found.host) and not _is_local(probed_at):
        return None
    return ProbeTarget(
        address=found.host,
        port=found.port,
        hostname=row.hostname.replace("*", "nameplate-probe", 1),
        path=found.path,
        scheme="http",
        timeout=float(row.health_check_timeout),
        is_upstream=True,
    )


def combined(
    memory: health.HealthMemory, through: ProbeResult, direct: ProbeResult | None
) -> ProbeResult:
    """Return what a target's binding is judged by.

    What the proxy itself does wrong counts for every target. Where it answers, each counts by itself.
    """
    if direct is None or through.status is None or not through.serial_matches:
        return through
    if not (memory.is_reached or direct.status is not None):
        return through
    message = ""
    if direct.failure is not None:
        message = f"the application does not answer at its own address ({direct.failure.value})"
    return replace(
        through,
        failure=direct.failure,
        message=message,
        status=direct.status,
        seconds=direct.seconds,
    )


def weigh(row: Binding, direct: ProbeResult | None, now: datetime) -> bool:
    """Leave a target out whose own looks fail, or use it again; tell whether that is new."""
    held = row.held_back_at
    if direct is None:
        row.use_again()  # it is the only one by now, or cannot be looked at by itself
    else:
        is_well = direct.status is not None and direct.status < _SERVER_ERROR
        memory = health.after_target(row.health_memory, is_well=is_well)
        row.remember(memory)
        if memory.is_down:
            row.hold_back(now)
        elif memory.is_up:
            row.use_again()
    return (held is None) != (row.held_back_at is None)


def weights(rows: Iterable[tuple[str, str, int, bool]]) -> list[int]:
    """Return the weights of routes' targets, each given with host, path, weight, and whether it is held back."""
    listed = list(rows)
    places: dict[tuple[str, str], list[int]] = {}
    for number, (host, path, _, _) in enumerate(listed):
        places.setdefault((host, path), []).append(number)
    found = [weight for _, _, weight, _ in listed]
    for numbers in places.values():
        if len(numbers) > 1:
            shares = health.shares([listed[one][2:] for one in numbers])
            for number, share in zip(numbers, shares, strict=True):
                found[number] = share
    return found


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
