"""What proxies have asked the edge, added up over all processes that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.asks import AskOutcome
from nameplate.db import database_now, inserting
from nameplate.models import EdgeAsk
from nameplate.usecases.tenants import organizations

KEPT_FOR = timedelta(days=1)
"""After which a suffix that nobody asks for any more is forgotten."""
MAX_KEPT = 1000
"""Suffixes that are kept."""
_PIECE = 500
_MAX_PIECES = 20


@dataclass(frozen=True, slots=True)
class RefusedSuffix:
    """Unknown names below one suffix."""

    suffix: str
    asked: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Refusals:
    """What the edge was asked."""

    outcomes: Mapping[AskOutcome, int]
    """Questions since the beginning."""
    suffixes: Sequence[RefusedSuffix]
    """Those with the most unknown names first."""


def add(session: Session, outcomes: Mapping[AskOutcome, int], suffixes: Mapping[str, int]) -> None:
    """Add what one process has counted; the session is the platform's."""
    now = database_now(session)
    rows = [
        *((outcome.value, "", asked) for outcome, asked in outcomes.items()),
        *((AskOutcome.UNKNOWN.value, suffix, asked) for suffix, asked in suffixes.items()),
    ]
    ordered = [
        {"outcome": outcome, "suffix": suffix, "asked": asked, "last_at": now}
        for outcome, suffix, asked in sorted(rows)
    ]
    connection = session.connection()
    connection.execute(_adding(connection.dialect.name), ordered)


def refusals(session: Session, actor: Actor, *, limit: int) -> Refusals:
    """Return what was asked, with the suffixes that most unknown names are below.

    Raises NotPermitted `platform_only`: what strangers ask for is about every tenant.
    """
    organizations.only_platform(actor, "see what the edge was asked")
    most = sa.select(EdgeAsk).where(EdgeAsk.suffix != "")
    ordered = most.order_by(EdgeAsk.asked.desc(), EdgeAsk.suffix).limit(limit)
    return Refusals(
        totals(session),
        [RefusedSuffix(one.suffix, one.asked, one.last_at) for one in session.scalars(ordered)],
    )


def totals(session: Session) -> dict[AskOutcome, int]:
    """Return how often each answer was given."""
    rows = session.execute(sa.select(EdgeAsk.outcome, EdgeAsk.asked).where(EdgeAsk.suffix == ""))
    known = {outcome: asked for outcome, asked in rows}  # noqa: C416 - a row is no pair to mypy
    return {outcome: known.get(outcome.value, 0) for outcome in AskOutcome}


def forget_old(session: Session, now: datetime) -> int:
    """Forget, some at a time, the suffixes of yesterday and all but the last thousand; return how many."""
    own = EdgeAsk.__table__.c
    of_suffixes = sa.select(own.suffix).where(own.suffix != "")
    old = of_suffixes.where(own.last_at < now - KEPT_FOR).limit(_PIECE)
    many = of_suffixes.order_by(own.last_at.desc(), own.suffix).offset(MAX_KEPT).limit(_PIECE)
    forgotten = 0
    for query in (old, many):
        for _ in range(_MAX_PIECES):
            some = session.scalars(query).all()
            if not some:
                break
            session.execute(sa.delete(EdgeAsk).where(EdgeAsk.suffix.in_(some)))
            forgotten += len(some)
    return forgotten


@cache
def _adding(dialect: str) -> Any:  # noqa: ANN401 - what dialects have in common has no type
    insert = inserting(EdgeAsk, dialect)
    if dialect in {"mysql", "mariadb"}:
        more = EdgeAsk.asked + insert.inserted.asked
        return insert.on_duplicate_key_update(asked=more, last_at=insert.inserted.last_at)
    keys = list(sa.inspect(EdgeAsk).primary_key)
    more = EdgeAsk.asked + insert.excluded.asked
    return insert.on_conflict_do_update(
        index_elements=keys, set_={"asked": more, "last_at": insert.excluded.last_at}
    )
