"""One consent at the DNS host instead of typing records: whether it can be had, and the link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.core import dns_hosts, names, tokens
from nameplate.core.actor import Actor
from nameplate.core.dns_hosts import entry
from nameplate.core.dns_hosts.entry import RecordToPublish, TypedRecord
from nameplate.core.domain_connect import service as services
from nameplate.core.domain_connect.provider import Provider
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.pointing import Obstacle
from nameplate.db import Sessions
from nameplate.models import Domain
from nameplate.ports.domain_connect import DomainConnect
from nameplate.usecases import holders, lookup
from nameplate.usecases.setup import publishing
from nameplate.usecases.setup.dns_hosts import DnsHostDelegation, delegation
from nameplate.usecases.setup.publishing import Due
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

NOT_CONFIGURED = (
    "not_configured",
    "The operator of this platform has not set up Domain Connect. Enter the records by hand.",
)
NO_ZONE = (
    "zone_not_found",
    "The domain has no name servers yet, so its DNS host is unknown. Try again later.",
)
NOT_OFFERED = (
    "not_offered",
    "The domain's DNS host does not offer Domain Connect for it. Enter the records by hand.",
)
NO_SYNC = (
    "flow_not_offered",
    (
        "The domain's DNS host offers Domain Connect, but not its synchronous flow. Enter the "
        "records by hand."
    ),
)
NO_TEMPLATE = (
    "template_unknown",
    "The domain's DNS host does not have this platform's template yet. Enter the records by hand.",
)
NOTHING = ("nothing_to_publish", "This domain has no records that Domain Connect can set up.")
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
    obstacles: tuple[Obstacle, ...] = ()
    """Why hosts cannot be led to their servers by any record there."""
    stale: bool = False
    """The provider says that the zone has other name servers: it may be a former DNS host."""


def offer(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> ConnectOffer:
    """Ask the DNS host of a domain for Domain Connect and return the signed link.

    A DNS host that says no, or nonsense, is an answer. Raises `NotFound` and `Conflict` as
    `lookup.domain`.
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, reference)
        due = publishing.due(session, tools, domain)
    if tools.domain_connect is None:
        return ConnectOffer(domain.full_domain, *NOT_CONFIGURED)
    found = delegation(tools, domain)
    if not found.zone:
        return ConnectOffer(domain.full_domain, *NO_ZONE)
    try:
        return _asked(tools, tools.domain_connect, domain, found, due)
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
    due: Due,
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
    held = holders.held_name(domain)
    publication = due.at(zone, host, tools.resolver.addresses)
    choice = chosen(held, publication.records)
    rest = [one for one in publication.records if one not in choice.covered]
    by_hand = entry.entries(host, zone, rest)
    if not choice.variables:
        return ConnectOffer(
            name, *NOTHING, zone, provider, by_hand=by_hand, obstacles=publication.obstacles
        )
    url = services.apply_url(
        connect.service,
        str(provider.sync),
        zone=zone,
        host="" if held == zone else names.relative(held, zone),
        groups=choice.groups,
        variables=choice.variables,
    )
    stale = bool(provider.name_servers) and not set(provider.name_servers) & set(found.name_servers)
    return ConnectOffer(
        name, *OFFERED, zone, provider, url,
        covered=choice.covered, by_hand=by_hand, obstacles=publication.obstacles, stale=stale,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """Groups of the template with their variables, and the records that they stand for."""

    variables: dict[str, str]
    groups: tuple[str, ...]
    covered: tuple[RecordToPublish, ...]


def chosen(held: str, wanted: Sequence[RecordToPublish]) -> TemplateChoice:
    """Choose what the template can publish: the proof, and where the name itself leads.

    It has room for one address of each family.
    """
    groups: dict[str, tuple[str, str]] = {}
    covered: list[RecordToPublish] = []
    for one in wanted:
        group = _group(held, one)
        if group is not None and group[0] not in groups:
            groups[group[0]] = group[1:]
            covered.append(one)
    return TemplateChoice(dict(groups.values()), tuple(groups), tuple(covered))


def _group(held: str, one: RecordToPublish) -> tuple[str, str, str] | None:
    """Return group, variable and value for one record; None when no group is meant for it."""
    if one.type == "TXT" and one.name == f"{tokens.TXT_LABEL}.{held}":
        return services.OWNERSHIP, "token", one.value.removeprefix(tokens.TXT_PREFIX)
    if one.name != held or one.purpose is not entry.Purpose.ROUTING:
        return None
    return {
        "A": (services.IPV4, services.IPV4, one.value),
        "AAAA": (services.IPV6, services.IPV6, one.value),
        "CNAME": (services.ALIAS, "target", one.value),
    }.get(one.type)


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
    organizations.only_platform(actor, "read the Domain Connect settings")
    if tools.domain_connect is None:
        return None
    service = tools.domain_connect.service
    return Submission(
        service.file_name,
        services.template(service),
        f"{service.key_host}.{service.key_domain}",
        services.key_records(service),
    )
