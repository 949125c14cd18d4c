"""A reader of events for tests."""

from dataclasses import replace

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions
from nameplate.models import Event
from nameplate.usecases import events

FROM_START = events.EventQuery(since="start")


def read(
    sessions: Sessions, actor: Actor = PLATFORM, query: events.EventQuery = FROM_START
) -> list[Event]:
    """Return every event that a query finds, page by page."""
    events.number(sessions)
    found: list[Event] = []
    while True:
        with sessions.begin(actor, read_only=True) as session:
            page = events.page(session, actor, query, limit=7)
        found += page[:7]
        if len(page) <= 7:
            return found
        query = replace(query, since=shown(page[6]))


def shown(event: Event) -> str:
    assert event.position is not None
    return ids.show("evt", event.position)


def types(sessions: Sessions, actor: Actor = PLATFORM) -> list[str]:
    return [one.type for one in read(sessions, actor)]
