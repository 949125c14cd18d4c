"""Events: what happened to objects, in an order in which a reader misses nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.callers import Caller
from nameplate.api.deps import AppState, Opening, TransactionCall, begin_reading
from nameplate.api.routing import router
from nameplate.api.shapes import Page, Reference, Shape, example, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import Event, EventActor
from nameplate.usecases import events, lookup
from nameplate.usecases.tenants import organizations

_REFERENCES: Mapping[str, tuple[str, Prefix]] = {
    "application_id": ("application", Prefix.APPLICATION),
    "dns_account_id": ("account", Prefix.ACCOUNT),
    "parent_organization_id": ("parent", Prefix.ORGANIZATION),
    "server_id": ("server", Prefix.SERVER),
    "server_group_id": ("server_group", Prefix.SERVER_GROUP),
    "ssl_certificate_id": ("certificate", Prefix.CERTIFICATE),
    "user_id": ("user", Prefix.USER),
}
"""Columns that refer to other objects -> the field and id that callers know."""


@contextmanager
def _numbered(opening: Opening, shared: AppState, who: Caller) -> Iterator[TransactionCall]:
    """Give committed events their numbers before the transaction that reads them begins."""
    events.number(shared.sessions)
    with begin_reading(opening, shared, who) as call:
        yield call


async def _reading(request: Request, response: Response) -> Opening:
    return Opening(request, response, _numbered)


Read = Annotated[TransactionCall, Depends(_reading)]

routes = router("events")


class EventActorShape(BaseModel):
    """Who caused an event."""

    type: EventActor = Field(
        description="`organization`: one of its tokens or the host application; `operator`: the "
        "platform's operator; `worker`: background work."
    )
    name: str | None = Field(
        description="Name of the token. null for background work, and for the operator if you are not."
    )
    token: str | None = Field(description="Id of the token, where one was used.")


class EventObjectShape(BaseModel):
    """The object of an event."""

    type: str = Field(description="Kind of the object, such as `domain`.")
    id: str


_EXAMPLE: dict[str, Any] = {
    "type": "domain.verified",
    "sequence": 12,
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "about": {"type": "domain", "id": ids.show(Prefix.DOMAIN, 1)},
    "domain": ids.show(Prefix.DOMAIN, 1),
    "hostname": "shop.example.com",
    "actor": {"type": "worker", "name": None, "token": None},
    "request_id": None,
    "before": {"status": "pending_verification"},
    "after": {"status": "verified", "holding_name": "shop.example.com"},
}


class EventShape(Shape):
    """One thing that happened to one object. It never changes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.EVENT, "events", **_EXAMPLE)]}
    )

    object: Literal["event"] = "event"
    type: str = Field(description="What happened: docs/reference/events.md lists the types.")
    sequence: int = Field(
        description="Number among the events of the organization: 1, 2, 3 ... without gaps. A gap after "
        "the last event that you have seen means that events were purged."
    )
    organization: str | None = Field(description="null for the platform's own objects.")
    about: EventObjectShape
    domain: str | None = Field(description="The domain that the object belongs to, or is.")
    hostname: str | None
    actor: EventActorShape
    request_id: str | None = Field(description="`X-Request-Id` of the request that led to it.")
    before: dict[str, Any] = Field(description="What changed, as it was. Never a secret.")
    after: dict[str, Any] = Field(description="The same as it is now, and what explains the event.")


class EventPage(Page[EventShape]):
    """One page of events."""

    next_cursor: str | None = Field(
        description="With `since`: pass it as `since` to continue, now or later; it is always there. "
        "Otherwise pass it as `before` to get older events; null at the end."
    )


def show(row: Event, *, to_platform: bool) -> EventShape:
    """Return an event as callers see it. Who the operator is, is no tenant's business."""
    identity = ids.show(Prefix.EVENT, row.position or 0)
    hidden = row.actor is EventActor.OPERATOR and not to_platform
    prefix = Prefix[row.object_type.upper()]
    return EventShape(
        id=identity,
        metadata={},
        created_at=row.at,
        updated_at=row.at,
        links={"self": f"/v1/events/{identity}"},
        type=row.type,
        sequence=row.sequence or 0,
        organization=public(Prefix.ORGANIZATION, row.organization_id),
        about=EventObjectShape(type=row.object_type, id=ids.show(prefix, row.object_id)),
        domain=public(Prefix.DOMAIN, row.organization_domain_id),
        hostname=row.hostname,
        actor=EventActorShape(
            type=row.actor,
            name=None if hidden else row.actor_name,
            token=None if hidden else public(Prefix.TOKEN, row.token_id),
        ),
        request_id=row.request_id,
        before=_shown(row.before),
        after=_shown(row.after),
    )


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns under the names of the API, references as ids."""
    found = {}
    for name, value in values.items():
        field, prefix = _REFERENCES.get(name, (name, None))
        found[field] = value if prefix is None else public(prefix, value)
    return found


Since = Annotated[
    str | None,
    Query(
        max_length=40,
        description="Only events after this one, oldest first: an `id`, `start` for the oldest that is "
        "kept, or `now` for none yet. Default: the newest first.",
    ),
]
Before = Annotated[str | None, Query(max_length=40, description="Only events before this one.")]
Types = Annotated[
    str | None,
    Query(
        max_length=1000,
        description="Only these types, separated by commas. `domain.*` means all of a kind.",
    ),
]
About = Annotated[
    str | None,
    Query(
        alias="object",
        max_length=40,
        description="Only events about the object with this id; of a domain, with all that belongs to it.",
    ),
]
Owner = Annotated[
    Reference | None, Query(description="Only events of this organization, by id or slug.")
]
OfDomain = Annotated[
    Reference | None,
    Query(description="Only events of this domain and of all that belongs to it, by id or name."),
]


class EventsAsked:
    """Which events are asked for, and how many of them."""

    def __init__(
        self,
        *,
        since: Since = None,
        before: Before = None,
        types: Types = None,
        about: About = None,
        organization: Owner = None,
        domain: OfDomain = None,
        limit: Annotated[int, Query(ge=1, le=100, description="Number of objects per page.")] = 20,
    ) -> None:
        wanted = tuple(filter(None, (types or "").split(",")))
        self.query = events.EventQuery(since, before, wanted, about)
        self.organization = organization
        self.domain = domain
        self.limit = limit


@routes.get("/events", operation_id="list_events")
def list_(call: Read, asked: Annotated[EventsAsked, Depends()]) -> EventPage:
    """List events. With `since`, whoever passes on `next_cursor` misses no event and sees none twice."""
    query = asked.query
    if asked.organization is not None:
        owner = organizations.get(call.session, call.actor, asked.organization)
        query = replace(query, organization=owner.id)
    if asked.domain is not None:
        query = replace(query, domain=lookup.domain_id(call.session, call.actor, asked.domain))
    rows = events.page(call.session, call.actor, query, limit=asked.limit)
    shown = [show(row, to_platform=call.actor.is_platform) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    following = shown[-1].id if shown and (more or query.since is not None) else query.since
    if following == events.NOW:
        following = events.newest(call.session, call.actor) or events.START
    return EventPage(data=shown, has_more=more, next_cursor=following)


@routes.get("/events/{event}", operation_id="show_event")
def get(call: Read, event: str) -> EventShape:
    """Show an event."""
    row = events.get(call.session, call.actor, event)
    return show(row, to_platform=call.actor.is_platform)
