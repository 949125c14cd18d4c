"""Asking registries about held names: registrar, dates, holds, and whether the name is registered still.

A registrable domain is asked about once for everybody who holds a name at or below it, once a day at
most. Only an answer of the registry changes anything: no answer, whatever the reason, is no lapse.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import registration
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import VerificationStatus
from nameplate.core.registered import RegistryEntry
from nameplate.core.registration import DAILY
from nameplate.db import Sessions, database_now, lock_name, upsert
from nameplate.models import Domain, KnownRegistration, RegistrationWatch, Verification
from nameplate.ports.registration_data import RegistrationLook, RegistryAnswer
from nameplate.usecases.tools import Tools

GONE_AFTER = 3
"""How many daily looks must find nothing before a name counts as not registered any more."""
_UNSUPPORTED = timedelta(days=30)
_SAME_MOMENT = timedelta(hours=36)
_KEPT = timedelta(days=30)
_POSTPONED = timedelta(minutes=5)
_PLANNED_AT_ONCE = 1000
_FIRST_WITHIN = 600
_SPREAD = 0.1
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class DueLook:
    """A domain that is to be asked about now."""

    name: str
    attempts: int
    known: KnownRegistration | None


def plan_ahead(session: Session, now: datetime) -> None:
    """Have every held domain watched; who came later learns at once what is known already."""
    held = Domain.visible(PLATFORM).where(Domain.holding_name.is_not(None))
    watched = sa.exists().where(RegistrationWatch.name == Domain.domain_name)
    new = held.where(~watched).with_only_columns(Domain.domain_name).distinct()
    rows = [
        {"name": name, "next_look_at": now + timedelta(seconds=number % _FIRST_WITHIN),
         "attempts": 0, "known": None}
        for number, name in enumerate(session.scalars(new.limit(_PLANNED_AT_ONCE)))
    ]  # fmt: skip
    if rows:
        upsert(session, RegistrationWatch, rows)
    ignorant = held.join(RegistrationWatch, RegistrationWatch.name == Domain.domain_name).where(
        Domain.registration.is_(None), RegistrationWatch.known.is_not(None)
    )
    found = ignorant.with_only_columns(Domain.domain_name).distinct().limit(_PLANNED_AT_ONCE)
    for name in session.scalars(found).all():
        row = session.get(RegistrationWatch, name)
        if row is not None and row.known is not None:
            _tell(session, name, row.known, now)


def forget_old(session: Session, now: datetime) -> None:
    """Forget domains that nobody holds any more, so late that none is asked about twice a day."""
    held = sa.exists().where(
        Domain.domain_name == RegistrationWatch.name,
        Domain.holding_name.is_not(None),
        Domain.deleted_at.is_(None),
    )
    session.execute(
        RegistrationWatch.forgetting(now - _KEPT).where(~held),
        execution_options={"synchronize_session": False},
    )


def due(session: Session, most: int) -> Sequence[DueLook]:
    """Return up to `most` domains that are due, and plan the next look; the caller commits.

    That is planned before the registry is asked: a worker that dies costs a day and no second query.
    """
    now = database_now(session)
    held = sa.exists().where(
        Domain.domain_name == RegistrationWatch.name,
        Domain.holding_name.is_not(None),
        Domain.deleted_at.is_(None),
    )
    query = sa.select(RegistrationWatch).where(RegistrationWatch.next_look_at <= now, held)
    query = query.order_by(RegistrationWatch.next_look_at).limit(most)
    rows = session.scalars(query.with_for_update(skip_locked=True)).all()
    for one in rows:
        one.next_look_at = now + DAILY
    return [DueLook(one.name, one.attempts, one.known) for one in rows]


def note(sessions: Sessions, tools: Tools, asked: DueLook, look: RegistrationLook) -> bool:
    """Keep what a look has found; tell whether it was something else than before."""

    def change(session: Session) -> bool:
        now = database_now(session)
        lock_name(session, asked.name)
        row = session.get(RegistrationWatch, asked.name, with_for_update=True)
        if row is None:
            return False
        known = _known(row.known, look, now)
        if known is None:
            row.attempts += look.was_asked
            row.next_look_at = now + _pause(row, look)
            return False
        is_troubled = registration.problem(asked.name, known.states, is_gone=known.missing > 0)
        later = registration.next_look(known.expires_at, now, is_troubled=is_troubled is not None)
        row.next_look_at = later + (later - now) * _SPREAD * tools.jitter()
        row.attempts, row.known = 0, known
        return _tell(session, asked.name, known, now)

    return sessions.run(PLATFORM, change)


def _known(
    before: KnownRegistration | None, look: RegistrationLook, now: datetime
) -> KnownRegistration | None:
    """Return what is known after a look, None when it says nothing of the domain."""
    if look.answer is RegistryAnswer.FOUND and look.name is not None:
        return _of(before or KnownRegistration(), look.name, now)
    if look.answer is not RegistryAnswer.ABSENT or before is None:
        return None
    missing = before.missing + 1
    if missing < GONE_AFTER:
        return replace(before, missing=missing)
    return replace(before, missing=missing, at=now, ended_at=before.ended_at or now)


def _of(before: KnownRegistration, found: RegistryEntry, now: datetime) -> KnownRegistration:
    number = found.registrar_id or None
    same = _is_same(before, found.registrar, number)
    return KnownRegistration(
        at=now,
        registrar=before.registrar if same else found.registrar,
        registrar_id=(number or before.registrar_id) if same else number,
        registered_at=_registered(before.registered_at, found.registered_at),
        expires_at=found.expires_at or before.expires_at,
        states=found.states,
        name_servers=found.name_servers,
        is_signed=found.is_signed,
        ended_at=(before.ended_at or now) if found.has_ended else None,
    )


def _registered(before: datetime | None, found: datetime | None) -> datetime | None:
    """Return since when it is registered: the same moment told in another form is no new registration."""
    if before is not None and found is not None and abs(found - before) < _SAME_MOMENT:
        return before
    return found or before


def _is_same(before: KnownRegistration, registrar: str | None, number: str | None) -> bool:
    """Tell whether it is the registrar of before: by its number, or else however it is spelled."""
    if registrar is None:
        return True
    if number and before.registrar_id:
        return number == before.registrar_id
    return before.registrar is not None and _plain(before.registrar) == _plain(registrar)


def _plain(name: str) -> str:
    return _WORDS.sub("", name.casefold())


def _pause(row: RegistrationWatch, look: RegistrationLook) -> timedelta:
    """Return how long to leave a domain alone after a look that says nothing of it."""
    if look.answer is RegistryAnswer.UNSUPPORTED:
        return _UNSUPPORTED
    asked = look.retry_after or timedelta(0)
    if not look.was_asked:
        return max(asked, _POSTPONED)
    return max(asked, DAILY * min(max(row.attempts, 1), 7))


def _tell(session: Session, name: str, known: KnownRegistration, now: datetime) -> bool:
    """Tell everybody who claims the domain or a name below it, and look at proofs that depend on it."""
    rows = session.scalars(
        Domain.visible(PLATFORM)
        .where(Domain.domain_name == name)
        .order_by(Domain.id)
        .with_for_update()
    ).all()
    changed = [row for row in rows if row.learn(known)]
    for row in changed:
        warning = registration.next_warning(row.expires_at, now)
        if warning is not None:
            row.wake(warning)
    session.flush()
    if changed:
        proofs = Verification.waking(now).where(
            Verification.organization_domain_id.in_([row.id for row in changed]),
            Verification.status == VerificationStatus.VERIFIED,
            Verification.deleted_at.is_(None),
        )
        session.execute(proofs, execution_options={"synchronize_session": False})
    return bool(changed)
