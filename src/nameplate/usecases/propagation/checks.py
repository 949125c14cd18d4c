"""Whether the Internet sees our records: every authoritative server is asked, set by set."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import RecordStatus
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease, seen_together
from nameplate.models import Domain, Observation, ObservedRecord, Record
from nameplate.ports.resolver import Answer, LookupResult
from nameplate.usecases import work
from nameplate.usecases.dns import records
from nameplate.usecases.propagation import delegation, observations
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

PARALLEL = 32
TOGETHER = 50
"""Records in one transaction: their locks are held until it ends."""
AT_MOST_EVERY = timedelta(seconds=5)
"""Looks that callers ask for: the servers are other people's."""
WATCH = timedelta(seconds=30)
"""How often one of the records of a domain that are not seen is looked at, whatever their back-off."""


@dataclass(frozen=True, slots=True)
class _RecordQuestion:
    target: ObservedRecord
    value: str
    delegation: delegation.Question | None


@dataclass(frozen=True, slots=True)
class View:
    """A record and what was seen of it."""

    record: Record
    look: Observation | None
    """The last check; None if the current value has not been checked."""
    now: datetime


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> None:
    """Ask once for each record set of the leased records, and record what was seen."""
    label = _label(tools)
    questions: list[tuple[Lease, _RecordQuestion]] = []
    idle: list[Lease] = []
    with sessions.look() as session:
        rows = seen_together(session, Record, leases)
        domains = _domains(session, [row for _, row in rows])
        for lease, row in rows:
            found = _question(session, row, label=label, now=lease.now())
            if found is None:
                idle.append(lease)
            else:
                questions.append((lease, found))
        del domains  # until here the session knew them
    work.record_together(sessions, Record, idle, _rest, release=lambda _: True)
    with ThreadPoolExecutor(PARALLEL) as pool:
        asked = _Asked(tools, pool, [question for _, question in questions])
        looks: dict[Lease, Observation] = {}
        for lease, question in questions:
            finding, public = asked.answers(question.target)
            looks[lease] = observations.judge(
                question.target, question.value, finding, public, lease.now()
            )
        _conclude(sessions, tools, looks)
        delegation.note(sessions, asked.delegations())


def show(session: Session, actor: Actor, reference: str) -> View:
    """Return the last look at a record."""
    row = records.get(session, actor, reference)
    return View(row, row.propagation, database_now(session))


def check(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> View:
    """Look at a record now and return what was seen; a look of a moment ago is returned as it is.

    Raises `Conflict` ("record_not_published") while the provider does not have the record.
    """
    with sessions.begin(actor, read_only=True) as session:
        last = show(session, actor, reference)
        question = _question(session, last.record, label=_label(tools), now=last.now)
    if question is None:
        raise Conflict(
            "record_not_published",
            f"The record is {last.record.status.value}. The DNS provider does not have it yet.",
        )
    if last.look is not None and last.now - last.look.at < AT_MOST_EVERY:
        return last
    with ThreadPoolExecutor(3) as pool:
        asked = _Asked(tools, pool, [question])
        finding, public = asked.answers(question.target)
        delegations = list(asked.delegations())
    delegation.note(sessions, delegations)

    def change(session: Session) -> View:
        row = records.get(session, actor, reference)
        session.refresh(row, with_for_update={"key_share": True})
        now = database_now(session)
        look = observations.judge(question.target, question.value, finding, public, now)
        if row.status is RecordStatus.ACTIVE and records.text(row) == question.value:
            seen: set[str] = set()
            row.wake(_see(session, tools, row, look, now, seen))
            work.wake_all_waiting(session, seen, now)
        return View(row, look, now)

    return sessions.run(actor, change)


def _label(tools: Tools) -> str:
    """Return a label that nobody publishes and no cache knows."""
    return f"nameplate-{tools.random(5).hex()}"


def _question(
    session: Session, row: Record, *, label: str, now: datetime
) -> _RecordQuestion | None:
    if row.deleted_at is not None or row.status is not RecordStatus.ACTIVE:
        return None
    domain = session.get_one(Domain, row.organization_domain_id)
    target = observations.target(
        records.owner(row, domain), row.record_type.value, proxied=row.proxy_enabled, label=label
    )
    doubtful = not row.propagated
    return _RecordQuestion(
        target,
        records.text(row),
        delegation.question(session, domain, now, doubtful=doubtful),
    )


def _domains(session: Session, rows: Sequence[Record]) -> Sequence[Domain]:
    """Return the domains of records, read at once."""
    ids_ = {row.organization_domain_id for row in rows}
    return session.scalars(Domain.visible(PLATFORM).where(Domain.id.in_(ids_))).all()


def _rest(_session: Session, leased: Sequence[tuple[Lease, Record]]) -> list[None]:
    for _, row in leased:
        row.next_action_at = None
    return [None] * len(leased)


class _Asked:
    """Questions on their way: each record set and each delegation once, all at the same time."""

    def __init__(
        self, tools: Tools, pool: ThreadPoolExecutor, questions: Sequence[_RecordQuestion]
    ) -> None:
        resolver = tools.resolver
        targets = sorted({question.target for question in questions})
        domains = {
            question.delegation.domain_id: question.delegation
            for question in questions
            if question.delegation is not None
        }
        self._authoritative: Mapping[ObservedRecord, Future[LookupResult]] = {
            one: pool.submit(resolver.authoritative, one.name, one.type, delegated=True)
            for one in targets
        }
        self._public: Mapping[ObservedRecord, Future[tuple[Answer, ...]]] = {
            one: pool.submit(resolver.public, one.name, one.type) for one in targets
        }
        self._delegations = [
            pool.submit(delegation.ask, tools, one) for _, one in sorted(domains.items())
        ]

    def answers(self, target: ObservedRecord) -> tuple[LookupResult, tuple[Answer, ...]]:
        return self._authoritative[target].result(), self._public[target].result()

    def delegations(self) -> Iterable[delegation.Answered]:
        return (future.result() for future in self._delegations)


def _conclude(sessions: Sessions, tools: Tools, looks: Mapping[Lease, Observation]) -> None:
    """Record what was seen, of some records in each transaction."""

    def change(session: Session, leased: Sequence[tuple[Lease, Record]]) -> list[None]:
        domains = _domains(session, [row for _, row in leased])
        seen: set[str] = set()
        for lease, row in leased:
            row.next_action_at = _see(session, tools, row, looks[lease], lease.now(), seen)
        work.wake_all_waiting(session, seen, leased[0][0].now())
        del domains  # until here the session knew them
        return [None] * len(leased)

    leases = list(looks)
    for start in range(0, len(leases), TOGETHER):
        some = leases[start : start + TOGETHER]
        work.record_together(sessions, Record, some, change, release=lambda _: True)


def _see(  # noqa: PLR0917 - what every step is given, and what was seen
    session: Session,
    tools: Tools,
    row: Record,
    look: Observation,
    now: datetime,
    seen: set[str],
) -> datetime:
    """Record a look and return when the next one is due.

    Who waits for what is seen at last is added to `seen`.
    """
    before, last = row.propagated, row.propagation
    same = last is not None and last.everywhere is look.everywhere
    everywhere = look.confirms(before=before, doubts=row.attempts if same else 0)
    complete = look.everywhere and not look.old
    row.see(look, everywhere=everywhere, now=now)
    if complete or (everywhere and not before):
        row.attempts = 0
    else:
        row.attempts = row.attempts + 1 if same else 1
    row.error_message = None if everywhere else look.sentence(now)
    peer = f"domain:{row.organization_domain_id}"
    row.waits_for = None if look.everywhere else peer
    if everywhere and not before:
        seen.add(peer)
    _tell(session, row, look, before=before, now=now)
    due = now + look.wait(attempts=row.attempts)
    if complete:
        return due
    return work.soon(tools, work.watched(session, Record, row, due, now, every=WATCH), now)


def _tell(session: Session, row: Record, look: Observation, *, before: bool, now: datetime) -> None:
    """Say what is seen no more, or where nobody answers; have the zone read when it was changed."""
    domain = session.get_one(Domain, row.organization_domain_id)
    is_lost = before and not row.propagated
    is_mute = not row.propagated and look.is_silent and row.attempts == 1
    if is_lost or is_mute:
        log.warning(
            "record_unseen" if is_lost else "name_servers_silent",
            extra={
                "record": ids.show("rec", row.id),
                "domain": domain.full_domain,
                "reason": look.sentence(now),
            },
        )
    is_back = row.propagated and domain.drift is not None
    if (is_lost and look.denied) or (is_back and not before):
        session.flush()
        session.execute(
            Domain.waking(now).where(Domain.id == domain.id),
            execution_options={"synchronize_session": False},
        )
