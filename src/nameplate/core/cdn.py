"""A network of edges in front of an origin: from where it asks, how, and what goes wrong with that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

PLAIN = frozenset({"off", "flexible"})
"""Modes in which the network asks the origin without TLS."""
VERIFIED = frozenset({"strict", "origin_pull"})
"""Modes in which the origin's certificate must be of an authority that the network trusts."""
_MIN_PREFIX = {4: 12, 6: 28}
"""Larger networks than these are a mistake of somebody's."""
_MAX_NETWORKS = 200


@dataclass(frozen=True, slots=True)
class CdnNetworks:
    """From where a network asks origins."""

    networks: tuple[str, ...]
    at: datetime
    """When the list was published, or was seen published last."""


def sound(networks: Iterable[str]) -> tuple[str, ...]:
    """Return networks in canonical form and order, each once.

    Raises ValueError unless all are public, none is suspiciously large, and they are neither none nor
    too many.
    """
    found = sorted(
        {ip_network(one) for one in networks},
        key=lambda one: (one.version, int(one.network_address), one.prefixlen),
    )
    if not 0 < len(found) <= _MAX_NETWORKS:
        raise ValueError("not a plausible number of networks")
    for one in found:
        if one.prefixlen < _MIN_PREFIX[one.version] or not one.is_global or one.is_multicast:
            raise ValueError(f"{one} is not a network of a CDN")
    return tuple(str(one) for one in found)


def covers(names: Iterable[str], hostname: str) -> bool:
    """Tell whether records at these names lead a host (`*.` allowed) to the network."""
    known = set(names)
    return hostname in known or f"*.{hostname.partition('.')[2]}" in known


@dataclass(frozen=True, slots=True)
class OriginHost:
    """One host behind the network, as the origin serves it."""

    hostname: str
    has_certificate: bool
    is_self_signed: bool
    forces_https: bool
    admits_few: bool
    """Only visitors of some networks are served, by the address of the connection as far as is known."""


@dataclass(frozen=True, slots=True)
class CdnProblem:
    """What keeps visitors from a host behind the network."""

    reason: str
    message: str


def problem(mode: str, hosts: Sequence[OriginHost]) -> CdnProblem | None:
    """Return what goes wrong first, None when visitors get through; an unknown mode tells nothing."""
    return next((found for host in hosts if (found := _problem(mode, host)) is not None), None)


def _problem(mode: str, host: OriginHost) -> CdnProblem | None:
    name = host.hostname
    if host.admits_few:
        return CdnProblem(
            "cdn_blocks_visitors",
            f"{name} serves the networks of `allow_ips` only, and Cloudflare asks from its own: its "
            "visitors get 403 unless the proxy trusts Cloudflare's networks for the visitor's address.",
        )
    if mode in PLAIN and host.forces_https and host.has_certificate:
        return CdnProblem(
            "cdn_redirect_loop",
            f"Cloudflare asks the origin by plain HTTP (SSL/TLS mode {mode}), and {name} redirects that "
            "to HTTPS: visitors are redirected for ever.",
        )
    if mode in PLAIN or not mode:
        return None
    if not host.has_certificate:
        return CdnProblem(
            "cdn_origin_uncertified",
            f"Cloudflare asks the origin by HTTPS (SSL/TLS mode {mode}), and there is no certificate "
            f"for {name} at the origin.",
        )
    if mode in VERIFIED and host.is_self_signed:
        return CdnProblem(
            "cdn_origin_untrusted",
            f"Cloudflare accepts certificates of public authorities only (SSL/TLS mode {mode}). The "
            f"one of {name} is self-signed.",
        )
    return None
