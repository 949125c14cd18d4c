"""What a domain's owner must publish in DNS with own hands: the proof, and all without an account."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.dns_hosts import DnsHost
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish
from nameplate.core.instructions import Kind
from nameplate.core.pointing import NEEDS_ADDRESS, Obstacle, PointingTarget
from nameplate.models import Account, Domain
from nameplate.usecases.claims import instructions, routing
from nameplate.usecases.dns import bound_hosts, proofs, wanted
from nameplate.usecases.dns.bound_hosts import BoundHost
from nameplate.usecases.propagation import observations
from nameplate.usecases.tools import Tools

PROOF_TTL = 300
"""Seconds: a mistyped proof is soon forgotten."""
ROUTING_TTL = 3600
"""Seconds."""

Resolve = Callable[[str], tuple[str, ...]]
"""The addresses that a host name has now."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What the owner of a zone must publish in it, and what no record can achieve there."""

    records: tuple[RecordToPublish, ...]
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """What is left to the owner, before it is known which zone it is for and who hosts that."""

    proofs: tuple[RecordToPublish, ...]
    hosts: tuple[BoundHost, ...]
    """Hosts that must be led to their servers."""
    records: tuple[RecordToPublish, ...]

    def at(self, zone: str, dns_host: DnsHost | None, resolve: Resolve) -> Publication:
        """Return the records for `zone` at `dns_host`, in the order in which they are needed.

        Each name and value is there once. `resolve` is asked for servers that are known by name
        only, where no CNAME can stand.
        """
        found = list(self.proofs)
        obstacles = []
        for host in self.hosts:
            routing, obstacle = _routing(host, zone, dns_host, resolve)
            found += routing
            obstacles += [obstacle] if obstacle is not None else []
        for record in self.records:
            found += _possible(record, zone, dns_host, resolve)
        unique = {(one.name, one.type, one.value): one for one in reversed(found)}
        return Publication(tuple(reversed(unique.values())), tuple(obstacles))


def due(session: Session, tools: Tools, domain: Domain) -> Due:
    """Return what is left to the owner of a domain: what Nameplate does not write.

    With a DNS account it writes the domain's records, what leads hosts to servers unless that is
    switched off, and the proof if the account is the organization's own.
    """
    account = _account(session, domain)
    by_hand = (
        () if proofs.can_write(account, domain) else instructions.of_claim(session, tools, domain)
    )
    left = tuple(
        RecordToPublish(
            one.purpose,
            one.instruction.get("type") or "",
            one.instruction.get("name") or "",
            one.instruction.expected,
            PROOF_TTL,
        )
        for one in by_hand
        if one.instruction.kind == Kind.DNS_RECORD
    )
    has_account = account is not None or _is_at_platform(session, domain)
    if has_account and bound_hosts.is_kept(domain):
        return Due(left, (), ())
    hosts = tuple(routing.of(session, domain).hosts)
    return Due(left, hosts, () if has_account else _records(session, domain))


def _records(session: Session, domain: Domain) -> tuple[RecordToPublish, ...]:
    """Return the owner's own records: those that were made for bindings are decided anew."""
    return tuple(
        RecordToPublish(
            Purpose.RECORD,
            line.type,
            line.owner,
            observations.as_answered(line.type, line.text),
            line.ttl,
        )
        for line in wanted.lines(session, domain)
        if line.is_wanted and not line.is_made
    )


def _account(session: Session, domain: Domain) -> Account | None:
    """Return the organization's own account that the domain uses."""
    account_id = domain.dns_account_id
    query = Account.visible(Actor(domain.organization_id)).where(Account.id == account_id)
    return None if account_id is None else session.scalars(query).first()


def _is_at_platform(session: Session, domain: Domain) -> bool:
    """Tell whether the domain uses an account of the platform, which its organization cannot see.

    An own account that was removed is seen: it is still there, and its organization's.
    """
    if domain.dns_account_id is None:
        return False
    removed = Account.removed(Actor(domain.organization_id))
    query = removed.where(Account.id == domain.dns_account_id)
    return session.scalars(query).first() is None


def _routing(
    host: BoundHost, zone: str, dns_host: DnsHost | None, resolve: Resolve
) -> tuple[list[RecordToPublish], Obstacle | None]:
    """Return what leads a host to its server, as it is decided for automatic records."""
    apex_type = None if dns_host is None else dns_host.apex_type
    decision = host.decide(zone, apex_type)
    follows = ""
    if decision.obstacle is not None and decision.obstacle.reason in NEEDS_ADDRESS:
        first, *others = host.targets
        follows = first.name.removesuffix(".")
        known = first.at(resolve(follows))
        decision = replace(host, targets=[known, *others]).decide(zone, apex_type)
    records = [
        RecordToPublish(
            Purpose.ROUTING, rdtype, host.host, value.removesuffix("."), ROUTING_TTL, follows
        )
        for rdtype, value in decision.wanted
    ]
    return records, decision.obstacle


def _possible(
    record: RecordToPublish, zone: str, dns_host: DnsHost | None, resolve: Resolve
) -> list[RecordToPublish]:
    """Return a record of the owner's own, or what stands for a CNAME at the apex of the zone."""
    if record.type != "CNAME" or record.name != zone:
        return [record]
    alone = BoundHost(zone, None, targets=[PointingTarget.of(record.value)])
    instead, _ = _routing(alone, zone, dns_host, resolve)
    return [replace(one, purpose=record.purpose, ttl=record.ttl) for one in instead] or [record]
