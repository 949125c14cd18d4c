"""Where the hosts of a domain lead, for its owner to publish: known before there is a binding.

The record is decided as a binding will decide it, so that nothing changes when the binding is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core import dns_hosts, ids, instructions, names, pointing
from nameplate.core.ids import Prefix
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.pointing import NEEDS_ADDRESS, Obstacle
from nameplate.models import Domain, RecordableType, RecordType, Server
from nameplate.usecases import holders
from nameplate.usecases.claims import hosted_conditions
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.dns import bound_hosts
from nameplate.usecases.dns import pointing as hosts_of
from nameplate.usecases.dns.bound_hosts import BoundHost
from nameplate.usecases.serving import servers

MAX_CHOICES = 5
"""Servers that are named when several are possible."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The hosts of a domain that its owner leads to servers."""

    hosts: Sequence[BoundHost] = ()
    choices: Sequence[Server] = ()
    """Several servers of which each could serve the domain: none is taken for the right one."""


@dataclass(frozen=True, slots=True)
class RoutingStep:
    """One thing to publish for a host, and whether the host is served already."""

    instruction: Instruction
    served: bool = False


def of(
    session: Session,
    domain: Domain,
    server: Server | None = None,
    known: DomainFacts | None = None,
) -> Routing:
    """Return what leads where: bound hosts, or else the domain's own name to `server`.

    Without `server` it is the only one that could serve the domain.
    """
    if known is not None and known.bindings and not known.may_lead:
        found = _bound(session, domain, known)
        if _has_binding(found):
            return Routing(found)  # the usual case: no other server matters
    machines = servers.usable(session, domain.organization_id)
    found = _found(session, domain, machines, known)
    if _has_binding(found):
        return Routing(found)
    fitting = [server] if server else [row for row in machines if row.proxy]
    if len(fitting) != 1 and not servers.are_one_group(fitting):
        return Routing(found, fitting)
    if all(host.host != domain.full_domain for host in found):
        records = None if known is None else known.records.at_hand
        found.append(bound_hosts.expected(session, domain, fitting, records))
    return Routing(found)


def _found(
    session: Session, domain: Domain, machines: Sequence[Server], known: DomainFacts | None
) -> list[BoundHost]:
    """Return the hosts that lead somewhere now: none when there is no reason for any."""
    named = any(
        names.is_within(names.canonical(row.address), holders.held_name(domain)) for row in machines
    )
    if known is None or named:
        return hosts_of.left_to_owner(session, domain)
    return _bound(session, domain, known)


def _bound(session: Session, domain: Domain, known: DomainFacts) -> list[BoundHost]:
    bound = []
    for row, server in known.bindings:
        servers_ = [one.server for one in known.placed.get(row.id, ())]
        servers_ += [] if server is None else [server]
        before = [one.server for one in known.left.get(row.id, ()) if not one.is_led_over]
        if before or servers_ or row.id in known.placed:
            bound.append((row, before or servers_))
    return bound_hosts.bound(session, domain, bound, known.records.at_hand)


def _has_binding(hosts: Sequence[BoundHost]) -> bool:
    made_for = {kind for host in hosts for kind, _ in host.makers}
    return RecordableType.APPLICATION_DOMAIN_BINDING in made_for


def steps(session: Session, known: DomainFacts, server: Server | None = None) -> list[RoutingStep]:
    """Return the same as instructions; nothing where Nameplate writes the records itself.

    What a service that serves a host waits for is always its owner's to publish.
    """
    asked = [
        RoutingStep(one) for row, at in known.bindings for one in hosted_conditions.records(row, at)
    ]
    return [*_led(session, known, server), *asked]


def _led(session: Session, known: DomainFacts, server: Server | None) -> list[RoutingStep]:
    domain = known.domain
    account = domain.dns_account_id
    provider = hosts_of.providers_of(session, {account}).get(account) if account else None
    if provider is not None and bound_hosts.is_kept(domain):
        return []
    routing = of(session, domain, server, known)
    if routing.choices:
        return [RoutingStep(_choice(domain, routing.choices))]
    if not routing.hosts:
        return []
    zone, apex_type = _place(domain, provider)
    active = (row for row, _ in known.bindings if row.status is BindingStatus.ACTIVE)
    served = {row.hostname for row in active}
    found: list[RoutingStep] = []
    for host in routing.hosts:
        decision = host.decide(zone, apex_type)
        for rdtype, value in decision.wanted:
            record = instructions.dns_record(rdtype, host.host, value.removesuffix("."))
            one = instructions.in_zone(record, zone)
            found.append(RoutingStep(one, served=host.host in served))
        if not decision.wanted and decision.obstacle is not None and decision.obstacle.blocks:
            told = _unsettled(domain, host, decision.obstacle)
            found.append(RoutingStep(told, served=host.host in served))
    return found


def _place(domain: Domain, provider: str | None) -> tuple[str, str | None]:
    """Return the zone and the type that leads its apex to a host name, as far as they are known."""
    known = domain.delegation.seen if domain.delegation is not None else None
    zone = domain.dns.zone or (known.zone if known is not None else "")
    if not names.is_within(zone, domain.domain_name):
        zone = domain.domain_name
    if provider is not None:
        return zone, pointing.apex_type(provider, set(RecordType))
    host = dns_hosts.recognise(known.child if known is not None else ()).host
    return zone, None if host is None else host.apex_type


def _choice(domain: Domain, choices: Sequence[Server]) -> Instruction:
    """Say that the server must be named first."""
    known = [("server", ids.show(Prefix.SERVER, row.id)) for row in choices[:MAX_CHOICES]]
    more = "" if len(choices) <= MAX_CHOICES else " GET /v1/servers lists all of them."
    return instructions.undecided(
        domain.full_domain,
        known,
        f"Several servers could serve {domain.full_domain}, so its record is not known yet. Name "
        f"one as `server` to see it, or add the binding with that server.{more}",
    )


def _unsettled(domain: Domain, host: BoundHost, obstacle: Obstacle) -> Instruction:
    """Say why no record is known, and how to find out."""
    target = host.targets[0].name.removesuffix(".")
    if obstacle.reason not in NEEDS_ADDRESS:
        return instructions.undecided(host.host, (), f"{obstacle.message} {obstacle.fix}")
    return instructions.undecided(
        host.host,
        [("target", target)],
        f"{obstacle.message} `nameplate domain dns-host {domain.full_domain}` prints the record that "
        "its DNS host allows.",
    )
