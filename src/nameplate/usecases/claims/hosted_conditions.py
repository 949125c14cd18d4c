"""How far hosts are whose proxy a service runs: what it says of them, and what it waits for."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from nameplate.core import instructions
from nameplate.core.conditions import Condition
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding, Server
from nameplate.models.orm import moment
from nameplate.ports.hosted_proxy import HostStage, HostState
from nameplate.usecases.certificates import notices
from nameplate.usecases.serving import hosted

EXPIRING = "custom_hostname_expiring"
"""Reason of a service's certificate that ends soon."""
_TOLD = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE, BindingStatus.ERROR)
SOON = timedelta(days=7)
"""The service has renewed its certificates long before."""


def state(row: Binding, server: Server | None) -> HostState | None:
    """Return how the service sees a binding's host, None where no service runs the proxy."""
    if server is None or not hosted.is_hosted(server) or row.seen_host is None:
        return None
    if row.status not in _TOLD:
        return None
    return row.seen_host.state


def serving(row: Binding, server: Server | None) -> Condition | None:
    """Say why the service does not serve a binding's host; None when it does or has no say."""
    seen = state(row, server)
    if seen is None or seen.stage is HostStage.SERVED:
        return None
    fix, turn = notices.explained(seen.reason)
    return Condition(
        type="serving",
        status=False,
        reason=seen.reason,
        message=seen.message,
        expected=tuple(f"{one.name} {one.type} {one.value}" for one in seen.records),
        fix=fix,
        since=row.trouble_since,
        next_check_at=row.next_action_at,
        acts=turn,
    )


def certificate(bindings: Iterable[tuple[Binding, Server | None]], now: datetime) -> list[Condition]:  # fmt: skip
    """Say until when the services' own certificates are valid, the one that ends first."""
    ends = [
        (end, row.hostname)
        for row, server in bindings
        if server is not None and hosted.issues_itself(server)
        if (seen := state(row, server)) is not None and (end := moment(seen.expires_at))
    ]
    if not ends:
        return []
    end, host = min(ends)
    until = f"{end:%Y-%m-%d %H:%M} UTC"
    if end - now > SOON:
        message = f"The service's certificate is valid until {until}."
        return [Condition(type="certificate", status=True, reason="active", message=message)]
    fix, turn = notices.explained(EXPIRING)
    verb = "ended" if end <= now else "ends"
    message = f"The service's certificate of {host} {verb} at {until} and was not renewed."
    return [
        Condition(
            type="certificate",
            status=end > now,
            reason=EXPIRING,
            message=message,
            fix=fix,
            acts=turn,
        )
    ]


def records(row: Binding, server: Server | None) -> list[Instruction]:
    """Return the records that the service waits for, by which the owner proves the host to it."""
    seen = state(row, server)
    found = () if seen is None else seen.records
    return [instructions.dns_record(one.type, one.name, one.value) for one in found]
