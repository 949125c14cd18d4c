"""The generations of a certificate: one is put in place when complete, or forgotten.

What is served stays in its columns until the next generation is complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import backoff, renewal
from nameplate.core import certificates as x509
from nameplate.core.deployment import GRACE
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.renewal import RenewalInfo, Window
from nameplate.models import Binding, Certificate, CertificateType, HttpChallenge, LedgerPurpose
from nameplate.usecases.certificates import coverage
from nameplate.usecases.dns import zones

NEXT_LOOK = timedelta(days=1)
"""A settled certificate is looked at this often at least; also when its authority wants to be asked."""
REHEARSED_SOON = timedelta(seconds=5)
"""When to look at what a renewal would fail on, where the time for that has come already."""
_FORGETTING = HttpChallenge.forgetting(sa.bindparam("certificate"))
_FORGETTING_ALL = HttpChallenge.forgetting_all()
_BOUND = Binding.waking(sa.bindparam("now")).where(Binding.deleted_at.is_(None))
_WAKING = _BOUND.where(Binding.organization_domain_id == sa.bindparam("domain"))
_WAKING_ALL = _BOUND.where(
    Binding.organization_domain_id.in_(sa.bindparam("domains", expanding=True))
)
"""Made once: every certificate needs them."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as its authority issued it, checked against its key and names."""

    bundle: bytes
    """PEM, leaf first."""
    facts: x509.Facts
    info: RenewalInfo | None
    """When the authority suggests to replace it."""
    is_local: bool
    """Nameplate's own authority signed it: no browser trusts it."""
    sealed_key: str
    """Its private key, sealed for the place from which it is served."""
    account_id: int | None = None
    """The account at the authority that issued it."""
    reason: str = ""
    """Why that one was chosen, in words for a person."""
    chain_note: str = ""
    """Why it has another chain than the preferred one."""


def install(
    session: Session, row: Certificate, issued: Issued, jitter: float, now: datetime
) -> None:
    """Make the generation being obtained the one that is served, and plan its renewal."""
    # What asks the database comes first, so that the row is written once.
    wake_bindings(session, row, now)
    forget(session, row, now)
    _put(row, issued, jitter, now)


def install_all(
    session: Session, issued: Sequence[tuple[Certificate, Issued]], jitter: float, now: datetime
) -> None:
    """Do so for many certificates that were proved by http-01."""
    domains = sorted({one for row, _ in issued for one in coverage.domains(session, row)})
    connection = session.connection()
    connection.execute(_WAKING_ALL, {"now": now, "domains": domains})
    connection.execute(_FORGETTING_ALL, {"certificates": [row.id for row, _ in issued]})
    for row, one in issued:
        row.abandon()
        _put(row, one, jitter, now)


def _put(row: Certificate, issued: Issued, jitter: float, now: datetime) -> None:
    row.private_key = issued.sealed_key
    leaf, chain = x509.split_chain(issued.bundle)
    facts = issued.facts
    row.certificate = leaf.decode()
    row.certificate_chain = chain.decode()
    row.certificate_bundle = issued.bundle.decode()
    row.issuer = facts.issuer[:255]
    row.serial_number = facts.serial
    row.fingerprint = facts.fingerprint
    row.public_key_fingerprint = facts.spki
    row.issued_at = facts.not_before
    row.expires_at = facts.not_after
    if issued.is_local:
        row.certificate_type = CertificateType.SELF_SIGNED
    row.authority_account_id, row.authority_reason = issued.account_id, issued.reason or None
    row.chain_note = issued.chain_note or None
    row.activate(now)
    row.advise(issued.info, now)
    window = None if issued.info is None else issued.info.window
    row.next_renewal_attempt_at = planned(row, jitter, window)
    row.next_action_at = next_look(row, now) if row.revocation_certificate is None else now
    if row.generation > 1:
        row.wake(now + GRACE)  # was it seen at every proxy by then?
    row.attempts = 0


def forget(session: Session, row: Certificate, now: datetime) -> None:
    """Forget the generation being obtained, its key, tokens and challenge records."""
    if row.acme_challenge_type is not None and row.acme_challenge_type.is_in_dns:
        zones.forget(session, row.id, now, LedgerPurpose.CHALLENGE)
    else:
        session.connection().execute(_FORGETTING, {"certificate": row.id})
    row.abandon()


def planned(row: Certificate, jitter: float, window: Window | None = None) -> datetime | None:
    """Return when what is served is renewed by itself, None when it is not."""
    if not row.auto_renew or row.issued_at is None or row.expires_at is None:
        return None
    days = row.renewal_days_before_expiry
    return renewal.renew_at(row.issued_at, row.expires_at, days, window, jitter)


def next_look(row: Certificate, now: datetime) -> datetime | None:
    """Return when to look at a settled certificate again."""
    if row.certificate is None:
        return None
    asking = None if row.is_let_go else row.renewal_info_due_at
    rehearsal = rehearsal_at(row)
    if rehearsal is not None and (asking is None or rehearsal < asking):
        asking = max(rehearsal, now + REHEARSED_SOON)
    ask = asking if asking is not None and asking > now else now + NEXT_LOOK
    if row.auto_renew and not row.is_let_go:
        return min(row.next_renewal_attempt_at or now + NEXT_LOOK, now + NEXT_LOOK, ask)
    moments = (row.next_renewal_attempt_at, row.expires_at, asking)
    return min((at for at in moments if at and at > now), default=None)


def rehearsal_at(row: Certificate) -> datetime | None:
    """Return when to look at what the next renewal would fail on; None: there is nothing to look at."""
    issued, renewed = row.issued_at, row.next_renewal_attempt_at
    fails = row.renewal_error_code is not None or row.trouble_code is not None
    serves = row.status is CertificateStatus.ACTIVE and row.deleted_at is None
    if issued is None or renewed is None or fails or not serves or row.is_uploaded:
        return None
    before = row.rehearsed_at
    if before is not None and row.at_risk_since is not None:
        watched = row.watch_key is not None
        return backoff.next_rehearsal(row.at_risk_since, before, is_watched=watched)
    at = renewal.rehearse_at(issued, renewed)
    return None if before is not None and before >= at else at


def wake_bindings(session: Session, row: Certificate, now: datetime) -> None:
    """Let every binding that presents, or waits for, this certificate look at it."""
    connection = session.connection()
    for domain in coverage.domains(session, row):
        connection.execute(_WAKING, {"now": now, "domain": domain})
