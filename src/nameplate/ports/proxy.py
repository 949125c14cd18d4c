"""A reverse proxy that serves bindings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nameplate.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where an application answers."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate that a proxy presents."""

    id: str
    """Nameplate's id of the certificate and its generation; names the file."""
    bundle: str
    """Leaf and intermediates, PEM."""
    private_key: Secret
    """PEM."""


@dataclass(frozen=True, slots=True)
class Route:
    """One host and path of the Internet, and the application that answers there."""

    id: str
    """The binding's id: the name of its fragment."""
    hostname: str
    """Canonical host name, or `*.` and one; never anything else."""
    path: str
    """Path prefix, `/` for everything."""
    upstream: Upstream
    key_pair: KeyPair | None = None
    """None: plain HTTP only (the certificate is not there yet)."""
    force_https: bool = True
    hsts: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration of one proxy: file name -> content, ready to be compared."""

    files: Mapping[str, bytes]
    secrets: Mapping[str, Secret]
    """File name -> content for private keys (mode 0600), apart so that no dump shows them."""


class Proxy(Protocol):
    """One running proxy. `apply` raises `Refused` (the old configuration keeps serving) or `Unavailable`."""

    def render(self, routes: Sequence[Route]) -> Config:
        """Return the configuration for exactly these routes: pure, deterministic, re-parsed and compared."""
        ...

    def apply(self, config: Config) -> None:
        """Make the proxy serve this configuration, or keep the running one and raise."""
        ...
