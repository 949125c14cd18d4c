"""Proxied records: what the DNS host's own network does with the hosts that it stands in front of."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nameplate.core.cdn import CdnNetworks
from nameplate.core.errors import Refused, Unavailable
from nameplate.models import Domain
from nameplate.models.dns_settings import CdnSettings
from nameplate.ports.cdn import CdnProvider
from nameplate.ports.dns import DnsProvider, Zone
from nameplate.usecases.dns.wanted import WantedRecord
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)
_MAX_HOSTS = 5000
_MAX_MODE = 40


@dataclass(frozen=True, slots=True)
class OriginLook:
    """What was learned at the provider about how its network asks origins."""

    mode: str | None
    """Empty: the provider does not tell. None: it could not be asked."""
    networks: CdnNetworks | None


def look(
    tools: Tools, kind: str, provider: DnsProvider, zone: Zone, lines: Iterable[WantedRecord]
) -> OriginLook | None:
    """Ask a provider how its network asks the origins of a zone; None where nothing is proxied.

    Whatever goes wrong is a value: records are written all the same.
    """
    if not [one for one in lines if one.proxied]:
        return None
    networks = None if tools.cdn_networks is None else tools.cdn_networks(kind)
    if not isinstance(provider, CdnProvider):
        return OriginLook("", networks)
    try:
        mode = provider.origin_mode(zone)
    except Unavailable:
        return OriginLook(None, networks)
    except Refused as error:
        log.info("cdn_mode_unknown", extra={"zone": zone.name, "code": error.code})
        return OriginLook("", networks)
    return OriginLook(mode[:_MAX_MODE], networks)


def follow(domain: Domain, kind: str, lines: Sequence[WantedRecord], seen: OriginLook | None) -> None:  # fmt: skip
    """Record which hosts of a domain are behind the provider's network, and how it asks for them."""
    hosts = sorted({one.owner for one in lines if one.proxied and one.is_wanted})[:_MAX_HOSTS]
    if not hosts:
        end(domain)
        return
    domain.cdn_enabled, domain.cdn_provider = True, kind
    known = domain.dns.cdn or CdnSettings(())
    found = replace(known, hosts=tuple(hosts))
    if seen is not None:
        found = _newer(found, seen)
    if found != domain.dns.cdn:
        domain.dns = replace(domain.dns, cdn=found)


def end(domain: Domain) -> None:
    """Record that nothing of a domain is behind a network that records lead to."""
    if domain.dns.cdn is None:
        return
    domain.cdn_enabled, domain.cdn_provider = False, None
    domain.dns = replace(domain.dns, cdn=None)


def _newer(known: CdnSettings, seen: OriginLook) -> CdnSettings:
    """Return what is known with what was seen. Of two lists the newer one counts, whoever has it."""
    found = known if seen.mode is None else replace(known, mode=seen.mode)
    theirs = seen.networks
    if theirs is None or theirs.networks == known.networks:
        return found
    at = theirs.at.isoformat()
    if known.networks_at and known.networks_at >= at:
        return found
    return replace(found, networks=theirs.networks, networks_at=at)
