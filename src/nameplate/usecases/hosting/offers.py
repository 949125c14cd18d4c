"""Zones on the operator's own name servers: what is offered with a claim, and how far it is.

A claim grants nothing: the zone comes into being after the proof (`hosted_zones.py`). Until then
the owner publishes the proof at the DNS host that the Internet asks at present.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import instructions, names, rdata
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.instructions import Instruction
from nameplate.db import Sessions
from nameplate.models import (
    Account,
    AccountKind,
    DnsSettings,
    Domain,
    HostedState,
    HostedZone,
    Hosting,
)


@dataclass(frozen=True, slots=True)
class HostingOffer:
    """The platform's account at which new zones come into being, and what they begin with."""

    account_id: int
    name_servers: tuple[str, ...]
    """Canonical, without trailing dot, in the operator's order."""
    hostmaster: str


def offer(sessions: Sessions) -> HostingOffer:
    """Return the first platform account whose `config.hosted` is open for new zones.

    It is the platform's row, which a tenant's transaction does not see. Raises `Conflict` with code
    `hosting_unavailable` when there is none, `Invalid` when the operator's configuration is wrong.
    """
    query = Account.visible(PLATFORM).where(
        Account.organization_id.is_(None), Account.kind == AccountKind.DNS
    )
    with sessions.begin(PLATFORM, read_only=True) as session:
        for account in session.scalars(query.order_by(Account.id)):
            hosted = account.config.get("hosted")
            if hosted and not hosted.get("closed"):
                return _read(account.id, hosted)
    raise Conflict(
        "hosting_unavailable",
        "This installation does not host zones. Keep the name at your own DNS host.",
    )


def _read(account_id: int, hosted: dict[str, Any]) -> HostingOffer:
    try:
        servers = tuple(_host(str(name)) for name in hosted["name_servers"])
        hostmaster = _host(str(hosted.get("hostmaster") or f"hostmaster.{servers[0]}"))
    except (KeyError, IndexError, TypeError, Invalid):
        raise Invalid(
            "hosting_misconfigured",
            "Set `config.hosted.name_servers` of the platform's DNS account to names such "
            "as ns1.example.net.",
        ) from None
    return HostingOffer(account_id, servers, hostmaster)


def _host(name: str) -> str:
    return rdata.parse("NS", f"{name.removesuffix('.')}.", origin="invalid").text.removesuffix(".")


def settings(
    session: Session, organization_id: int, bare_name: str, offered: HostingOffer
) -> tuple[int, DnsSettings]:
    """Return the account's id and what a hosted domain remembers: its zone is the name itself.

    Unless the name lies in a zone that the organization has here already: then it is that one.
    """
    above = names.self_and_ancestors(bare_name, least=2)
    query = HostedZone.visible(Actor(organization_id)).where(
        HostedZone.name.in_(above), HostedZone.state == HostedState.PRESENT
    )
    there: HostedZone | None = max(
        session.scalars(query), key=lambda row: len(row.name), default=None
    )
    if there is None:
        hosting = Hosting(offered.name_servers, offered.hostmaster)
        return offered.account_id, DnsSettings(bare_name, hosting)
    hosting = Hosting(tuple(there.name_servers), there.hostmaster)
    return there.account_id, DnsSettings(there.name, hosting)


def name_servers(domain: Domain) -> list[str] | None:
    """Return what the owner sets at the registrar; None when the domain is hosted elsewhere."""
    return list(domain.dns.hosted.name_servers) if domain.dns.hosted else None


def instruction(domain: Domain) -> Instruction | None:
    """Return the delegation that the owner must make once the name is proved."""
    servers, zone = name_servers(domain), domain.dns.zone
    if servers is None or zone is None:
        return None
    where = "at the registrar" if zone == domain.domain_name else "in the zone above it, as NS"
    sentence = (
        f"Set these name servers for {zone} {where}, and no others. Do so only when "
        "ownership is proved and the zone exists. Before that, no server answers for it."
    )
    return instructions.name_servers(zone, servers, sentence)


def zone_of(session: Session, domain: Domain) -> HostedZone | None:
    """Return the hosted zone that a domain is in, or None before it is created."""
    row: HostedZone | None = session.scalars(
        HostedZone.visible(Actor(domain.organization_id)).where(
            HostedZone.account_id == domain.dns_account_id, HostedZone.name == domain.dns.zone
        )
    ).one_or_none()
    return row


def conditions(domain: Domain, row: HostedZone | None) -> Sequence[Condition]:
    """Return how far a hosted zone (`row`) is: waiting for the proof, created, delegated to."""
    servers, zone = name_servers(domain), domain.dns.zone
    if servers is None or zone is None:
        return []
    if row is None or not row.is_there:
        return [_missing(domain, row, zone)]
    if row.delegated:
        return [
            Condition(
                type="hosting", status=True, reason="delegated",
                message=f"{zone} is hosted here and delegated to these name servers.",
                observed=tuple(row.delegation or ()), since=row.checked_at,
            )
        ]  # fmt: skip
    return [
        Condition(
            type="hosting",
            status=False,
            reason="not_delegated",
            message=f"The zone {zone} is ready here but not delegated to these name servers yet.",
            observed=tuple(row.delegation or ()),
            expected=tuple(servers),
            fix=f"Set the name servers of {zone} to {', '.join(servers)}, and no others.",
            next_check_at=domain.next_action_at,
        )
    ]


def _missing(domain: Domain, row: HostedZone | None, zone: str) -> Condition:
    trouble = (row.error_message if row else None) or (
        domain.error_message if domain.is_live else None
    )
    waits = not domain.is_live
    return Condition(
        type="hosting",
        status=False,
        reason="zone_after_proof" if waits else "zone_not_there",
        message=trouble
        or (
            f"The zone {zone} is created here once ownership of the name is proved."
            if waits
            else f"The zone {zone} is being created."
        ),
        fix="Publish the proof at the current DNS host first. Change the name servers only "
        "after that."
        if waits
        else "",
        next_check_at=domain.next_action_at,
    )
