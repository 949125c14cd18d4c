"""A DNS provider whose own network can stand in front of hosts: how it asks origins, and its cache."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from nameplate.ports.dns import Zone

MAX_URLS = 100
"""Addresses that one purge may name."""


@dataclass(frozen=True, slots=True)
class Purge:
    """What is to leave the cache: whole hosts, or single addresses. One of both is empty."""

    hosts: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    """Absolute, `MAX_URLS` at most."""


@runtime_checkable
class CdnProvider(Protocol):
    """What a `DnsProvider` can do besides. Raises `Unavailable`, `Refused` and `RateLimited` as that does."""

    def origin_mode(self, zone: Zone) -> str:
        """Return the network's own word for how it asks origins of the zone.

        `off` and `flexible`: by plain HTTP; `full`: by HTTPS, whatever the certificate; `strict` and
        `origin_pull`: by HTTPS with a certificate that it trusts. Changes nothing. Raises Refused `credential_refused` where the account may not read it.
        """
        ...

    def purge(self, zone: Zone, what: Purge) -> None:
        """Have the network ask origins anew for exactly this, in one request. Harmless if repeated."""
        ...
