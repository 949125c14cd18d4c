"""How far a certificate has come to the proxies: what each was last seen to serve decides.

    installed ─(the first server)─▶ seen there ─▶ all other servers ─▶ seen everywhere: deployed

Where a former generation is there to be served meanwhile, one server takes the new one first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRACE = timedelta(minutes=1)
"""How long after a renewal a server may serve the former certificate without anything being wrong."""
PATIENCE = timedelta(hours=1)
"""After that one more server is given a certificate that was seen nowhere, if there is time for that."""
_SOONEST, _LATEST = timedelta(seconds=20), timedelta(minutes=10)
"""Bounds on the time between two tries of a certificate that a proxy refused."""


class DeploymentState(StrEnum):
    """How far a certificate has come to the proxies of the bindings that present it."""

    UNBOUND = "unbound"
    """No binding presents it, or none was ever active."""
    DEPLOYING = "deploying"
    """It was renewed a moment ago."""
    DEPLOYED = "deployed"
    """Every proxy was seen to serve it."""
    DEPLOYED_PARTIAL = "deployed_partial"
    """Some proxy was not."""


@dataclass(frozen=True, slots=True)
class Presenter:
    """A binding that presents a certificate, and what its proxy was last seen to serve."""

    server: int | None
    seen: str | None
    """Serial number of the certificate that a probe saw last."""
    is_failing: bool = False
    """Its server cannot be configured now."""


def state(
    serial: str | None, renewed_at: datetime | None, presenters: Sequence[Presenter], now: datetime
) -> DeploymentState:
    """Return how far a certificate with that serial number has come."""
    if serial is None or not presenters:
        return DeploymentState.UNBOUND
    if all(one.seen == serial for one in presenters):
        return DeploymentState.DEPLOYED
    if renewed_at is not None and now - renewed_at < GRACE:
        return DeploymentState.DEPLOYING
    return DeploymentState.DEPLOYED_PARTIAL


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewed certificate on its way to the servers."""

    serial: str
    at: datetime
    former_ends_at: datetime
    """Until when the former one can be served meanwhile."""


def takes(server: int, renewal: Renewal, presenters: Sequence[Presenter], now: datetime) -> bool:
    """Tell whether a server is given a renewed certificate now, and not the former one.

    The first that can be configured is, the others when it was seen there. Where it is not seen, one
    more is given it from time to time: what cannot be looked at must not hold up all.
    """
    if any(one.seen == renewal.serial for one in presenters):
        return True
    in_order = sorted({(one.is_failing, one.server) for one in presenters if one.server})
    servers = [one for _, one in in_order]
    patience = min(PATIENCE, max(renewal.former_ends_at - renewal.at, timedelta(seconds=8)) / 8)
    count = 1 + max(now - renewal.at, timedelta(0)) // patience
    return server not in servers or server in servers[:count]


def tries_again(since: datetime, last: datetime, now: datetime) -> bool:
    """Tell whether a proxy is given a certificate again that it refused: later and later."""
    return now - last >= min(max(last - since, _SOONEST), _LATEST)
