"""One consent at the DNS host instead of typing records: whether it can be had, and the link."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.core import dns_hosts, tokens
from nameplate.core.actor import Actor
from nameplate.core.dns_hosts import ApexAlias, entry
from nameplate.core.dns_hosts.entry import RecordToPublish, TypedRecord
from nameplate.core.domain_connect import service as services
from nameplate.core.domain_connect.provider import Provider
from nameplate.core.errors import Refused, Unavailable
from nameplate.db import Sessions
from nameplate.models import Domain
from nameplate.ports.domain_connect import DomainConnect
from nameplate.usecases import holders, lookup
from nameplate.usecases.setup import publishing
from nameplate.usecases.setup.dns_hosts import DnsHostDelegation, apex_target, delegation
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

NOT_CONFIGURED = (
    "not_configured",
    "The operator of this platform has not set up Domain Connect: enter the records by hand.",
)
NO_ZONE = ("zone_not_found", "The domain has no name servers yet: nobody can be asked.")
NOT_OFFERED = (
    "not_offered",
    "The domain's DNS host does not offer Domain Connect for it: enter the records by hand.",
)
NO_SYNC = (
    "flow_not_offered",
    "The domain's DNS host offers Domain Connect, but not the flow that needs only a click.",
)
NO_TEMPLATE = (
    "template_unknown",
    "The domain's DNS host does not have this platform's template yet: enter the records by hand.",
)
NOTHING = ("nothing_to_publish", "Nothing of this domain can be set up by Domain Connect.")
OFFERED = ("offered", "Open the link, sign in at the DNS host, and confirm the records.")


@dataclass(frozen=True, slots=True)
class ConnectOffer:
    """Whether the DNS host of a domain can be asked by Domain Connect, and how."""

    domain: str
    reason: str
    """Stable slug: one of this module's, or the code of the error of asking."""
    message: str
    zone: str = ""
    provider: Provider | None = None
    apply_url: str | None = None
    """Where to lead the owner; None when Domain Connect cannot be used."""
    retryable: bool = False
    """Asking again later can help."""
    covered: tuple[RecordToPublish, ...] = ()
    """What the consent will publish."""
    by_hand: tuple[TypedRecord, ...] = ()
    """What must be entered all the same."""
    stale: bool = False
    """The provider says that the zone has other name servers: it may be a former DNS host."""


def offer(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> ConnectOffer:
    """Ask the DNS host of a domain for Domain Connect and return the signed link.

    A DNS host that says no, or nonsense, is an answer. Raises `NotFound` and `Conflict` as
    `lookup.domain`.
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, reference)
        wanted = publishing.due(session, tools, domain)
    if tools.domain_connect is None:
        return ConnectOffer(domain.full_domain, *NOT_CONFIGURED)
    found = delegation(tools, domain)
    if not found.zone:
        return ConnectOffer(domain.full_domain, *NO_ZONE)
    try:
        return _asked(tools, tools.domain_connect, domain, found, wanted)
    except (Refused, Unavailable) as error:
        return ConnectOffer(
            domain.full_domain,
            error.code,
            error.detail,
            found.zone,
            retryable=isinstance(error, Unavailable),
        )


def _asked(
    tools: Tools,
    connect: DomainConnect,
    domain: Domain,
    found: DnsHostDelegation,
    wanted: Sequence[RecordToPublish],
) -> ConnectOffer:
    name, zone = domain.full_domain, found.zone
    provider = connect.discover(zone)
    if provider is None:
        return ConnectOffer(name, *NOT_OFFERED, zone)
    if provider.sync is None:
        return ConnectOffer(name, *NO_SYNC, zone, provider)
    if not connect.knows(provider):
        return ConnectOffer(name, *NO_TEMPLATE, zone, provider)
    host = dns_hosts.recognise(found.name_servers).host
    flattens = host is not None and host.apex_alias is ApexAlias.FLATTENING
    held = holders.held_name(domain)
    choice = _chosen(tools, held, zone, tuple(wanted), flattens=flattens)
    rest = [one for one in wanted if one not in choice.covered]
    by_hand = entry.entries(host, zone, rest)
    if not choice.variables:
        return ConnectOffer(name, *NOTHING, zone, provider, by_hand=by_hand)
    url = services.apply_url(
        connect.service,
        str(provider.sync),
        zone=zone,
        host="" if held == zone else held.removesuffix(f".{zone}"),
        groups=choice.groups,
        variables=choice.variables,
    )
    stale = bool(provider.name_servers) and not set(provider.name_servers) & set(found.name_servers)
    return ConnectOffer(
        name, *OFFERED, zone, provider, url,
        covered=choice.covered, by_hand=by_hand, stale=stale,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Choice:
    """Groups of the template with their variables, and the records that they stand for."""

    variables: dict[str, str]
    groups: tuple[str, ...]
    covered: tuple[RecordToPublish, ...]


def _chosen(
    tools: Tools, held: str, zone: str, wanted: tuple[RecordToPublish, ...], *, flattens: bool
) -> _Choice:
    """Choose what the template can publish: the proof, and where the name itself leads."""
    chosen: dict[str, tuple[str, str]] = {}
    covered: list[RecordToPublish] = []
    for one in wanted:
        found = _variables(tools, held, zone, one, flattens=flattens)
        if found and chosen.keys().isdisjoint(found):
            chosen |= found
            covered.append(one)
    return _Choice(dict(chosen.values()), tuple(chosen), tuple(covered))


def _variables(
    tools: Tools, held: str, zone: str, one: RecordToPublish, *, flattens: bool
) -> dict[str, tuple[str, str]]:
    """Return group -> variable and value for one record; nothing when no group is meant for it."""
    if one.type == "TXT" and one.name == f"{tokens.TXT_LABEL}.{held}":
        return {services.OWNERSHIP: ("token", one.value.removeprefix(tokens.TXT_PREFIX))}
    if one.name != held or one.purpose is not entry.Purpose.ROUTING:
        return {}
    if one.type in {"A", "AAAA"}:
        return _addresses((one.value,))
    target = apex_target(zone, (one,))
    if target is None or flattens:
        return {services.ALIAS: ("target", one.value)}
    return _addresses(tools.resolver.addresses(target))


def _addresses(found: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return at most one address of each family: the template has room for no more."""
    chosen: dict[str, tuple[str, str]] = {}
    for text in found:
        group = services.IPV4 if ipaddress.ip_address(text).version == 4 else services.IPV6  # noqa: PLR2004 - IPv4
        chosen.setdefault(group, (group, text))
    return chosen


@dataclass(frozen=True, slots=True)
class Submission:
    """What the operator submits and publishes, once, so that DNS hosts know the platform."""

    file_name: str
    template: dict[str, Any]
    key_name: str
    """Name of the TXT records that publish the key."""
    key_values: tuple[str, ...]


def submission(tools: Tools, actor: Actor) -> Submission | None:
    """Return template and public key of the platform, None when there are none.

    Raises NotPermitted `platform_only`.
    """
    organizations.only_platform(actor, "see how it is set up for Domain Connect")
    if tools.domain_connect is None:
        return None
    service = tools.domain_connect.service
    return Submission(
        service.file_name,
        services.template(service),
        f"{service.key_host}.{service.key_domain}",
        services.key_records(service),
    )
