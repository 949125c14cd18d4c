"""A hosted zone goes with its domain, unless it holds what Nameplate did not write."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, HostedZone, LedgerEntry
from nameplate.usecases import work
from nameplate.usecases.hosting.states import HostedZoneState, forget, host_of, note, row_of
from nameplate.usecases.tools import Tools


def remove(
    sessions: Sessions, tools: Tools, lease: Lease, case: HostedZoneState, row: HostedZone
) -> bool:
    """Delete the zone with what we wrote into it, unless it holds anything else.

    Returns whether the records of the domain are still to be taken back one by one.
    """
    if work.read(sessions, Domain, lease, lambda s, domain: _heir(s, domain, case)) is not None:
        note(sessions, lease, lambda session, domain: _hand_over(session, domain, case))
        return True
    provider, host = host_of(tools, case.account)
    zone = next((zone for zone in provider.zones() if zone.name == case.zone), None)
    work.record(sessions, Domain, lease, lambda s, _d: _leave(s, case), release=False)
    if zone is not None:
        ours = work.read(sessions, Domain, lease, lambda s, domain: _ledgered(s, domain, case))
        foreign = _foreign(provider.records(zone), case, row, ours)
        if foreign:
            reason = (
                f"The zone {case.zone} stays at the name server, because it holds records that "
                f"Nameplate did not write: {', '.join(foreign[:5])}."
            )
            note(sessions, lease, lambda session, domain: _stay(session, domain, case, reason))
            return True
        work.confirm(sessions, Domain, lease)
        host.delete(zone, row.mark)
    work.record(sessions, Domain, lease, lambda s, domain: _gone(s, domain, case), release=True)
    return False


def _heir(session: Session, domain: Domain, case: HostedZoneState) -> int | None:
    """Return another live domain of the organization whose records are in the zone."""
    query = LedgerEntry.visible(Actor(domain.organization_id)).where(
        LedgerEntry.account_id == case.account.id,
        LedgerEntry.zone == case.zone,
        LedgerEntry.organization_domain_id != domain.id,
    )
    for entry in session.scalars(query):
        other = session.get(Domain, entry.organization_domain_id)
        if other is not None and other.is_live:
            return other.id
    return None


def _hand_over(session: Session, domain: Domain, case: HostedZoneState) -> None:
    row, heir = row_of(session, case.account.id, case.zone), _heir(session, domain, case)
    if row is not None and heir is not None:
        row.organization_domain_id = heir


def _leave(session: Session, case: HostedZoneState) -> None:
    row = row_of(session, case.account.id, case.zone)
    if row is not None:
        row.leave()


def _ledgered(
    session: Session, domain: Domain, case: HostedZoneState
) -> frozenset[tuple[str, str, str]]:
    query = LedgerEntry.visible(Actor(domain.organization_id)).where(
        LedgerEntry.account_id == case.account.id, LedgerEntry.zone == case.zone
    )
    rows = session.scalars(query)
    return frozenset((row.name, row.record_type.value, row.value) for row in rows)


def _foreign(
    live: Sequence[RRset],
    case: HostedZoneState,
    row: HostedZone,
    ours: frozenset[tuple[str, str, str]],
) -> list[str]:
    """Return what is in the zone beside what it came with and what the ledger knows."""
    begun = {(case.zone, "NS", f"{server}.") for server in row.name_servers}
    return [
        f"{rrset.name} {rrset.type}"
        for rrset in live
        if rrset.type != "SOA"
        and any((*rrset.key, value) not in ours | begun for value in rrset.values)
    ]


def _stay(session: Session, domain: Domain, case: HostedZoneState, reason: str) -> None:
    row = row_of(session, case.account.id, case.zone)
    if row is not None:
        row.keep(reason)
    domain.error_message = reason


def _gone(session: Session, domain: Domain, case: HostedZoneState) -> None:
    """Forget the zone and everything that went with it."""
    query = LedgerEntry.visible(PLATFORM).where(
        LedgerEntry.account_id == case.account.id,
        LedgerEntry.zone == case.zone,
        LedgerEntry.organization_id == domain.organization_id,
    )
    for entry in session.scalars(query):
        session.delete(entry)
    forget(session, case)
    domain.attempts = 0
    domain.next_action_at = None
