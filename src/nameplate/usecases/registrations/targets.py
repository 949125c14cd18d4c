"""Where a name is to be delegated, what its zone there holds, and what is lost on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from nameplate.core import leaving
from nameplate.core.delegation_signing import Ds, chosen
from nameplate.core.errors import Refused
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.models import Account, Domain, RegisteredName
from nameplate.ports.dns import DnsProvider, NameServers, Zone, ZoneSigner
from nameplate.usecases.dns import usual_answers
from nameplate.usecases.hosting import offers
from nameplate.usecases.registrations import granting
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class DelegationTarget:
    """The name servers that a name is to have, with the zone behind them where it can be read."""

    servers: tuple[str, ...]
    """Canonical, sorted."""
    account_id: int | None = None
    provider: DnsProvider | None = None
    zone: Zone | None = None

    def ds(self) -> tuple[Ds, ...] | None:
        """Return the DS records of the zone, none of an unsigned one; None: its host does not say."""
        if self.zone is None or not isinstance(self.provider, ZoneSigner):
            return None
        return chosen(self.provider.ds(self.zone))

    def records(self) -> Sequence[RRset]:
        """Return what the zone answers with; nothing where it cannot be read."""
        if self.zone is None or self.provider is None:
            return ()
        return self.provider.records(self.zone)


def agreed(row: RegisteredName) -> DelegationTarget | None:
    """Return the name servers that somebody named, whatever is behind them."""
    wanted = row.name_servers_wanted
    return DelegationTarget(tuple(sorted(wanted))) if wanted else None


def of_domain(sessions: Sessions, tools: Tools, row: RegisteredName) -> DelegationTarget | None:
    """Return the zone at the DNS account of the domain; None: there is none yet, or nobody tells.

    Raises Refused `zone_missing` when the account has no such zone, and as DNS providers do.
    """
    with sessions.look() as session:
        claim = granting.claim_of(session, row)
        if claim is None or claim.dns_account_id is None:
            return None
        account = session.get(Account, claim.dns_account_id)
        hosted = offers.name_servers(claim)
        there = offers.zone_of(session, claim) if hosted is not None else None
    if account is None:
        return None
    if hosted is None:
        return _told(tools, account, claim)
    if there is None or not there.is_there:
        return None
    zone = Zone(there.name, claim.dns_zone_id or "")
    return DelegationTarget(tuple(sorted(hosted)), account.id, tools.dns_provider(account), zone)


def _told(tools: Tools, account: Account, claim: Domain) -> DelegationTarget | None:
    """Return the zone at an account of the organization's, when its provider tells the name servers."""
    provider = tools.dns_provider(account)
    if not isinstance(provider, NameServers):
        return None
    zone = next((one for one in provider.zones() if one.name == claim.domain_name), None)
    if zone is None:
        raise Refused(
            "zone_missing",
            f"The DNS account {account.name} has no zone {claim.domain_name}. Create it there; the name "
            "is delegated as soon as it is seen.",
        )
    servers = sorted(provider.name_servers(zone))
    return DelegationTarget(tuple(servers), account.id, cast("DnsProvider", provider), zone)


def present(tools: Tools, name: str, target: DelegationTarget) -> list[RRset]:
    """Return what the Internet sees at the usual names of a name that is delegated elsewhere now."""
    seen = tools.resolver.delegation(name)
    if seen.zone != name or set(seen.parent) == set(target.servers):
        return []
    return usual_answers.ask(tools.resolver, name)


def lost(tools: Tools, name: str, target: DelegationTarget) -> list[RRset]:
    """Return what stops answering when a name goes to a target: all of it where that cannot be read.

    Only the usual names are asked for: nobody can list another host's zone.
    """
    there = present(tools, name, target)
    return leaving.lost(there, target.records(), name) if there else []
