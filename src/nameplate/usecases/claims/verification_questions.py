"""What looks at proofs are about: read for one row or a thousand, and judged by the same lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.core.names import without_wildcard
from nameplate.leases import Lease
from nameplate.models import VerificationMethodName, verification_looks
from nameplate.models.verification_looks import LookedAt


@dataclass(frozen=True, slots=True)
class LookQuestion:
    """What one look is about, and whether there is anything to look at."""

    method: VerificationMethodName
    name: str
    token: str
    over: bool
    idle: bool
    base: str
    """The registrable domain, whose lock comes before that of the domain."""
    proved: bool
    void: bool
    """The claim was removed and came back with its organization: it needs a fresh token."""
    attempts: int
    domain_id: int
    grant: int | None
    """The grant that the claim is to rest on."""
    is_held: bool

    @property
    def is_open(self) -> bool:
        """Whether the outside world is to be looked at."""
        return not (self.idle or self.over or self.void)


def _question(row: LookedAt, now: datetime) -> LookQuestion:
    proved = row.status is VerificationStatus.VERIFIED
    expired = not proved and row.expires_at is not None and row.expires_at <= now
    gone = row.deleted_at is not None or row.domain_deleted_at is not None
    finished = row.status in {VerificationStatus.FAILED, VerificationStatus.EXPIRED}
    unproved = row.domain_verified_at is None and row.domain_status is not DomainStatus.EXPIRED
    current = row.domain_token == row.verification_token
    return LookQuestion(
        method=row.verification_method,
        name=without_wildcard(row.full_domain),
        token=row.verification_token,
        over=expired,
        idle=gone or finished,
        base=row.domain_name,
        proved=proved,
        void=finished and unproved and current and not gone,
        attempts=row.attempts,
        domain_id=row.domain_id,
        grant=row.grant_id,
        is_held=row.holding_name is not None,
    )


def read(session: Session, leases: Sequence[Lease]) -> dict[int, LookQuestion]:
    """Return what the looks at these rows are about; nothing of rows that a newer owner has."""
    by_id = {one.id: one for one in leases}
    return {
        row.id: _question(row, by_id[row.id].now())
        for row in verification_looks.read(session, list(by_id))
        if row.fence == by_id[row.id].fence
    }
