"""Replacing many certificates until a moment: because their authority says so, or the operator.

A campaign is no object of its own: each certificate says which one it is in, which generation is to be
replaced, and until when. What of it is done and what fails is counted from the certificates.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import renewal
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.models import Certificate, CertificateType
from nameplate.usecases.certificates import notices
from nameplate.usecases.tenants import organizations

DUE_AFTER = timedelta(days=5)
"""Until when all are replaced where nobody says: what authorities may leave a wrong certificate for."""
PACE = timedelta(seconds=10)
"""Between two certificates of one organization, where there are few."""
KEPT = timedelta(days=30)
"""How long a campaign is shown after its end."""
MAX_REASONS = 5
_BATCH = 500


@dataclass(slots=True)
class CampaignProgress:
    """How far one campaign has come, as far as the caller sees its certificates."""

    id: str
    reason: str
    issuers: tuple[str, ...]
    began_at: datetime
    due_at: datetime
    total: int = 0
    done: int = 0
    failing: int = 0
    organizations: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Error codes of those that fail, with how many of each."""
    ended_at: datetime | None = None

    @property
    def remaining(self) -> int:
        """Certificates that are still to be replaced."""
        return self.total - self.done


def of_authority(row: Certificate, info: RenewalInfo, now: datetime) -> bool:
    """Make a certificate part of a campaign if its authority wants it replaced out of turn.

    It is one where the authority explains itself, or the window ends long before a renewal was due.
    """
    issued, expires = row.issued_at, row.expires_at
    if issued is None or expires is None or not row.auto_renew:
        return False
    if info.explanation_url is None and not renewal.is_early(issued, expires, info.window):
        return False
    due = max(info.window[1], now)
    said = info.explanation_url or f"{info.window[1]:%Y-%m-%d}"
    name = f"ari-{_digest(f'{row.authority_account_id} {row.issuer} {said}')}"
    if row.campaign == name and row.campaign_generation == row.generation:
        row.campaign_due_at = due
        return False
    why = f"The authority wants it replaced: {info.explanation_url}" if info.explanation_url else (
        "The authority wants it replaced before its time and does not say why."
    )  # fmt: skip
    row.join(name, why, due, now)
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ReplacementOrder:
    """Which certificates are to be replaced, until when and why."""

    issuer: str | None = None
    """A part of the issuer's name, without regard to case."""
    issued_before: datetime | None = None
    due_at: datetime | None = None
    reason: str | None = None
    organization: str | None = None


def start(
    session: Session, actor: Actor, asked: ReplacementOrder, now: datetime
) -> CampaignProgress | None:
    """Have these certificates replaced, those of each organization one after the other.

    None when there are none. Raises Invalid `campaign_selection_missing`, `campaign_due_invalid`.
    """
    if asked.issuer is None and asked.issued_before is None:
        raise Invalid(
            "campaign_selection_missing",
            "Say which certificates to replace: those of an issuer, or issued before a moment.",
        )
    due = asked.due_at or now + DUE_AFTER
    if due <= now:
        raise Invalid("campaign_due_invalid", "The moment until which to replace them is over.")
    name = f"own-{_digest(f'{actor.organization_id} {now.isoformat()} {asked}')}"
    reason = asked.reason or "An operator wants them replaced."
    chosen = _chosen(session, actor, asked)
    for row, place, of in _places(chosen):
        row.join(name, reason, due, now)
        pace = min(PACE, (due - now) / 2 / of)
        moment = now + pace * place
        row.next_renewal_attempt_at = min(row.next_renewal_attempt_at or moment, moment)
        row.wake(moment)
    session.flush()
    return next((one for one in overview(session, actor) if one.id == name), None)


def _chosen(session: Session, actor: Actor, asked: ReplacementOrder) -> Iterator[Certificate]:
    query = Certificate.visible(actor).where(
        Certificate.certificate.is_not(None),
        Certificate.certificate_type != CertificateType.CUSTOM,
        Certificate.status.in_([CertificateStatus.ACTIVE, CertificateStatus.RENEWING]),
        Certificate.is_wanted(),
    )
    if asked.organization is not None:
        owner = organizations.get(session, actor, asked.organization)
        query = query.where(Certificate.organization_id == owner.id)
    if asked.issuer is not None:
        part = asked.issuer.lower()
        query = query.where(sa.func.lower(Certificate.issuer).contains(part, autoescape=True))
    if asked.issued_before is not None:
        query = query.where(Certificate.issued_at < asked.issued_before)
    last = 0
    while True:
        some = query.where(Certificate.id > last).order_by(Certificate.id).limit(_BATCH)
        rows: Sequence[Certificate] = session.scalars(some.with_for_update(key_share=True)).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].id


def _places(chosen: Iterator[Certificate]) -> Iterator[tuple[Certificate, int, int]]:
    """Yield each certificate with its place among those of its organization, and how many those are."""
    by_owner: dict[int, list[Certificate]] = defaultdict(list)
    for row in chosen:
        by_owner[row.organization_id].append(row)
    for rows in by_owner.values():
        for place, row in enumerate(rows):
            yield row, place, len(rows)


def overview(session: Session, actor: Actor) -> list[CampaignProgress]:
    """Return the campaigns that go on or ended a while ago, the newest first."""
    found: dict[str, CampaignProgress] = {}
    owners: dict[str, set[int]] = defaultdict(set)
    issuers: dict[str, set[str]] = defaultdict(set)
    done = Certificate.generation > Certificate.campaign_generation
    code = sa.func.coalesce(Certificate.trouble_code, Certificate.renewal_error_code)
    keys: Any = (
        Certificate.campaign, Certificate.organization_id, Certificate.campaign_issuer,
        Certificate.campaign_reason, sa.case((done, 1), else_=0), code,
    )  # fmt: skip
    numbers = (
        sa.func.count(), sa.func.min(Certificate.campaign_began_at),
        sa.func.max(Certificate.campaign_due_at), sa.func.max(Certificate.last_renewed_at),
    )  # fmt: skip
    query = Certificate.visible(actor).where(Certificate.campaign.is_not(None))
    for row in session.execute(query.with_only_columns(*keys, *numbers).group_by(*keys)):
        name, owner, issuer, reason, is_done, failure, count, began, due, renewed = row
        one = found.setdefault(name, CampaignProgress(name, reason or "", (), began, due))
        owners[name].add(owner)
        issuers[name].add(issuer or "")
        one.total += count
        one.began_at, one.due_at = min(one.began_at, began), max(one.due_at, due)
        if is_done:
            one.done += count
            one.ended_at = max(filter(None, (one.ended_at, renewed)), default=None)
        elif failure is not None:
            one.failing += count
            one.reasons[failure] = one.reasons.get(failure, 0) + count
    for name, one in found.items():
        one.organizations = len(owners[name])
        one.issuers = tuple(sorted(filter(None, issuers[name])))
        one.ended_at = one.ended_at if one.remaining == 0 else None
    return sorted(found.values(), key=lambda one: (one.began_at, one.id), reverse=True)


def settle(session: Session, now: datetime) -> None:
    """Tell each organization once that all of its certificates in a campaign are replaced.

    What ended a month ago is forgotten.
    """
    open_ = Certificate.visible(PLATFORM).where(
        Certificate.campaign.is_not(None), Certificate.campaign_ended_at.is_(None)
    )
    left = sa.func.sum(
        sa.case((Certificate.generation <= Certificate.campaign_generation, 1), else_=0)
    )
    keys: Any = (Certificate.campaign, Certificate.organization_id)
    for name, owner in session.execute(
        open_.with_only_columns(*keys).group_by(*keys).having(left == 0).limit(_BATCH)
    ).all():
        _end(session, open_, name, owner, now)
    over = Certificate.visible(PLATFORM).where(Certificate.campaign_ended_at < now - KEPT)
    for row in session.scalars(over.limit(_BATCH).with_for_update(key_share=True)):
        row.leave()


def _end(session: Session, open_: sa.Select[Any], name: str, owner: int, now: datetime) -> None:
    """Tell it of the first certificate that another worker has not told of meanwhile."""
    of_it = open_.where(Certificate.campaign == name, Certificate.organization_id == owner)
    query = of_it.order_by(Certificate.id).with_for_update(key_share=True)
    rows: Sequence[Certificate] = session.scalars(query).all()
    if not rows or any(row.generation <= (row.campaign_generation or 0) for row in rows):
        return
    notices.tell(
        session, "certificate.campaign_ended", rows[0],
        campaign=name, reason=rows[0].campaign_reason, replaced=str(len(rows)),
    )  # fmt: skip
    for row in rows:
        row.campaign_ended_at = now
