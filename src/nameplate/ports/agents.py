"""What the API and the agent beside a proxy say to each other, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nameplate.ports.prober import Failure
from nameplate.ports.proxy import Route


@dataclass(frozen=True, slots=True)
class AgentCheck:
    """How one binding is looked at through the proxy."""

    id: str
    """The binding's id."""
    hostname: str
    """A name that the binding covers, for SNI and Host."""
    path: str
    scheme: str = "https"
    interval: int = 30
    """Seconds between two looks."""
    timeout: int = 5
    """Seconds for one."""
    upstream: str = ""
    """Where the application is looked at by itself, as `host:port`; empty: only through the proxy."""
    upstream_path: str = "/"


@dataclass(frozen=True, slots=True)
class AgentState:
    """All that one server is to serve. It holds private keys: it is neither logged nor shown."""

    server: str
    """Public id."""
    revision: int
    """Grows with every change; an agent takes no older one."""
    fingerprint: str
    """SHA-256 of what it says, as the rows have it."""
    address: str
    """Public host name or address of the server."""
    proxy: Mapping[str, Any]
    """The server's `proxy`: its type and its settings."""
    routes: tuple[Route, ...] = ()
    checks: tuple[AgentCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentDirectLook:
    """What one look at an application's own address saw."""

    failure: Failure | None = None
    status: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AgentLook:
    """What one look through the proxy saw."""

    id: str
    """The binding's id."""
    failure: Failure | None = None
    message: str = ""
    connected: bool = False
    serial: str | None = None
    fingerprint: str | None = None
    status: int | None = None
    seconds: float = 0.0
    age: float = 0.0
    """Seconds from the look to the report: two clocks need not agree."""
    direct: AgentDirectLook | None = None
    """What the application answered by itself, where that was asked for."""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What really runs on a server."""

    version: str
    """Of Nameplate, there."""
    revision: int = 0
    """The last state that was taken over; 0: none yet."""
    fingerprint: str = ""
    code: str | None = None
    """What is wrong with the proxy or with what came; None: it serves that state."""
    message: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Routes that the proxy does not take, and why."""
    kept_back: Mapping[str, str] = field(default_factory=dict)
    """Routes of which the proxy refuses the new certificate and serves the former one, and why."""
    still_served: tuple[str, ...] = ()
    """Routes that the proxy may still serve although they are in the state no more."""
    looks: tuple[AgentLook, ...] = ()
