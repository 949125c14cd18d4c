"""A proxy that a service runs: each of its hosts has a state of its own, which only the service knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class HostStage(StrEnum):
    """How far a host has come at the service, in one word."""

    SERVED = "served"
    """Visitors are served."""
    WAITING = "waiting"
    """Something has to happen first, here or elsewhere."""
    STOPPED = "stopped"
    """It goes on only after somebody acts."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A DNS record that the owner of the host has to publish."""

    type: str
    name: str
    """Absolute, without final dot."""
    value: str


@dataclass(frozen=True, slots=True)
class HostState:
    """How the service sees one host."""

    stage: HostStage
    reason: str
    """A code of the error catalogue, which says whose turn it is; empty when all is well."""
    message: str = ""
    """One sentence for a person."""
    records: tuple[HostRecord, ...] = ()
    id: str = ""
    """The service's own id of what we made there; empty when there is nothing of ours."""
    is_given_up: bool = False
    """The service looks no more, or seldom, until it is asked to."""
    expires_at: str | None = None
    """When the certificate of the service ends (ISO 8601), where it has one."""


@runtime_checkable
class HostedProxy(Protocol):
    """A proxy whose hosts are to be looked at, for nothing of them is told."""

    def states(self) -> Mapping[str, HostState]:
        """Return the state of every host that is ours, and of each that the last `apply` refused.

        Changes nothing. Raises what `Proxy` raises.
        """
        ...

    def retry(self, ids: Sequence[str]) -> None:
        """Have the service look again at hosts of ours that it has given up, by its own ids."""
        ...
