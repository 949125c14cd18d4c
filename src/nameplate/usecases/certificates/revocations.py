"""Revoking certificates, and replacing what is revoked so that no visitor is warned.

at once        revoked at the authority, then here: the row ends
with another   a new generation, served by every server ─▶ the old one is revoked
whose key is known to others: revoked at once, and a new generation is obtained after that
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import certificates as x509
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NameplateError, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.revocation import RevocationReason
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, Binding, BindingPlacement, Certificate
from nameplate.ports.ca import Revoker
from nameplate.usecases.certificates import coverage, requests
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

CRASH_POINTS = ("certificate:revocation_intended", "certificate:revoked", "certificate:noted")
_SOON, _LATE = timedelta(seconds=20), timedelta(hours=1)
"""When to look again whether the old certificate is still served: later and later."""
_NOT_THE_ACCOUNTS = {"acme_unauthorized", "acme_account_does_not_exist"}
"""The account may not revoke it; whoever has the certificate's key may (RFC 8555 section 7.6)."""


def revoke(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    reason: RevocationReason = RevocationReason.UNSPECIFIED,
    *,
    replace: bool = False,
) -> Certificate:
    """Revoke a certificate; with `replace` another one takes its place.

    It does so first, unless the key is known to others. Raises what the authority answers.
    """
    with sessions.begin(actor, read_only=True) as session:
        row = requests.get(session, actor, reference)
        _check(row, replace=replace)
    revoked = None
    if not replace or reason is RevocationReason.KEY_COMPROMISE:
        revoked = row.certificate or ""
        with sessions.begin(PLATFORM, read_only=True) as session:
            account = _issuing_account(session, row)
        key = None
        if row.private_key is not None:
            key = tools.keyring.open(row.private_key, requests.key_place(row))
        _revoke(tools, account, revoked, reason, key)
    with sessions.begin(actor) as session:
        row = requests.get(session, actor, reference)
        now = tools.clock()
        if replace:
            _replace(row, revoked, reason, now)
        else:
            _end(session, row, reason, now)
    return row


def _check(row: Certificate, *, replace: bool) -> None:
    if row.is_uploaded:
        raise Conflict(
            "certificate_uploaded",
            "The certificate was uploaded. Have whoever issued it revoke it, then remove it here.",
        )
    if row.certificate is None:
        raise Conflict("certificate_missing", "There is no certificate to revoke yet.")
    if replace and row.status is CertificateStatus.REVOKED:
        raise Conflict("certificate_revoked", "The certificate is revoked. Issue a new one.")


def _issuing_account(session: Session, row: Certificate) -> Account:
    """Return the account that issued; where that is not known (any more), the one to order with."""
    known = row.authority_account_id
    account = session.get(Account, known) if known is not None else None
    if account is None or account.deleted_at is not None:
        return ca_accounts.authority_account(session, row.organization_id)
    return account


def _revoke(
    tools: Tools, account: Account, certificate: str, reason: RevocationReason, key: Secret | None
) -> None:
    """Revoke with the account that issued, else with the certificate's own key."""
    authority = tools.authority(account)
    if not isinstance(authority, Revoker):
        raise Refused("revocation_unavailable", "This authority cannot revoke certificates.")
    tools.checkpoint("certificate:revocation_intended")
    try:
        authority.revoke(certificate.encode(), reason.code)
    except Refused as error:
        if key is None or error.code not in _NOT_THE_ACCOUNTS:
            raise
        authority.revoke(certificate.encode(), reason.code, key)
    tools.checkpoint("certificate:revoked")


def _replace(
    row: Certificate, revoked: str | None, reason: RevocationReason, now: datetime
) -> None:
    """Have another one obtained: after the revocation, or before it."""
    if revoked is None:
        row.plan_revocation(row.certificate, reason)
    elif row.certificate == revoked:
        row.plan_revocation(None, reason)
        row.note_revocation(now)
    row.next_renewal_attempt_at = now
    row.wake(now)


def _end(session: Session, row: Certificate, reason: RevocationReason, now: datetime) -> None:
    row.plan_revocation(None, reason)
    row.revoke(now)
    row.next_action_at = None
    session.execute(
        Binding.waking(now).where(
            Binding.ssl_certificate_id == row.id,
            Binding.organization_id == row.organization_id,
            Binding.deleted_at.is_(None),
        ),
        execution_options={"synchronize_session": False},
    )


@dataclass(frozen=True, slots=True)
class DueRevocation:
    """A certificate that another one has replaced and that is to be revoked."""

    account: Account
    certificate: str
    reason: RevocationReason
    is_served: bool
    """By some server, still."""

    def carry_out(self, tools: Tools) -> "RevocationNote":
        """Revoke it, unless it is served."""
        if self.is_served:
            return RevocationNote(self.certificate, is_served=True)
        try:
            _revoke(tools, self.account, self.certificate, self.reason, None)
        except NameplateError as error:
            return RevocationNote(self.certificate, error=error.detail)
        return RevocationNote(self.certificate)


@dataclass(frozen=True, slots=True)
class RevocationNote:
    """What came of it."""

    certificate: str
    is_served: bool = False
    error: str | None = None

    def keep(
        self, _session: Session, row: Certificate, _jitter: float, now: datetime
    ) -> datetime | None:
        """Note it; return when to try again, None when it is done."""
        if row.revocation_certificate != self.certificate:
            return None
        if not self.is_served and self.error is None:
            row.plan_revocation(None, row.revocation_reason)
            row.note_revocation(now)
            row.drop_former()
            return None
        row.revocation_error = self.error
        waited = now - (row.last_renewed_at or now)
        return now + min(max(waited / 4, _SOON), _LATE)


def due(session: Session, row: Certificate) -> DueRevocation | None:
    """Return what is to be revoked now that another one is there, None when nothing is."""
    old = row.revocation_certificate
    if old is None or (old == row.certificate and row.deleted_at is None):
        return None
    try:
        account = _issuing_account(session, row)
    except Refused:
        return None
    return DueRevocation(
        account,
        old,
        row.revocation_reason or RevocationReason.UNSPECIFIED,
        is_served=_is_served(session, row, x509.facts(old.encode()).serial),
    )


def _is_served(session: Session, row: Certificate, serial: str) -> bool:
    at_group = sa.exists().where(
        BindingPlacement.binding_id == Binding.id, BindingPlacement.served_serial == serial
    )
    query = Binding.visible(Actor(row.organization_id)).where(
        Binding.organization_domain_id.in_(coverage.domains(session, row)),
        sa.or_(Binding.served_serial == serial, at_group),
    )
    return session.scalars(query.with_only_columns(sa.literal(1)).limit(1)).first() is not None
