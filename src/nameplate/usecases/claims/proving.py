"""Proving control of a name: one worker's looks, what they prove, and what becomes of a lost proof."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import backoff
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions, lock_name
from nameplate.leases import DueRow, Lease
from nameplate.models import (
    Domain,
    HoldingScope,
    LossReason,
    NameGrant,
    ReleaseReason,
    Verification,
    VerificationMethodName,
)
from nameplate.models.orm import utc_now
from nameplate.models.telling import tell
from nameplate.ports.resolver import carry_out
from nameplate.ports.verification import ANSWERED_BY_PLATFORM, MailedProofMethod, Proof
from nameplate.usecases import work
from nameplate.usecases.claims import (
    corroboration,
    holdings,
    hosted_answers,
    incumbents,
    lapses,
    lent_holdings,
    mailed_codes,
    platform_edges,
    quarantine,
    verifications,
    whereabouts,
)
from nameplate.usecases.claims import verification_questions as questions
from nameplate.usecases.claims.lapses import ProofPhase
from nameplate.usecases.claims.verification_questions import LookQuestion
from nameplate.usecases.dns import pointing
from nameplate.usecases.tools import Tools

MAIL = "mail"
"""What codes by mail wait for: the operator's mail server."""
_EMAIL = VerificationMethodName.EMAIL
_OVER = (VerificationStatus.EXPIRED, VerificationStatus.FAILED)


def peer(row: Verification | DueRow, _authority: work.Authority) -> str:
    """Return whom a look waits for: the name servers that the organization chose, or the mail server.

    Of a row that is due only the last step's word is known.
    """
    mailed = isinstance(row, Verification) and row.verification_method is _EMAIL
    if mailed or row.waits_for == MAIL:
        return MAIL
    return f"resolvers:{row.organization_id}"


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> work.StepOutcome | None:
    """Look once at what one verification waits for, and record what was seen.

    A proof that is not there yet is routine; one that is gone, or for a name in use, is not.
    """
    with sessions.look() as session:
        question = questions.read(session, [lease]).get(lease.id)
    if question is None:
        raise work.Superseded
    if not question.is_open:
        return close(sessions, tools, lease, question)
    proof = _look(sessions, tools, lease, question)
    if corroboration.is_needed(tools, question, proof):
        with work.kept(sessions, Verification, lease):
            proof = corroboration.corroborated(tools, question, proof)
    tools.checkpoint("verification:checked")
    return conclude(sessions, tools, lease, question, proof)


def close(
    sessions: Sessions, tools: Tools, lease: Lease, question: LookQuestion
) -> work.StepOutcome | None:
    """End what is not to be looked at any more."""
    work.record(
        sessions,
        Verification,
        lease,
        lambda s, row: _close(s, tools, row, question, lease.now()),
        release=True,
        before=(lambda session: lock_name(session, question.base)) if question.over else None,
    )
    expired = question.over and not question.idle
    return work.StepOutcome("verification_expired") if expired else None


def conclude(
    sessions: Sessions, tools: Tools, lease: Lease, question: LookQuestion, proof: Proof
) -> work.StepOutcome | None:
    """Record what one look saw, and whatever follows from it."""
    decides = question.proved or proof.verdict.proves
    taken = work.record(
        sessions,
        Verification,
        lease,
        lambda s, row: _conclude(s, tools, row, proof, lease.now()),
        release=True,
        before=(lambda session: lock_name(session, question.base)) if decides else None,
    )
    tools.checkpoint("verification:recorded")
    return outcome(question, proof, taken=taken)


def outcome(question: LookQuestion, proof: Proof, *, taken: bool) -> work.StepOutcome | None:
    """Return what a look is counted as."""
    if not proof.verdict.proves:
        routine = not (question.proved or corroboration.is_unable(proof))
        return work.StepOutcome(proof.reason, routine=routine)
    return None if taken else work.StepOutcome("name_in_use")


def _look(sessions: Sessions, tools: Tools, lease: Lease, question: LookQuestion) -> Proof:
    method, name, token = tools.methods[question.method], question.name, question.token
    if isinstance(method, MailedProofMethod):
        return mailed_codes.look(sessions, tools, lease, method, name=name, token=token)
    proof = method.check(name, token)
    if proof.servers and proof.verdict.proves:
        with sessions.look() as session:
            proof = hosted_answers.judged(session, proof)
    unanswered = proof.reason.endswith("_unreachable")
    if not (question.proved or unanswered):
        return proof
    with sessions.look() as session:
        servers = whereabouts.known_addresses(session)
    place = whereabouts.here(tools, servers)
    if unanswered and any(map(place.has, tools.resolver.addresses(name))):
        verdict, reason, message = ANSWERED_BY_PLATFORM
        proof = replace(proof, verdict=verdict, reason=reason, message=message)
    if not question.proved:
        return proof
    return carry_out(whereabouts.around(proof, name, question.base, place), tools.resolver)


def _close(
    session: Session, tools: Tools, row: Verification, question: LookQuestion, now: datetime
) -> None:
    row.next_action_at = None
    if question.void:
        domain = session.get_one(Domain, row.organization_domain_id)
        verifications.create(session, tools, domain, row.verification_method.value)
    if question.idle:
        _look_at_grants(session, NameGrant.base == question.base)
        return
    domain = session.get_one(Domain, row.organization_domain_id)
    row.expire("The token was not seen within seven days. Add a new verification to try again.")
    session.flush()
    if domain.status is DomainStatus.PENDING_VERIFICATION and not _is_open(session, domain):
        domain.expire("Ownership was not proved within seven days.")
        return
    lapsed = holdings.forfeit(session, domain) if not _is_open(session, domain) else None
    if lapsed is None:
        return
    if not holdings.settle(session, domain):
        domain.lapse("The name was not proved in time after its transfer.")
        lapsed = [domain, *lapsed]
    verifications.prove_anew(session, tools, lapsed, now)
    verifications.wake_dependents(session, domain, now, urgent=True)


def _is_open(session: Session, domain: Domain) -> bool:
    """Tell whether a token of the claim can prove it yet."""
    return session.scalars(verifications.tokens_of(domain).limit(1)).first() is not None


def _conclude(
    session: Session, tools: Tools, row: Verification, proof: Proof, now: datetime
) -> bool:
    """Record a look; tell whether the name is held by it."""
    domain = session.get_one(Domain, row.organization_domain_id)  # locked before the row
    is_gone = row.deleted_at is not None or domain.deleted_at is not None
    if row.status in _OVER or is_gone:  # it was replaced, proved or removed during the look
        row.next_action_at = None
        return True
    note(row, domain, proof, now)
    if domain.grant_id is not None and domain.holding_name is None:
        _look_at_grants(session, NameGrant.id == domain.grant_id)
    if row.status is VerificationStatus.VERIFIED:
        return _look_again(session, tools, row, domain, proof=proof, now=now)
    if proof.verdict.proves:
        return prove(session, tools, row, domain, now)
    row.error_message = proof.message
    later = backoff.next_look(row.verification_attempts, now, unable=corroboration.is_unable(proof))
    row.next_action_at = work.soon(tools, later, now)
    return False


def _look_at_grants(session: Session, which: sa.ColumnElement[bool]) -> None:
    """Have grants looked at that a claim is to rest on, or that it stood in the way of."""
    session.execute(
        NameGrant.waking(utc_now()).where(which),
        execution_options={"synchronize_session": False},
    )


def note(row: Verification, domain: Domain, proof: Proof, now: datetime) -> None:
    """Record that there was a look, and what it saw."""
    row.look(log_entry(proof, now), now)
    if row.status is VerificationStatus.PENDING:
        row.start()
    domain.last_checked_at = now


def log_entry(proof: Proof, now: datetime) -> dict[str, Any]:
    """Return what `verification_logs` says of a look."""
    return {
        "at": now.isoformat(),
        "verdict": proof.verdict.value,
        "reason": proof.reason,
        "message": proof.message,
        "observed": list(proof.observed),
    }


def prove(session: Session, tools: Tools, row: Verification, domain: Domain, now: datetime) -> bool:
    """Let a claim hold its name by a proof that was seen; tell whether it does.

    Who stands in the way of a proof by DNS is challenged.
    """
    is_own = bool(platform_edges.protected(session, tools, [domain]))
    if is_own or not domain.is_approved:
        told = (
            platform_edges.TOLD if is_own else domain.suffix_denial
        ) or "The proof is seen. The platform's operator must approve the name."
        waits = "approval_denied" if domain.suffix_denial else "approval_waiting"
        row.refuse("name_platform" if is_own else waits, told)
        domain.error_message = told
        row.next_action_at = work.soon(
            tools, backoff.next_look(row.verification_attempts, now), now
        )
        return False
    subtree = reaches_subtree(tools, row, domain)
    is_first = row.status is not VerificationStatus.VERIFIED
    try:
        if is_first:
            by_dns = verifications.proves_subtree(tools, row.verification_method)
            quarantine.check(session, row, domain, by_dns=by_dns, subtree=subtree)
        with session.begin_nested():
            lapsed = lent_holdings.make_way(session, domain, now)
            holdings.take(session, domain, subtree=subtree, now=now)
    except Conflict as error:
        _refuse(session, tools, row, domain, error, subtree=subtree, now=now)
        return False
    incumbents.answered(session, domain, now)
    verifications.prove_anew(session, tools, lapsed, now)
    if is_first:
        quarantine.end_taken(session, domain, subtree=subtree)
    holdings.look_at_grants(session, domain)
    others = verifications.open_of(session, [domain])
    succeed(tools, row, domain, others, subtree=subtree, now=now)
    pointing.of_domain(session, domain, now)
    verifications.wake_dependents(session, domain, now)
    return True


def _refuse(
    session: Session,
    tools: Tools,
    row: Verification,
    domain: Domain,
    error: Conflict,
    *,
    subtree: bool,
    now: datetime,
) -> None:
    """Say why a proof that is seen takes no name; a token from before a release gives way to a new one."""
    if error.code == quarantine.OLD_TOKEN:
        row.expire(error.detail)
        row.error_message = domain.error_message = error.detail
        row.next_action_at = None
        verifications.create(session, tools, domain, row.verification_method.value)
        return
    told = incumbents.challenge(session, row, domain, error, now) if subtree else error.detail
    row.refuse(error.code, told)
    domain.error_message = told
    row.next_action_at = work.soon(tools, backoff.next_look(row.verification_attempts, now), now)


def reaches_subtree(tools: Tools, row: Verification, domain: Domain) -> bool:
    """Tell whether a proof of the domain reaches everything below it."""
    return verifications.proves_subtree(tools, row.verification_method) and not domain.is_suffix


def succeed(
    tools: Tools,
    row: Verification,
    domain: Domain,
    others: Sequence[Verification],
    *,
    subtree: bool,
    now: datetime,
) -> None:
    """Record that the domain is proved and held, and when the proof is looked at again.

    `others` are those that can prove it yet.
    """
    if row.status is not VerificationStatus.VERIFIED:
        _first(tools, row, domain, others, subtree=subtree)
    row.succeed(HoldingScope.SUBTREE if subtree else HoldingScope.EXACT, now)
    row.surroundings = lapses.known_around(domain, row)
    row.next_action_at = lapses.next_look(row, tools.proof_life, now)
    domain.verify(now, tools.proof_life.until(now))


def _first(
    tools: Tools,
    row: Verification,
    domain: Domain,
    others: Sequence[Verification],
    *,
    subtree: bool,
) -> None:
    """Let the claim be known by the proof that matched first, and end others that reach no further."""
    domain.verification_method = row.verification_method.value
    domain.verification_token = row.verification_token
    for other in others:
        wider = not subtree and verifications.proves_subtree(tools, other.verification_method)
        if other is not row and not wider:
            other.expire(f"The domain was proved by {row.verification_method.value}.")
            other.next_action_at = None


def _look_again(
    session: Session,
    tools: Tools,
    row: Verification,
    domain: Domain,
    *,
    proof: Proof,
    now: datetime,
) -> bool:
    """Record a look at a proof that was seen before; tell whether the name is held by it."""
    asked = row.lost_reason is not None and row.lost_reason.needs_new_token
    phase = lapses.after(row, domain, proof, tools.proof_life, now)
    if phase is ProofPhase.PROVED:
        return prove(session, tools, row, domain, now)
    if phase is ProofPhase.THERE and domain.contest_id is not None:
        incumbents.answered(session, domain, now)
    if row.lost_reason is not None and row.lost_reason.needs_new_token and not asked:
        verifications.ask_anew(session, tools, domain, row)
    if phase is ProofPhase.LAPSED:
        _lapse(session, tools, row, domain, now)
    elif phase is ProofPhase.RELEASED:
        _give_up(session, tools, row, domain, now)
    return phase is ProofPhase.THERE or proof.verdict.proves


def _lapse(
    session: Session, tools: Tools, row: Verification, domain: Domain, now: datetime
) -> None:
    """Take a name out of service whose proof is lost for good, and keep it for its holder."""
    row.lapse(now)
    why = lapses.WHY[row.lost_reason or LossReason.PROOF_GONE]
    row.error_message = f"{why} {lapses.kept_until(row, tools.proof_life)}"
    row.next_action_at = min(now + lapses.RETRY_LOST, tools.proof_life.released_at(now))
    lapsed = holdings.lapse(session, domain, now)
    if holdings.settle(session, domain):
        row.fail(f"{why} Another proof counts.")
        row.next_action_at = None
        lapsed = [*lapsed, *holdings.review(session, domain)]  # held by what is above: not kept
    else:
        domain.lapse(row.error_message)
    verifications.prove_anew(session, tools, lapsed, now)
    verifications.wake_dependents(session, domain, now, urgent=True)


def _give_up(
    session: Session, tools: Tools, row: Verification, domain: Domain, now: datetime
) -> None:
    """Release a name that nobody proved again in time."""
    row.fail("The name was released: it was not proved again in time.")
    row.next_action_at = None
    if domain.holding_name is not None:  # by a proof that was seen since: nothing else ends
        return
    verifications.prove_anew(session, tools, holdings.review(session, domain), now)
    tell(session, "domain.released", domain, reason=ReleaseReason.LAPSED.value)
    verifications.renew(session, tools, domain)
    domain.error_message = row.error_message
    verifications.wake_dependents(session, domain, now, urgent=True)
