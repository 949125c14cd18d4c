"""A hosted zone's life at the name server: created after the proof, removed with its domain.

The row comes before the zone and goes after it, and the zone carries the row's mark at the server:
whoever dies in between, the next worker knows which zone is ours. What is not ours is never taken.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import rdata
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import (
    Domain,
    HostedState,
    HostedZone,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    RecordType,
    Verification,
)
from nameplate.models.records import digest
from nameplate.ports.dns import NewZone
from nameplate.ports.resolver import AnswerKind, LookupResult
from nameplate.usecases import work
from nameplate.usecases.hosting.removal import remove
from nameplate.usecases.hosting.states import (
    HostedZoneState,
    fail,
    forget,
    host_of,
    load,
    note,
    row_of,
)
from nameplate.usecases.tools import Tools

AGAIN_AFTER_REFUSAL = timedelta(hours=1)
AGAIN_WHILE_LEAVING = timedelta(minutes=1)
LOOKS = (timedelta(minutes=1), timedelta(hours=1))
"""Shortest and longest wait between two looks at a delegation that is not there."""
REPEATED = timedelta(days=1)
"""How long a delegation that was seen counts as there."""
PROOF_TTL = 300


def ensure(sessions: Sessions, tools: Tools, lease: Lease) -> bool:
    """Bring a leased domain's hosted zone to where it should be.

    Returns whether the domain's records are next; when not, the row has been released. True at once
    for a domain that is not hosted. Raises `Unavailable` and `work.Superseded`.
    """
    case = work.read(sessions, Domain, lease, load)
    if case is None:
        return True
    try:
        if case.is_live:
            return _keep(sessions, tools, lease, case)
        leaving = case.row is not None and case.row.state is HostedState.LEAVING
        if case.row is not None and case.is_mine and (case.is_removed or leaving):
            return remove(sessions, tools, lease, case, case.row)
    except Refused as error:
        fail(sessions, lease, case, error.detail, AGAIN_AFTER_REFUSAL)
        return False
    return True


def _keep(sessions: Sessions, tools: Tools, lease: Lease, case: HostedZoneState) -> bool:
    """See to it that a proved domain has its zone, and look whether the Internet uses it."""
    if case.row is not None and not case.is_mine:
        _evict(sessions, lease, case)
        return False
    if case.row is None or not case.row.is_there:
        if not case.is_held:
            raise Refused(
                "zone_not_held", f"Prove {case.zone} itself by DNS. Its zone is created after that."
            )
        _create(sessions, tools, lease, case)
    note(sessions, lease, lambda session, domain: _publish_proof(session, domain, case))
    _look(sessions, tools, lease, case)
    return True


def _create(sessions: Sessions, tools: Tools, lease: Lease, case: HostedZoneState) -> None:
    _, host = host_of(tools, case.account)
    fresh = tools.random(20).hex()
    mark = work.record(
        sessions, Domain, lease, lambda session, row: _intend(session, row, case, fresh),
        release=False,
    )  # fmt: skip
    work.confirm(sessions, Domain, lease)
    try:
        zone = host.create(NewZone(case.zone, case.name_servers, case.hostmaster, mark))
    except Refused as error:
        if error.code == "zone_exists":  # so nothing of ours is there
            note(sessions, lease, lambda session, _domain: forget(session, case))
        raise

    def created(session: Session, domain: Domain) -> None:
        row = row_of(session, case.account.id, case.zone)
        if row is not None:
            row.confirm()
        domain.dns_zone_id = zone.external_id or None
        domain.error_message = None

    note(sessions, lease, created)


def _intend(session: Session, domain: Domain, case: HostedZoneState, mark: str) -> str:
    """Store which zone is about to be created, or taken up again, and return its mark."""
    row = row_of(session, case.account.id, case.zone)
    if row is None:
        row = HostedZone(
            organization_id=domain.organization_id,
            organization_domain_id=domain.id,
            account_id=case.account.id,
            name=case.zone,
            name_servers=list(case.name_servers),
            hostmaster=case.hostmaster,
            mark=mark,
            state=HostedState.INTENDED,
        )
        session.add(row)
    else:
        row.organization_domain_id = domain.id
        row.state = HostedState.INTENDED
    session.flush()
    return row.mark


def _publish_proof(session: Session, domain: Domain, case: HostedZoneState) -> None:
    """Keep the proof in the zone: there is no other host left at which it could stay."""
    proof: Verification | None = session.scalars(
        Verification.visible(PLATFORM).where(
            Verification.organization_domain_id == domain.id,
            Verification.verification_token == domain.verification_token,
        )
    ).one_or_none()
    if proof is None or not proof.verification_record_name:
        return
    name = proof.verification_record_name
    value = rdata.parse("TXT", proof.verification_record_value or "", origin=case.zone).text
    query = LedgerEntry.visible(PLATFORM).where(
        LedgerEntry.organization_domain_id == domain.id,
        LedgerEntry.zone == case.zone,
        LedgerEntry.name == name,
        LedgerEntry.purpose == LedgerPurpose.CHALLENGE,
        LedgerEntry.ssl_certificate_id.is_(None),
    )
    kept = session.scalars(query).all()
    for entry in kept:
        if entry.value != value:
            entry.state = LedgerState.LEAVING
    if all(entry.value != value for entry in kept):
        session.add(
            LedgerEntry(
                organization_id=domain.organization_id,
                account_id=case.account.id,
                organization_domain_id=domain.id,
                zone=case.zone,
                name=name,
                record_type=RecordType.TXT,
                value=value,
                value_digest=digest(value),
                ttl=PROOF_TTL,
                purpose=LedgerPurpose.CHALLENGE,
                state=LedgerState.INTENDED,
            )
        )


def _look(sessions: Sessions, tools: Tools, lease: Lease, case: HostedZoneState) -> None:
    """Ask the authoritative servers of the zone for its NS when it is time, and plan the next look."""
    row, now = case.row, lease.now()
    if row is not None and row.checked_at is not None:
        wait = REPEATED if row.delegated else _wait(row, now)
        if now < work.soon(tools, row.checked_at + wait, row.checked_at):
            note(sessions, lease, lambda _s, domain: _come_back(tools, domain, row, now))
            return
    finding = tools.resolver.authoritative(case.zone, "NS")
    delegated = is_delegated(finding, case)
    told = [f"{a.server}: {', '.join(a.values) or a.kind.value}" for a in finding.answers]

    def seen(session: Session, domain: Domain) -> None:
        found = row_of(session, case.account.id, case.zone)
        if found is not None:
            found.see(told, delegated=delegated, now=now)
            _come_back(tools, domain, found, now)

    note(sessions, lease, seen)


def is_delegated(finding: LookupResult, case: HostedZoneState) -> bool:
    """Whether every server that the Internet is sent to names exactly our name servers."""
    ours = {f"{server}." for server in case.name_servers}
    return (
        finding.zone == case.zone
        and bool(finding.answers)
        and all(a.kind is AnswerKind.DATA and set(a.values) == ours for a in finding.answers)
    )


def _come_back(tools: Tools, domain: Domain, row: HostedZone, now: datetime) -> None:
    if not row.delegated:
        domain.wake(work.soon(tools, now + _wait(row, now), now))


def _wait(row: HostedZone, now: datetime) -> timedelta:
    """Return a tenth of the zone's age, within bounds."""
    shortest, longest = LOOKS
    return min(max((now - row.created_at) / 10, shortest), longest)


def _evict(sessions: Sessions, lease: Lease, case: HostedZoneState) -> None:
    """Ask for the removal of a zone whose organization no longer holds the name.

    Only one organization can hold it, and that is the one whose domain is in hand.
    """
    stays = case.row is not None and case.row.state is HostedState.KEPT

    def transaction(session: Session, _domain: Domain) -> None:
        row = row_of(session, case.account.id, case.zone)
        former = session.get(Domain, row.organization_domain_id) if row is not None else None
        if row is not None and former is not None and not former.is_live and not stays:
            row.leave()
            former.wake(lease.now())

    note(sessions, lease, transaction)
    if stays:
        detail = (
            f"The name server still has an older zone {case.zone} with records that "
            "Nameplate did not write. The operator must remove it."
        )
        fail(sessions, lease, case, detail, AGAIN_AFTER_REFUSAL)
    else:
        detail = f"An older zone {case.zone} is being removed from the name server first."
        fail(sessions, lease, case, detail, AGAIN_WHILE_LEAVING)
