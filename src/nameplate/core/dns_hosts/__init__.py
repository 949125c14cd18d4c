"""From the name servers of a zone to the DNS host, and to what must be typed in its panel."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from nameplate.core.dns_hosts.host import Apex, ApexAlias, DnsHost, HostField
from nameplate.core.dns_hosts.known import KNOWN
from nameplate.core.dns_hosts.others import OTHERS
from nameplate.core.names import canonical, self_and_ancestors

__all__ = [
    "HOSTS",
    "Apex",
    "ApexAlias",
    "Confidence",
    "DnsHost",
    "HostField",
    "Recognition",
    "host_of",
    "recognise",
]

HOSTS = (*KNOWN, *OTHERS)
"""Every DNS host that is recognised; one suffix belongs to one host."""

_NUMBERED = re.compile(r"(?<=awsdns-)\d+(?=\.)")
"""What Route 53 numbers in the names of its servers: `ns-7.awsdns-00.com` (suffix `awsdns-*.com`)."""


class Confidence(StrEnum):
    """How sure it is that records entered at the host are the ones that the Internet sees."""

    CERTAIN = "certain"
    """Every name server is this host's."""
    MIXED = "mixed"
    """Name servers of several hosts, or of this one and of unknown ones."""
    UNKNOWN = "unknown"
    """No name server is of a host that we know, or none was found."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a set of name servers says."""

    host: DnsHost | None
    """The one to give instructions for; None when none is known."""
    confidence: Confidence
    others: tuple[DnsHost, ...]
    """Further hosts among the name servers, most servers first."""
    strangers: tuple[str, ...]
    """Name servers that no known host has."""


def host_of(name_server: str) -> DnsHost | None:
    """Return the host that a name server (any case, final dot or not) belongs to, if it is known."""
    name = _NUMBERED.sub("*", canonical(name_server))
    by_suffix = _by_suffix()
    return next((by_suffix[one] for one in self_and_ancestors(name) if one in by_suffix), None)


def recognise(name_servers: Iterable[str]) -> Recognition:
    """Return which host the name servers of one zone belong to."""
    names = sorted(set(map(canonical, name_servers)))
    owners = {name: host_of(name) for name in names}
    counted = Counter(host.slug for host in owners.values() if host is not None)
    borrowed = {
        slug
        for host in owners.values()
        if host is not None
        for slug in host.borrows
        if slug != host.slug
    }
    by_slug = {host.slug: host for host in owners.values() if host is not None}
    ranked = sorted(by_slug, key=lambda slug: (slug in borrowed, -counted[slug], slug))
    found = [by_slug[slug] for slug in ranked if slug not in borrowed or slug == ranked[0]]
    strangers = tuple(name for name, host in owners.items() if host is None)
    if not found:
        return Recognition(None, Confidence.UNKNOWN, (), strangers)
    alone = len(found) == 1 and not strangers
    confidence = Confidence.CERTAIN if alone else Confidence.MIXED
    return Recognition(found[0], confidence, tuple(found[1:]), strangers)


@cache
def _by_suffix() -> dict[str, DnsHost]:
    """Return the table, made once."""
    return {suffix: host for host in HOSTS for suffix in host.suffixes}
