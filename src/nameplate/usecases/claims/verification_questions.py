"""What looks at proofs are about: read for one row or a thousand, and judged by the same lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.core.names import without_wildcard
from nameplate.core.proof_life import ProofLife
from nameplate.leases import Lease
from nameplate.models import Surroundings, VerificationMethodName, verification_looks
from nameplate.models.verification_looks import LookedAt
from nameplate.ports.verification import Proof


@dataclass(frozen=True, slots=True)
class ProofStanding:
    """What is known of a proof that was seen, and of what stands around its name."""

    verified_at: datetime | None
    is_lost: bool
    around: Surroundings | None
    points_here: bool | None
    registrar: str | None
    registered_at: datetime | None
    registration_ends_at: datetime | None

    def is_as_before(self, proof: Proof, life: ProofLife, now: datetime) -> bool:
        """Whether a look that found the proof changes nothing but the time of the next one."""
        seen, known = proof.surroundings, self.around
        if self.is_lost or known is None or seen is None or self.verified_at is None:
            return False
        ends = self.registration_ends_at
        return (
            now < self.verified_at + life.reproof_at(now)
            and seen.points_here in {None, self.points_here}
            and (not seen.name_servers or seen.name_servers == known.name_servers)
            and (self.registrar, self.registered_at) == (known.registrar, known.registered_at)
            and (ends is None or ends > now)
        )


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
    standing: ProofStanding | None = None
    """Of a proof that was seen."""

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
        standing=_standing(row) if proved and row.contest_id is None else None,
    )


def _standing(row: LookedAt) -> ProofStanding:
    return ProofStanding(
        verified_at=row.verified_at,
        is_lost=row.lost_at is not None,
        around=row.surroundings,
        points_here=row.points_here,
        registrar=row.registrar,
        registered_at=row.registered_at,
        registration_ends_at=row.registration_ends_at,
    )


def read(session: Session, leases: Sequence[Lease]) -> dict[int, LookQuestion]:
    """Return what the looks at these rows are about; nothing of rows that a newer owner has."""
    by_id = {one.id: one for one in leases}
    return {
        row.id: _question(row, by_id[row.id].now())
        for row in verification_looks.read(session, list(by_id))
        if row.fence == by_id[row.id].fence
    }
