"""Many looks at once: what they ask, and what found nothing written together."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import backoff
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import VerificationMethodName, verification_looks
from nameplate.models.verification_looks import FruitlessLook
from nameplate.ports.resolver import Ended, Inquiry, WideResolver
from nameplate.ports.verification import DnsMethod, Proof
from nameplate.usecases import work
from nameplate.usecases.claims import (
    corroboration,
    lapses,
    proving,
    verification_questions,
    whereabouts,
)
from nameplate.usecases.claims.verification_questions import LookQuestion
from nameplate.usecases.claims.whereabouts import Here
from nameplate.usecases.tools import Tools

_NOWHERE = Here()


@dataclass(frozen=True, slots=True)
class Look:
    """One look under way, or done."""

    lease: Lease
    question: LookQuestion


def methods(tools: Tools) -> frozenset[VerificationMethodName]:
    """Return the methods that only ask the DNS: those that one event loop may look for."""
    if not isinstance(tools.resolver, WideResolver):
        return frozenset()
    return frozenset(name for name in VerificationMethodName if _asks_dns(tools, name))


def _asks_dns(tools: Tools, name: VerificationMethodName) -> bool:
    try:
        return isinstance(tools.methods.get(name), DnsMethod)
    except Exception:  # noqa: BLE001 - a plug-in that cannot be connected says so when it is used
        return False


def read(sessions: Sessions, leases: Sequence[Lease]) -> list[Look]:
    """Return what is to be looked at; nothing of rows that a newer owner has."""
    with sessions.look() as session:
        found = verification_questions.read(session, leases)
    return [Look(one, found[one.id]) for one in leases if one.id in found]


def here(sessions: Sessions, tools: Tools) -> Here:
    """Return where the platform serves now."""
    with sessions.look() as session:
        texts = whereabouts.known_addresses(session)
    return whereabouts.here(tools, texts)


def begin(
    tools: Tools,
    looks: Sequence[tuple[Look, Hashable]],
    ended: Ended[Proof],
    place: Here = _NOWHERE,
) -> None:
    """Have the world asked for all of these; `ended` is told of each in some other thread.

    Each comes with the organization that chose the name servers. `place` is where the platform serves.
    """
    resolver = tools.resolver
    if not isinstance(resolver, WideResolver):
        raise TypeError(resolver)
    asking = {name: _asking(tools, name) for name in {look.question.method for look, _ in looks}}
    inquiries = [
        (_inquiry(asking[look.question.method], look.question, place), party)
        for look, party in looks
    ]
    resolver.inquire(inquiries, ended)


def _inquiry(method: DnsMethod, asked: LookQuestion, place: Here) -> Inquiry[Proof]:
    """Return what to ask; of a name that is proved, also what stands around it."""
    inquiry = method.inquire(asked.name, asked.token)
    return (
        whereabouts.observing(inquiry, asked.name, asked.base, place) if asked.proved else inquiry
    )


def _asking(tools: Tools, name: VerificationMethodName) -> DnsMethod:
    method = tools.methods[name]
    if not isinstance(method, DnsMethod):
        raise TypeError(method)
    return method


def is_fruitless(look: Look, proof: Proof) -> bool:
    """Tell whether a look changes nothing but the time of the next one."""
    question = look.question
    waits_for_grant = question.grant is not None and not question.is_held
    return not proof.verdict.proves and not (question.proved or waits_for_grant)


def record_fruitless(
    sessions: Sessions, tools: Tools, looks: Sequence[tuple[Look, Proof]]
) -> tuple[list[work.StepOutcome], list[tuple[Look, Proof]]]:
    """Record looks that found nothing, in one transaction with one statement for all of them.

    Returns what became of those, and the others: they have more to record, or somebody has locked
    them or their domain, or has them by now. They are concluded one by one.
    """
    written = sessions.run(PLATFORM, lambda session: _record(session, tools, looks))
    tools.checkpoint("verification:recorded")
    others = [one for one in looks if one[0].lease.id not in written]
    ended = {
        look.lease.id: told
        for look, proof in looks
        if look.lease.id in written and (told := proving.outcome(look.question, proof, taken=False))
    }
    return _logged_once(ended), others


def _logged_once(ended: Mapping[int, work.StepOutcome]) -> list[work.StepOutcome]:
    """Return outcomes by row, so that what stops a thousand looks is one line of the log."""
    said: set[str] = set()
    told = []
    for row_id, one in ended.items():
        told.append(replace(one, row_id=row_id, routine=one.routine or one.code in said))
        said.add(one.code)
    return told


def _record(session: Session, tools: Tools, looks: Sequence[tuple[Look, Proof]]) -> set[int]:
    now = max(look.lease.now() for look, _ in looks)
    rows = [
        FruitlessLook(
            row_id=look.lease.id,
            domain_id=look.question.domain_id,
            fence=look.lease.fence,
            entry=proving.log_entry(proof, now),
            message=proof.message,
            due_at=work.soon(tools, _next_look(look, proof, now), now),
        )
        for look, proof in looks
    ]
    return verification_looks.write(session, rows, now)


def _next_look(look: Look, proof: Proof, now: datetime) -> datetime:
    unable = corroboration.is_unable(proof)
    return backoff.next_look(look.question.attempts + 1, now, unable=unable)


def is_as_before(tools: Tools, look: Look, proof: Proof) -> bool:
    """Tell whether a proof is where it was, and nothing else has changed."""
    standing = look.question.standing
    if standing is None or not proof.verdict.proves:
        return False
    return standing.is_as_before(proof, tools.proof_life, look.lease.now())


def record_kept(
    sessions: Sessions, tools: Tools, looks: Sequence[tuple[Look, Proof]]
) -> tuple[list[work.StepOutcome], list[tuple[Look, Proof]]]:
    """Record looks that found everything as it was; return nothing to count, and the others."""
    written = sessions.run(PLATFORM, lambda session: _keep(session, tools, looks))
    return [], [one for one in looks if one[0].lease.id not in written]


def _keep(session: Session, tools: Tools, looks: Sequence[tuple[Look, Proof]]) -> set[int]:
    now = max(look.lease.now() for look, _ in looks)
    due = {
        look.lease.id: lapses.next_daily(look.question.standing.verified_at, tools.proof_life, now)
        for look, _ in looks
        if look.question.standing is not None
    }
    fences = {look.lease.id: look.lease.fence for look, _ in looks}
    return verification_looks.keep(session, fences, due, now)
