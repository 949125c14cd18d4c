"""Asking the authority of a certificate when to replace it (ARI, RFC 9773), as often as it wants."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import certificates as x509
from nameplate.core import renewal
from nameplate.core.errors import NameplateError, RateLimited, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.models import Account, Certificate
from nameplate.ports.ca import CertificateAuthority, RenewalAdvisor
from nameplate.usecases.certificates import campaigns, generations
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class InfoQuestion:
    """What is to be asked about a certificate that nothing else is to be done for."""

    account: Account
    certificate: str
    """PEM."""

    def carry_out(self, tools: Tools) -> "InfoReply":
        """Ask the authority. Nothing is raised: what it suggests is welcome, not needed."""
        try:
            info = of(tools.authority(self.account), self.certificate.encode())
        except RateLimited as error:
            wait = max(error.retry_after or renewal.SOONEST, renewal.ASK_AFTER_FAILURE)
            return InfoReply(self.certificate, failed_for=min(wait, renewal.LATEST))
        except NameplateError:
            return InfoReply(self.certificate, failed_for=renewal.ASK_AFTER_FAILURE)
        return InfoReply(self.certificate, info)


@dataclass(frozen=True, slots=True)
class InfoReply:
    """What came of it."""

    certificate: str
    info: RenewalInfo | None = None
    """None: the authority makes no suggestions, or could not be asked."""
    failed_for: timedelta | None = None
    """When to ask again, where it could not be asked."""

    def keep(self, _session: Session, row: Certificate, jitter: float, now: datetime) -> None:
        """Note it. A moment is drawn in a new window only: an unchanged one keeps its moment.

        A window that is over, or a moment in it that has passed, has the certificate renewed now.
        """
        if row.certificate != self.certificate or not _is_settled(row):
            return
        if self.failed_for is not None:
            row.renewal_info_due_at = now + self.failed_for
        elif row.advise(self.info, now) and self.info is not None:
            row.next_renewal_attempt_at = generations.planned(row, jitter, self.info.window)
            campaigns.of_authority(row, self.info, now)


def question(session: Session, row: Certificate, now: datetime) -> InfoQuestion | None:
    """Return what to ask about a row now, None when there is nothing to ask."""
    due = row.renewal_info_due_at
    if row.certificate is None or (due is not None and due > now) or not _is_settled(row):
        return None
    known = row.authority_account_id
    account = session.get(Account, known) if known is not None else None
    if account is None or account.deleted_at is not None:
        try:
            account = ca_accounts.authority_account(session, row.organization_id)
        except Refused:
            return None
    return InfoQuestion(account, row.certificate)


def _is_settled(row: Certificate) -> bool:
    """Tell whether it serves, its authority issued it and no renewal of it fails."""
    serves = row.status is CertificateStatus.ACTIVE and row.deleted_at is None
    return serves and not row.is_uploaded and row.renewal_error_code is None


def of(authority: CertificateAuthority, bundle: bytes) -> RenewalInfo | None:
    """Return what the authority says of a certificate, None where it says nothing of any."""
    return authority.renewal_info(bundle) if isinstance(authority, RenewalAdvisor) else None


def replaced(row: Certificate, account: Account) -> str | None:
    """Return the identifier of the certificate that an order with `account` replaces, if any does.

    Only what the same account has ordered, of an authority that makes suggestions.
    """
    if row.certificate is None or row.renewal_window_starts_at is None:
        return None
    if row.authority_account_id != account.id or row.is_uploaded:
        return None
    return x509.renewal_id(row.certificate.encode())
