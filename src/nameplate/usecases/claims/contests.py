"""One worker's look at a challenge: whether the holder and the challenger still prove the name.

Two definite failures of every proof in the way, a day apart, give the name to the challenger, if its own
proof is there each time; one match refuses it. What is not definite counts for neither side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import VerificationStatus
from nameplate.core.names import without_wildcard
from nameplate.db import Sessions, database_now, lock_name
from nameplate.leases import Lease
from nameplate.models import (
    ChallengeStatus,
    Domain,
    HoldingBasis,
    NameChallenge,
    NameHolding,
    Verification,
    VerificationMethodName,
    telling,
)
from nameplate.ports.verification import MailedProofMethod, Verdict
from nameplate.usecases import lookup, work
from nameplate.usecases.claims import corroboration, handovers, incumbents, proving
from nameplate.usecases.tools import Tools

RETRY = timedelta(hours=1)
"""When what gave no definite answer is looked at again."""
_DEFINITE = (Verdict.ABSENT, Verdict.MISMATCH)
_CURRENT = (VerificationStatus.PENDING, VerificationStatus.VERIFYING, VerificationStatus.VERIFIED)


@dataclass(frozen=True, slots=True)
class Token:
    """One proof to look for."""

    method: VerificationMethodName
    name: str
    token: str
    proved: bool = True
    """That it is gone counts, as for every proof that was there."""


@dataclass(frozen=True, slots=True)
class Incumbent:
    """One holding in the way, with every proof of it."""

    name: str
    organization_id: int
    tokens: tuple[Token, ...]
    is_unproved: bool
    """Another organization gave the name, and it was not proved since."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What one look at a challenge is about."""

    base: str
    is_open: bool
    own: Token | None
    """The challenger's proof; None: it is worth nothing any more."""
    against: tuple[Incumbent, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look came to."""

    challenger: Verdict
    incumbents: Verdict
    """MATCH: one of them proves its name. ABSENT: all proofs of all are definitely gone."""
    can_fail: bool
    """Each of them has a proof that can be looked for."""


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Look once at all proofs of one challenge, and decide what they decide."""
    contest = work.read(sessions, NameChallenge, lease, _contest)
    with work.kept(sessions, NameChallenge, lease):
        found = _look(tools, contest)

    def decide(session: Session, row: NameChallenge) -> None:
        now = lease.now()
        row.next_action_at = None
        if _contest(session, row) != contest:  # it changed during the look
            row.next_action_at = now
        elif row.is_open:
            _decide(session, tools, row, contest, found, now)

    work.record(
        sessions,
        NameChallenge,
        lease,
        decide,
        release=True,
        before=lambda session: lock_name(session, contest.base),
    )


def _contest(session: Session, row: NameChallenge) -> Contest:
    domain = session.get_one(Domain, row.organization_domain_id)
    proof = session.get(Verification, row.domain_verification_id)
    own = None
    if domain.deleted_at is None and proof is not None and proof.deleted_at is None:
        own = _token(proof, row.name) if proof.status in _CURRENT else None
    found = incumbents.in_the_way(session, domain, subtree=True) if row.is_open else []
    return Contest(row.base, row.is_open, own, tuple(_incumbents(session, found)))


def _incumbents(session: Session, found: Sequence[NameHolding]) -> list[Incumbent]:
    """Return whose proofs decide: what is lent stands and falls with its lender's."""
    alone = [row for row in found if row.grant_id is None]
    return [_incumbent(session, row) for row in alone or found]


def _incumbent(session: Session, row: NameHolding) -> Incumbent:
    claim = session.get_one(Domain, row.organization_domain_id)
    if claim.platform_suspension is not None:  # a new organization must not shake it off
        return Incumbent(row.name, row.organization_id, (), is_unproved=False)
    tokens = tuple(_token(one, row.name) for one in incumbents.proofs(session, row))
    is_unproved = row.basis is HoldingBasis.TRANSFER
    return Incumbent(row.name, row.organization_id, tokens, is_unproved)


def _token(row: Verification, name: str) -> Token:
    return Token(row.verification_method, without_wildcard(name), row.verification_token)


def _look(tools: Tools, contest: Contest) -> Findings:
    if not contest.is_open or contest.own is None:
        return Findings(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, can_fail=False)
    can_fail = all(
        any(_is_seen(tools, token) for token in one.tokens) or _is_bare(one)
        for one in contest.against
    )
    challenger = _verdict(tools, contest.own)
    verdicts = []
    for one in contest.against:
        verdict = _of_all([_verdict(tools, token) for token in one.tokens])
        verdict = Verdict.ABSENT if _is_bare(one) else verdict
        verdicts.append(verdict)
        if verdict is Verdict.MATCH:
            break
    return Findings(challenger, _of_all(verdicts), can_fail)


def _is_bare(one: Incumbent) -> bool:
    """Tell whether a holding has nothing to show, and must have: a gift proves nothing."""
    return one.is_unproved and not one.tokens


def _is_seen(tools: Tools, token: Token) -> bool:
    """Tell whether a proof is one that can be looked for, which a code by mail is not."""
    return not isinstance(tools.methods[token.method], MailedProofMethod)


def _verdict(tools: Tools, token: Token) -> Verdict:
    if not _is_seen(tools, token):
        return Verdict.INCONCLUSIVE
    try:
        proof = tools.methods[token.method].check(token.name, token.token)
        return corroboration.corroborated(tools, token, proof).verdict
    except NameplateError:
        return Verdict.INCONCLUSIVE


def _of_all(verdicts: Sequence[Verdict]) -> Verdict:
    if Verdict.MATCH in verdicts:
        return Verdict.MATCH
    gone = bool(verdicts) and all(one in _DEFINITE for one in verdicts)
    return Verdict.ABSENT if gone else Verdict.INCONCLUSIVE


def _decide(  # noqa: PLR0917 - one row, and what was seen of it
    session: Session,
    tools: Tools,
    row: NameChallenge,
    contest: Contest,
    found: Findings,
    now: datetime,
) -> None:
    refused = _refused(row, contest, found, now)
    if refused is not None:
        incumbents.end(session, row, ChallengeStatus.REFUSED, refused, now)
        return
    if not contest.against:
        _give(session, tools, row, (), now)
        return
    blocking = _blocking(session, row)
    if Verdict.INCONCLUSIVE in {found.challenger, found.incumbents}:
        row.next_action_at = now + RETRY
        if row.first_failed_at is None:
            row.decides_at = now + RETRY + incumbents.WAIT
    elif row.first_failed_at is None or any(one.held_at > row.first_failed_at for one in blocking):
        row.first_failed_at, row.decides_at = now, now + incumbents.WAIT
        row.next_action_at = row.decides_at
    elif now - row.first_failed_at < incumbents.WAIT:
        row.next_action_at = row.decides_at
    else:
        _give(session, tools, row, blocking, now)
        return
    incumbents.mark(session, row, blocking)
    session.get_one(Domain, row.organization_domain_id).contested_until = row.decides_at


def _refused(row: NameChallenge, contest: Contest, found: Findings, now: datetime) -> str | None:
    """Return why a challenge fails, None when it does not, or not yet."""
    if contest.own is None:
        return "challenger_gone"
    if found.challenger in _DEFINITE:
        return "challenger_unproved"
    if found.incumbents is Verdict.MATCH:
        return "incumbent_proved"
    unclear = Verdict.INCONCLUSIVE in {found.challenger, found.incumbents}
    too_late = now > row.created_at + incumbents.WAIT + incumbents.PATIENCE
    if contest.against and (not found.can_fail or (unclear and too_late)):
        return "incumbent_unclear"
    return None


def _blocking(session: Session, row: NameChallenge) -> list[NameHolding]:
    domain = session.get_one(Domain, row.organization_domain_id)
    return incumbents.in_the_way(session, domain, subtree=True)


def _give(
    session: Session,
    tools: Tools,
    row: NameChallenge,
    blocking: Sequence[NameHolding],
    now: datetime,
) -> None:
    """Let the challenger hold the name, in the transaction in which its holders lose it."""
    savepoint = session.begin_nested()
    session.connection()
    incumbents.end(
        session, row, ChallengeStatus.WON, "incumbent_unproved" if blocking else "name_free", now
    )
    for one in blocking:
        if one.grant_id is None:
            handovers.dispossess(
                session, tools, one, now, incumbents.OUTCOMES["incumbent_unproved"]
            )
    domain = session.get_one(Domain, row.organization_domain_id)
    proof = session.get_one(Verification, row.domain_verification_id)
    if proving.prove(session, tools, proof, domain, now):
        telling.tell(session, "domain.transferred", domain, by="challenge")
        savepoint.commit()
        return
    savepoint.rollback()  # an agreement of others that no proof decides about
    incumbents.end(session, row, ChallengeStatus.REFUSED, "incumbent_unclear", now)


def get(session: Session, actor: Actor, reference: str) -> NameChallenge:
    """Return a challenge that the actor's organization opened. Raises NotFound."""
    row: NameChallenge = lookup.find(
        session, NameChallenge.visible(actor), NameChallenge, Prefix.CHALLENGE, reference
    )
    return row


def page(
    session: Session, actor: Actor, *, limit: int, after: int | None = None
) -> Sequence[NameChallenge]:
    """Return up to `limit` + 1 challenges, in order of their ids."""
    found = NameChallenge.visible(actor)
    return lookup.page(session, found, NameChallenge, limit=limit, after=after)


def withdraw(sessions: Sessions, actor: Actor, reference: str) -> NameChallenge:
    """End a challenge that the actor's organization opened; ended ones stay as they are."""
    with sessions.look() as session:
        found = get(session, actor, reference)

    def change(session: Session) -> NameChallenge:
        lock_name(session, found.base)
        row = session.get_one(NameChallenge, found.id, with_for_update=True)
        incumbents.end(session, row, ChallengeStatus.WITHDRAWN, "withdrawn", database_now(session))
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(PLATFORM, change)
