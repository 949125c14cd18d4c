"""Rows of one organization, and what is told of them."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    Domain,
    Event,
    HostedZone,
    Record,
    Server,
    Verification,
)  # fmt: skip


class Rows:
    """Rows of one organization, and what is told of them."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        with sessions.begin(PLATFORM) as session:
            owner = world.organization(session)
            self.owner = owner.id
            rows = world.everything(session, owner)
            self.ids = {kind: rows[kind.__tablename__].id for kind in KINDS}
            record = rows["dns_records"]
            record.name = "www"
            session.execute(sa.delete(Event))
        with sessions.begin(PLATFORM) as session:
            session.execute(sa.delete(Event))

    def change(self, work: Callable[[Session], object], actor: Actor = PLATFORM) -> list[Event]:
        """Run `work` in one transaction and return what it told."""
        with self.sessions.begin(PLATFORM) as session:
            before = session.scalar(sa.select(sa.func.max(Event.id))) or 0
        with self.sessions.begin(actor) as session:
            work(session)
        with self.sessions.begin(PLATFORM) as session:
            return list(
                session.scalars(sa.select(Event).where(Event.id > before).order_by(Event.id))
            )

    def types(self, work: Callable[[Session], object]) -> list[str]:
        return [one.type for one in self.change(work)]

    def on(self, kind: Any, act: Callable[[Any], object]) -> Callable[[Session], object]:
        """Return the work that does `act` with the row of a kind."""
        return lambda session: act(session.get_one(kind, self.ids[kind]))


KINDS: Any = (Account, Binding, Certificate, Domain, HostedZone, Record, Server, Verification)
