"""What a domain's owner must publish in DNS with own hands: the proof, and all without an account."""

import ipaddress
from collections.abc import Iterable

from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish
from nameplate.core.instructions import Kind
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Account, Binding, Domain, Server
from nameplate.usecases.claims import instructions
from nameplate.usecases.dns import wanted
from nameplate.usecases.propagation import observations
from nameplate.usecases.tools import Tools

PROOF_TTL = 300
"""Seconds: a mistyped proof is soon forgotten."""
ROUTING_TTL = 3600
"""Seconds."""


def due(session: Session, tools: Tools, domain: Domain) -> tuple[RecordToPublish, ...]:
    """Return the records in the order in which they are needed; each name and value once.

    With a DNS account only the proof is left to the owner: Nameplate writes the rest itself.
    """
    found = [
        RecordToPublish(
            one.purpose,
            one.instruction.get("type") or "",
            one.instruction.get("name") or "",
            one.instruction.expected,
            PROOF_TTL,
        )
        for one in instructions.of(session, tools, domain)
        if one.instruction.kind == Kind.DNS_RECORD
    ]
    if not _has_account(session, domain):
        found += _routing(session, domain)
        found += [
            RecordToPublish(
                Purpose.RECORD,
                line.type,
                line.owner,
                observations.as_answered(line.type, line.text),
                line.ttl,
            )
            for line in wanted.lines(session, domain)
            if line.is_wanted
        ]
    unique = {(one.name, one.type, one.value): one for one in reversed(found)}
    return tuple(reversed(unique.values()))


def _has_account(session: Session, domain: Domain) -> bool:
    account_id = (domain.dns_config or {}).get("account_id")
    query = Account.visible(Actor(domain.organization_id)).where(Account.id == account_id)
    return account_id is not None and session.scalars(query).first() is not None


def _routing(session: Session, domain: Domain) -> list[RecordToPublish]:
    """Return what leads each bound host to its server."""
    actor = Actor(domain.organization_id)
    bindings = Binding.visible(actor).where(
        Binding.organization_domain_id == domain.id,
        Binding.status != BindingStatus.DISABLED,
        Binding.server_id.is_not(None),
    )
    addresses = {row.id: row.address for row in session.scalars(Server.visible(actor))}
    places: dict[str, list[str]] = {}
    for row in session.scalars(bindings.order_by(Binding.id)):
        address = addresses.get(row.server_id or 0)
        if address:
            places.setdefault(row.hostname, []).append(address)
    return [
        RecordToPublish(Purpose.ROUTING, rdtype, host, value, ROUTING_TTL)
        for host, servers in places.items()
        for rdtype, value in _leading_to(servers)
    ]


def _leading_to(servers: Iterable[str]) -> list[tuple[str, str]]:
    """Return type and value of the records of one name; a CNAME is alone (RFC 1034)."""
    found: list[tuple[str, str]] = []
    for server in servers:
        try:
            address = ipaddress.ip_address(server)
        except ValueError:
            return [("CNAME", server.lower().removesuffix("."))]
        found.append(("A" if address.version == 4 else "AAAA", str(address)))  # noqa: PLR2004 - IPv4
    return found
