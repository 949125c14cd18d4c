"""What is known of a hosted domain before its name server is asked, and how findings are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.db import Sessions
from nameplate.leases import Lease, held
from nameplate.models import Account, Domain, HostedZone
from nameplate.ports.dns import DnsProvider, ZoneHost
from nameplate.usecases import holders, work
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class HostedZoneState:
    """All that is known before the name server is asked."""

    account: Account
    zone: str
    row: HostedZone | None
    """The stored zone of that name, possibly another organization's."""
    is_mine: bool
    is_live: bool
    is_removed: bool
    is_held: bool
    """Whether the organization holds the apex and everything below it, as a zone requires."""
    name_servers: tuple[str, ...]
    hostmaster: str


def load(session: Session, domain: Domain) -> HostedZoneState | None:
    """Return the case of a domain, or None when it is not hosted, or its account is gone."""
    hosted, zone, account_id = domain.dns.hosted, domain.dns.zone, domain.dns_account_id
    if hosted is None or zone is None or account_id is None:
        return None
    account = session.get(Account, account_id)
    if account is None or account.deleted_at is not None:
        return None
    row = row_of(session, account.id, zone)
    mine = row is not None and row.organization_id == domain.organization_id
    is_removed = domain.deleted_at is not None
    if is_removed and row is not None and row.organization_domain_id != domain.id:
        mine = False  # another domain of the organization lives in it
    return HostedZoneState(
        account=account,
        zone=zone,
        row=row,
        is_mine=mine,
        is_live=domain.is_live,
        is_removed=is_removed,
        is_held=holders.holds(session, domain.organization_id, f"*.{zone}"),
        name_servers=hosted.name_servers,
        hostmaster=hosted.hostmaster,
    )


def row_of(session: Session, account_id: int, zone: str) -> HostedZone | None:
    """Return the stored zone of that name, of any organization."""
    row: HostedZone | None = session.scalars(
        HostedZone.visible(PLATFORM).where(
            HostedZone.account_id == account_id, HostedZone.name == zone
        )
    ).one_or_none()
    return row


def host_of(tools: Tools, account: Account) -> tuple[DnsProvider, ZoneHost]:
    """Return the provider that can create zones, as both. Raises `Refused` when it cannot."""
    provider = tools.dns_provider(account)
    if not isinstance(provider, ZoneHost):
        raise Refused("hosting_misconfigured", "The name server cannot create zones.")
    return provider, provider


def forget(session: Session, case: HostedZoneState) -> None:
    """Forget that there is, or was to be, such a zone."""
    row = row_of(session, case.account.id, case.zone)
    if row is not None:
        session.delete(row)


def fail(
    sessions: Sessions, lease: Lease, case: HostedZoneState, reason: str, wait: timedelta
) -> None:
    """Record why there is no zone, and when to try again."""

    def change(session: Session, domain: Domain) -> None:
        domain.error_message = reason
        domain.next_action_at = lease.now() + wait
        row = row_of(session, case.account.id, case.zone)
        if row is not None and row.organization_id == domain.organization_id:
            row.error_message = reason

    work.record(sessions, Domain, lease, change, release=True)


def note(sessions: Sessions, lease: Lease, change: Callable[[Session, Domain], None]) -> None:
    """Run `change` under the lease's fence, which goes on as it was. Raises `work.Superseded`.

    Other than `work.record` it lets `change` wake the leased row.
    """

    def transaction(session: Session) -> None:
        domain = held(session, Domain, lease)
        if domain is None:
            raise work.Superseded
        change(session, domain)

    sessions.run(PLATFORM, transaction)
