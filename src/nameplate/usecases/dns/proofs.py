"""The record that proves a domain, written by Nameplate where the organization's own account can.

An account of the platform proves nothing for a tenant: it reaches the zones of everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import rdata
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.models import (
    Account,
    AccountKind,
    Domain,
    LedgerPurpose,
    Verification,
    VerificationMethodName,
)
from nameplate.models.orm import among
from nameplate.usecases.dns.wanted import OwnedValue, Value, Want

TTL = 300
"""Seconds: a proof that is replaced is soon forgotten."""
_OVER = frozenset({VerificationStatus.FAILED, VerificationStatus.EXPIRED})
_OPEN = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)


@dataclass(frozen=True, slots=True)
class WrittenProof:
    """What Nameplate keeps in the zone to prove the domain."""

    value: Value | None = None
    """None: nothing that it could write."""
    is_due: bool = False
    """It is to be written now, although nothing is proved. What was written stays while it counts."""

    def is_former(self, entry: OwnedValue) -> bool:
        """Tell whether a value of ours proved the domain once, and does no more."""
        if self.value is None or entry.value == self.value:
            return False
        own = entry.purpose is LedgerPurpose.CHALLENGE and entry.certificate_id is None
        return own and entry.value[:2] == self.value[:2]

    def wants(self) -> list[Want]:
        """Return the record to write, if it may be written."""
        if self.value is None or not self.is_due:
            return []
        return [Want(self.value, TTL, LedgerPurpose.CHALLENGE)]


def can_write(account: Account | None, domain: Domain) -> bool:
    """Tell whether proofs of the domain can be written with an account: its organization's own."""
    return (
        account is not None
        and account.kind is AccountKind.DNS
        and account.deleted_at is None
        and account.organization_id == domain.organization_id
        and domain.dns.hosted is None
    )


def read(session: Session, account: Account, domains: Sequence[Domain]) -> dict[int, WrittenProof]:
    """Return of each domain the record that proves it by its current token.

    Nothing where `account` cannot write it.
    """
    written = [one for one in domains if can_write(account, one) and one.deleted_at is None]
    rows: dict[int, list[Verification]] = {one.id: [] for one in written}
    tokens = [one.verification_token for one in written if one.verification_token is not None]
    if written:
        for row in session.scalars(_CURRENT, {"domains": list(rows), "tokens": tokens}):
            rows[row.organization_domain_id].append(row)
    found = {one.id: _written(one, rows[one.id]) for one in written}
    return {one.id: found.get(one.id, WrittenProof()) for one in domains}


_CURRENT = (
    Verification.visible(PLATFORM)
    .where(
        among(Verification.organization_domain_id, "domains"),
        sa.or_(among(Verification.verification_token, "tokens"), Verification.status.in_(_OPEN)),
    )
    .order_by(Verification.id)
)


def _written(domain: Domain, rows: Sequence[Verification]) -> WrittenProof:
    row = chosen(domain, [
        one for one in rows
        if one.verification_token == domain.verification_token or one.status in _OPEN
    ])  # fmt: skip
    if row is None or not row.verification_record_name:
        return WrittenProof()
    name, text = row.verification_record_name, row.verification_record_value or ""
    rdtype = "CNAME" if row.verification_method is VerificationMethodName.DNS_CNAME else "TXT"
    # A target is a whole name, which says so by its final dot.
    text = f"{text}." if rdtype == "CNAME" else text
    value = (name, rdtype, rdata.parse(rdtype, text, origin=domain.domain_name).text)
    is_open = domain.status is DomainStatus.PENDING_VERIFICATION
    is_asked_anew = row.status in _OPEN and row.expires_at is None
    return WrittenProof(value, is_due=row.status not in _OVER and (is_open or is_asked_anew))


def chosen(domain: Domain, rows: Sequence[Verification]) -> Verification | None:
    """Return which of several proofs Nameplate writes where it can: one is enough.

    The one whose token the domain waits for or was proved by, if that is a record.
    """
    records = [row for row in rows if row.verification_record_name]
    current = (one for one in records if one.verification_token == domain.verification_token)
    return next(current, records[0] if records else None)


def look_again(session: Session, domain: Domain, now: datetime) -> None:
    """Have an unproved domain's proof looked for now: it was just written."""
    mine = Verification.organization_domain_id == domain.id
    session.execute(
        Verification.waking(now).where(
            mine,
            Verification.verification_record_name.is_not(None),
            Verification.status.in_(_OPEN),
        ),
        execution_options={"synchronize_session": False},
    )
