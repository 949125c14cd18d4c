"""What a look at a proof that was seen before means: still there, lost, lapsed or to be given up.

Nothing is decided about names here: `verifications` does what a phase asks for.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from nameplate.core.proof_life import DAILY, ProofLife
from nameplate.models import Domain, LossReason, Surroundings, Verification, VerificationMethodName
from nameplate.ports.verification import Proof, ProofSurroundings, Verdict

RETRY_LOST = timedelta(hours=12)
"""Between two looks at a proof that is lost."""


class ProofPhase(Enum):
    """What follows from a look."""

    THERE = "there"
    """Nothing: the next look is planned."""
    PROVED = "proved"
    """The proof counts anew, in full."""
    LOST = "lost"
    """The grace goes on."""
    LAPSED = "lapsed"
    """The grace is over: the name goes out of service."""
    RELEASED = "released"
    """The name is given up."""


WHY = {
    LossReason.PROOF_GONE: "The proof is not published any more.",
    LossReason.NAME_SERVERS_CHANGED: "The name servers have changed since the proof.",
    LossReason.REGISTRAR_CHANGED: "The registrar has changed since the proof.",
    LossReason.REGISTRATION_ENDED: "The registration has ended since the proof.",
    LossReason.REGISTERED_ANEW: "The name was registered anew since the proof.",
}
"""What is said of a loss."""


def after(
    row: Verification, domain: Domain, proof: Proof, life: ProofLife, now: datetime
) -> ProofPhase:
    """Record on the proof's own row what a look saw, and return what follows."""
    seen = proof.surroundings
    if seen is not None and seen.points_here is not None and seen.points_here != row.points_here:
        row.points_here = seen.points_here
    changed = _changed(row, domain, seen)
    if changed is not None:
        row.lose(changed, now)
    elif _is_back(row, seen):
        row.lost_reason = LossReason.PROOF_GONE
    stale = row.lost_reason is not None and row.lost_reason.needs_new_token
    if proof.verdict is Verdict.MATCH and not stale:
        return _matched(row, domain, seen, life, now)
    definite = proof.verdict is not Verdict.INCONCLUSIVE
    if definite:
        row.lose(LossReason.PROOF_GONE, now)
    row.error_message = _said(row, proof, life)
    found = _doubted(row, life, now, definite=definite)
    row.next_action_at = _next_look(row, life, now)
    return found


def _matched(
    row: Verification,
    domain: Domain,
    seen: ProofSurroundings | None,
    life: ProofLife,
    now: datetime,
) -> ProofPhase:
    known = row.surroundings or Surroundings()
    now_known = replace(
        known,
        name_servers=(seen and seen.name_servers) or known.name_servers,
        registrar=known.registrar or domain.registrar,
        registered_at=known.registered_at or domain.registered_at,
    )
    if now_known != known:
        row.surroundings = now_known
    proved_at = row.verified_at
    if row.lost_at is None and proved_at is not None and now < proved_at + life.reproof_at(now):
        row.next_action_at = next_look(row, life, now)
        row.error_message = None
        return ProofPhase.THERE
    return ProofPhase.PROVED


def next_daily(proved_at: datetime | None, life: ProofLife, now: datetime) -> datetime:
    """Return when to look again at a proof that is there."""
    return min(now + DAILY, max((proved_at or now) + life.reproof_at(now), now))


def next_look(row: Verification, life: ProofLife, now: datetime) -> datetime:
    """Return the same by its method: a code by mail is asked for only when it must be."""
    if row.verification_method is VerificationMethodName.EMAIL:
        return (row.verified_at or now) + life.reproof_at(now)
    return next_daily(row.verified_at, life, now)


def _doubted(row: Verification, life: ProofLife, now: datetime, *, definite: bool) -> ProofPhase:
    """Give notices and end periods, on definite looks only."""
    lost = row.lost_at
    if lost is None or not definite:
        return ProofPhase.LOST
    if row.lapsed_at is not None:
        return ProofPhase.RELEASED if now >= life.released_at(row.lapsed_at) else ProofPhase.LOST
    is_over = life.is_over(lost, (row.notices, row.noticed_at), now)
    if row.lost_reason is LossReason.REGISTERED_ANEW or is_over:
        if row.notices == 0:
            row.give_notice(now)
        return ProofPhase.LAPSED
    if life.notices_due(lost, now) > row.notices:
        row.give_notice(now)
    return ProofPhase.LOST


def _next_look(row: Verification, life: ProofLife, now: datetime) -> datetime:
    ends = [] if row.lost_at is None else [life.out_of_service_at(row.lost_at)]
    ends += [] if row.lapsed_at is None else [life.released_at(row.lapsed_at)]
    return min([now + RETRY_LOST, *(one for one in ends if one > now)])


def _changed(
    row: Verification, domain: Domain, seen: ProofSurroundings | None
) -> LossReason | None:
    """Return what has changed around the name since it was proved, the gravest first."""
    known = row.surroundings
    if known is None:
        return None
    since = known.registered_at or row.verified_at
    if since and domain.registered_at and domain.registered_at > since:
        return LossReason.REGISTERED_ANEW
    if _has_ended(row, domain):
        return LossReason.REGISTRATION_ENDED
    if known.registrar and domain.registrar and known.registrar != domain.registrar:
        return LossReason.REGISTRAR_CHANGED
    if seen is None or not seen.name_servers or not known.name_servers:
        return None
    is_other = not set(known.name_servers) & set(seen.name_servers)
    return LossReason.NAME_SERVERS_CHANGED if is_other else None


def _has_ended(row: Verification, domain: Domain) -> bool:
    """Tell whether the registration has ended since the proof, as far as its registry was asked since.

    What was told before the end says nothing of a renewal at the last moment.
    """
    proved_at, ended_at = row.verified_at, domain.expires_at
    observed_at = row.last_verification_attempt_at
    if not (proved_at and ended_at and observed_at and proved_at < ended_at <= observed_at):
        return False
    told = domain.registration
    return told is None or told.at is None or told.at >= ended_at


def _is_back(row: Verification, seen: ProofSurroundings | None) -> bool:
    """Tell whether the name is served by its former name servers again, and nothing else changed."""
    known = row.surroundings
    if row.lost_reason is not LossReason.NAME_SERVERS_CHANGED or known is None or seen is None:
        return False
    return bool(set(known.name_servers) & set(seen.name_servers))


def _said(row: Verification, proof: Proof, life: ProofLife) -> str:
    """Say what is wrong, and until when something may be done about it."""
    if row.lost_at is None or row.lost_reason is None:
        return proof.message
    why = proof.message if row.lost_reason is LossReason.PROOF_GONE else WHY[row.lost_reason]
    if row.lapsed_at is not None:
        return f"{why} {kept_until(row, life)}"
    return f"{why} The name stays in service until {life.out_of_service_at(row.lost_at):%Y-%m-%d}."


def kept_until(row: Verification, life: ProofLife) -> str:
    """Say until when a name out of service is kept."""
    until = life.released_at(row.lapsed_at) if row.lapsed_at else None
    return f"The name is out of service, and kept until {until:%Y-%m-%d}." if until else ""


def known_around(domain: Domain, row: Verification) -> Surroundings:
    """Return what stands around a name at the moment of its proof."""
    known = row.surroundings or Surroundings()
    return replace(known, registrar=domain.registrar, registered_at=domain.registered_at)
