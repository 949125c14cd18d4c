"""What the DNS host's own network, in front of hosts, makes of the way their origin serves them."""

from collections.abc import Mapping

from nameplate.core import cdn, route_settings
from nameplate.core.cdn import OriginHost
from nameplate.core.conditions import Condition
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding, Certificate, CertificateType, ProxyType
from nameplate.models.dns_settings import CdnSettings
from nameplate.usecases.certificates import notices
from nameplate.usecases.claims.facts import DomainFacts

_SERVED = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE)


def conditions(known: DomainFacts) -> list[Condition]:
    """Say whether visitors get through to the hosts that are behind a network; nothing without one."""
    seen = known.domain.dns.cdn
    if seen is None:
        return []
    found = cdn.problem(seen.mode, _hosts(known, seen))
    check = known.domain.next_action_at
    if found is not None:
        fix, turn = notices.explained(found.reason)
        return [
            Condition(
                type="cdn", status=False, reason=found.reason, message=found.message,
                observed=(f"SSL/TLS mode {seen.mode or 'not known'}",), fix=fix, next_check_at=check,
                acts=turn,
            )
        ]  # fmt: skip
    told = _told(seen)
    return [
        Condition(
            type="cdn", status=True, reason=told, message=_MESSAGES[told].format(seen.mode),
            fix="" if told == "proxied" else notices.explained(told)[0], next_check_at=check,
        )
    ]  # fmt: skip


def _told(seen: CdnSettings) -> str:
    if not seen.mode:
        return "cdn_mode_unknown"
    return "cdn_plain_origin" if seen.mode in cdn.PLAIN else "proxied"


_MESSAGES = {
    "proxied": "The DNS host's network is in front. It asks the origin by HTTPS (SSL/TLS mode {}).",
    "cdn_plain_origin": "The DNS host's network is in front, and asks the origin by plain HTTP "
    "(SSL/TLS mode {}): what visitors send goes unencrypted from there.",
    "cdn_mode_unknown": "The DNS host's network is in front. It does not tell the account how it asks the "
    "origin.",
}


def _hosts(known: DomainFacts, seen: CdnSettings) -> list[OriginHost]:
    certificates: Mapping[int | None, Certificate] = {row.id: row for row in known.certificates}
    return [
        _host(row, certificates.get(row.ssl_certificate_id), seen)
        for row, _ in known.bindings
        if row.status in _SERVED and cdn.covers(seen.hosts, row.hostname)
    ]


def _judges_connections(row: Binding, seen: CdnSettings) -> bool:
    """Tell whether `allow_ips` may be about the network in front, not about the visitors that it names."""
    return row.proxy_type is ProxyType.TRAEFIK or not seen.networks


def _host(row: Binding, certificate: Certificate | None, seen: CdnSettings) -> OriginHost:
    return OriginHost(
        hostname=row.hostname,
        has_certificate=row.ssl_enabled and row.ssl_certificate_id is not None,
        is_self_signed=certificate is not None
        and certificate.certificate_type is CertificateType.SELF_SIGNED,
        forces_https=row.force_https,
        admits_few=_judges_connections(row, seen)
        and bool(route_settings.stored(row.proxy_config).allow_ips),
    )
