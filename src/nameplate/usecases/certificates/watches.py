"""Waking certificates when what stops them has changed, however long they would still wait.

The step that finds an obstacle has the name watched that it is at. All certificates that the same name
stops share one look every few seconds, by the same functions that look before an order. As soon as that
sees something else they are woken; nothing is asked of an authority for it.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.draft_challenges import IN_DNS
from nameplate.db import Sessions, database_now, upsert
from nameplate.models import Certificate, CertificateWatch, WatchKind
from nameplate.usecases.certificates import caa_looks, delegations, reachability
from nameplate.usecases.certificates.caa_looks import CaaObstacle
from nameplate.usecases.certificates.delegations import ChallengeDelegation
from nameplate.usecases.certificates.reachability import Unreached
from nameplate.usecases.tools import Tools

EVERY = timedelta(seconds=12)
"""How often a name is looked at, at most."""
SPREAD = timedelta(seconds=4)
"""How much later than that, so that not all are looked at together."""
FORGOTTEN = timedelta(hours=1)
"""A name that no certificate waits for is forgotten when nobody has looked at it for so long."""
_SOMEBODY_OF_OURS = 1
"""Id that stands for a zone that can be written: a look at a delegation does not depend on whose."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A name to look at, and what was seen of it."""

    kind: WatchKind
    name: str
    detail: str = ""
    seen: str | None = None
    """Digest of what was seen; None: whatever is seen first is no change."""
    organization_id: int = 0
    """In whose turn it is looked at: whichever comes first of those whose certificates wait for it."""

    @property
    def key(self) -> str:
        """The same for all that is looked at in the same way."""
        return _digest(self.kind.value, self.name, self.detail)


def of_obstacle(
    obstacle: Unreached | CaaObstacle, led: ChallengeDelegation | None, kind: str, port: int | None
) -> Watched | None:
    """Return what to watch until the obstacle is gone, None where that is not in DNS or at a host."""
    if not obstacle.name:
        return None
    if isinstance(obstacle, CaaObstacle):
        return Watched(WatchKind.CAA, obstacle.name, seen=_caa_digest(obstacle))
    seen = _digest(obstacle.code, *obstacle.addresses)
    if led is None:
        return _host(obstacle.name, kind, port, seen)
    return Watched(WatchKind.DELEGATION, obstacle.name, led.targets.get(obstacle.name, ""), seen)


def of_failure(
    name: str, code: str, led: ChallengeDelegation | None, *, kind: str, port: int | None
) -> Watched | None:
    """Return what to watch after an authority has failed to find a proof that we see."""
    if code == "acme_caa":
        return Watched(WatchKind.CAA, name)
    if kind not in IN_DNS:
        return _host(name, kind, port, None)
    owner = f"{delegations.LABEL}.{name}"
    there = None if led is None else led.targets.get(owner)
    return None if there is None else Watched(WatchKind.DELEGATION, owner, there)


def _host(name: str, kind: str, port: int | None, seen: str | None) -> Watched:
    return Watched(WatchKind.HOST, name, kind if port is None else f"{kind} {port}", seen)


def watch(session: Session, row: Certificate, watched: Watched | None, now: datetime) -> None:
    """Have a name watched for a certificate; nothing any more without one."""
    row.watch_key = None if watched is None else watched.key
    if watched is None:
        return
    known = session.get(CertificateWatch, watched.key)
    soon = now + EVERY
    if known is None:
        made = {
            "key": watched.key, "kind": watched.kind, "name": watched.name,
            "detail": watched.detail, "seen": watched.seen, "next_look_at": soon,
        }  # fmt: skip
        upsert(session, CertificateWatch, [made])
    else:
        if watched.seen is not None and known.seen != watched.seen:
            known.seen = watched.seen
        if known.next_look_at < now - EVERY:
            known.next_look_at = soon


def due(
    session: Session,
    tools: Tools,
    most: int,
    *,
    but: Collection[int] = (),
    now: datetime | None = None,
) -> Sequence[Watched]:
    """Return up to `most` names that are due, and plan their next look; the caller commits.

    Organizations have their turn, except those named by `but`: one with many names that are stopped
    keeps none of others from being looked at in time. Another process gets others meanwhile.
    """
    now = now or database_now(session)
    # A name that several wait for is there once for each of them.
    given = {"now": now, "most": 2 * most, "but": list(but)}
    turns: dict[str, int] = {}
    for key, owner in session.execute(_TURNS, given):
        turns.setdefault(key, owner)
    asked = list(turns)[:most]
    query = sa.select(CertificateWatch).where(
        CertificateWatch.key.in_(asked), CertificateWatch.next_look_at <= now
    )
    rows = session.scalars(query.with_for_update(skip_locked=True)).all() if asked else ()
    found = {}
    for one in rows:
        found[one.key] = Watched(one.kind, one.name, one.detail, one.seen, turns[one.key])
        one.next_look_at = now + _pause(tools)
    return [found[key] for key in asked if key in found]


def _pause(tools: Tools) -> timedelta:
    return min(EVERY + SPREAD * tools.jitter(), tools.poll or EVERY + SPREAD)


def look(tools: Tools, watched: Watched) -> str:
    """Look at one name as it is looked at before an order; return a digest of what was seen."""
    if watched.kind is WatchKind.CAA:
        return _caa_digest(caa_looks.look_at(tools, watched.name))
    if watched.kind is WatchKind.DELEGATION:
        led = ChallengeDelegation({watched.name: watched.detail}, _SOMEBODY_OF_OURS)
        unreached = delegations.look(tools, led)
        return _digest(*(("",) if unreached is None else (unreached.code, *unreached.addresses)))
    kind, _, port = watched.detail.partition(" ")
    ports = {watched.name: int(port)} if port else {}
    addresses, unreached = reachability.seen(tools, watched.name, ports, kind)
    if unreached is None:
        return _digest("", *addresses)
    return _digest(unreached.code, *unreached.addresses)


def _caa_digest(seen: caa_looks.RelevantSet | CaaObstacle) -> str:
    code = "" if isinstance(seen, caa_looks.RelevantSet) or seen.versions else seen.code
    return _digest(code, *(json.dumps(version) for version in seen.versions))


def note(sessions: Sessions, watched: Watched, seen: str) -> int:
    """Keep what was seen; when it is something else than before, wake who waits for it.

    Return how many certificates were woken.
    """
    if seen == watched.seen:
        return 0

    def change(session: Session) -> int:
        row = session.get(CertificateWatch, watched.key)
        if row is None or row.seen == seen:
            return 0
        is_first = row.seen is None
        row.seen = seen
        return 0 if is_first else _wake(session, [watched.key], database_now(session))

    return sessions.run(PLATFORM, change)


def _wake(session: Session, keys: Collection[str], now: datetime) -> int:
    """Wake who waits; a row in a step now sees by itself what has changed, or is woken the next time."""
    waiting = (
        Certificate.visible(PLATFORM)
        .with_only_columns(Certificate.id)
        .where(Certificate.watch_key.in_(keys))
        .order_by(Certificate.id)
    )
    ids = session.scalars(waiting.with_for_update(skip_locked=True, key_share=True)).all()
    if ids:
        session.execute(
            Certificate.resuming(now).where(Certificate.id.in_(ids)),
            execution_options={"synchronize_session": False},
        )
    return len(ids)


def forget_old(session: Session, now: datetime) -> None:
    """Forget names that no certificate has waited for for an hour."""
    waiting = sa.exists().where(Certificate.watch_key == CertificateWatch.key)
    old = CertificateWatch.next_look_at < now - FORGOTTEN
    session.execute(
        sa.delete(CertificateWatch).where(old, ~waiting),
        execution_options={"synchronize_session": False},
    )


_OWNED = (
    Certificate.visible(PLATFORM)
    .join(CertificateWatch, CertificateWatch.key == Certificate.watch_key)
    .where(
        CertificateWatch.next_look_at <= sa.bindparam("now"),
        Certificate.organization_id.not_in(sa.bindparam("but", expanding=True)),
    )
    .with_only_columns(
        CertificateWatch.key, CertificateWatch.next_look_at, Certificate.organization_id
    )
    .distinct()
    .subquery()
)
_PLACE = sa.func.row_number().over(
    partition_by=_OWNED.c.organization_id, order_by=(_OWNED.c.next_look_at, _OWNED.c.key)
)
_TURNS = (
    sa.select(_OWNED.c.key, _OWNED.c.organization_id)
    .order_by(_PLACE, _OWNED.c.next_look_at)
    .limit(sa.bindparam("most"))
)
"""Made once: a worker asks every two seconds."""


def _digest(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
