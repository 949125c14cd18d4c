"""What each server answered for a record at the last check, and a check on demand."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing, NetworkCall, Read
from nameplate.api.routing import router
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import Observation, ServerAnswer
from nameplate.usecases.propagation import checks
from nameplate.usecases.propagation.checks import View

routes = router("records")

_RECORD = ids.show(Prefix.RECORD, 1)
_EXAMPLE: dict[str, Any] = {
    "record": _RECORD,
    "object": "propagation",
    "name": "www.example.com",
    "type": "A",
    "any_address": False,
    "zone": "example.com",
    "propagated": True,
    "seen": 2,
    "asked": 2,
    "public_seen": 0,
    "public_asked": 1,
    "message": "Seen by 2 of 2 authoritative servers. 8.8.8.8 has an old answer for 214 s more.",
    "answers": [
        {
            "server": "ns1.example.net (192.0.2.53)",
            "kind": "authoritative",
            "answer": "data",
            "values": ["192.0.2.7"],
            "seen": True,
            "ttl": 300,
            "ttl_left": 300,
            "detail": "",
        },
        {
            "server": "8.8.8.8",
            "kind": "public",
            "answer": "data",
            "values": ["192.0.2.1"],
            "seen": False,
            "ttl": 224,
            "ttl_left": 214,
            "detail": "",
        },
    ],
    "checked_at": "2026-11-27T09:30:00Z",
    "next_check_at": "2026-11-27T09:33:45Z",
    "links": {"self": f"/v1/records/{_RECORD}/propagation", "record": f"/v1/records/{_RECORD}"},
}


class ServerAnswerShape(BaseModel):
    """What one server answered."""

    server: str = Field(
        description="Name and address of the server, or address of the public resolver."
    )
    kind: Literal["authoritative", "public"]
    answer: str = Field(
        description="`data`, `nodata`, `nxdomain`, `servfail`, `refused` or `timeout`."
    )
    values: list[str] = Field(description="The first ten values.")
    seen: bool = Field(description="Whether the answer shows the record.")
    ttl: int = Field(description="TTL of the answer in seconds.")
    ttl_left: int = Field(description="Seconds until a public resolver discards the answer.")
    detail: str = Field(description="Why there are no values; empty otherwise.")


class PropagationShape(BaseModel):
    """Which servers answer with a record."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    record: str
    object: Literal["propagation"] = "propagation"
    name: str | None = Field(description="Name that was queried; for a wildcard, a label below it.")
    type: str | None = Field(description="Record type that was queried.")
    any_address: bool = Field(
        description="Whether any address counts, because the provider answers with its own addresses."
    )
    zone: str | None = Field(description="Zone that serves the name in public DNS.")
    propagated: bool = Field(
        description="Whether every authoritative server answers with the record."
    )
    seen: int = Field(description="Number of authoritative servers that answer with the record.")
    asked: int = Field(description="Number of authoritative servers that were queried.")
    public_seen: int = Field(description="Number of public resolvers that answer with the record.")
    public_asked: int
    message: str
    answers: list[ServerAnswerShape]
    checked_at: datetime | None = Field(description="null when not checked yet.")
    next_check_at: datetime | None = Field(description="When Nameplate checks again automatically.")
    links: dict[str, str]


def show(_world: NetworkCall, view: View) -> PropagationShape:
    """Return the last look as callers see it."""
    row, look = view.record, view.look
    identity = ids.show(Prefix.RECORD, row.id)
    authoritative = look.authoritative if look else ()
    public = look.public if look else ()
    return PropagationShape(
        record=identity,
        name=look.target.name if look else None,
        type=look.target.type if look else None,
        any_address=look.target.any_address if look else False,
        zone=look.zone if look else None,
        propagated=row.propagated,
        seen=sum(one.seen for one in authoritative),
        asked=len(authoritative),
        public_seen=sum(one.seen for one in public),
        public_asked=len(public),
        message=look.sentence(view.now) if look else "Not checked yet.",
        answers=[_answer(look, one, view.now) for one in look.sightings] if look else [],
        checked_at=look.at if look else None,
        next_check_at=row.next_action_at,
        links={
            "self": f"/v1/records/{identity}/propagation",
            "record": f"/v1/records/{identity}",
        },
    )


def _answer(look: Observation, one: ServerAnswer, now: datetime) -> ServerAnswerShape:
    answer = one.answer
    return ServerAnswerShape(
        server=answer.server,
        kind="public" if one.public else "authoritative",
        answer=answer.kind.value,
        values=list(answer.values),
        seen=one.seen,
        ttl=answer.ttl,
        ttl_left=look.ttl_left(one, now),
        detail=answer.detail,
    )


@routes.get("/records/{record}/propagation", operation_id="show_propagation")
def get(call: Read, record: str) -> PropagationShape:
    """Show what each server answered at the last check."""
    return call.one(show, checks.show(call.session, call.actor, record))


@routes.post("/records/{record}/propagation:check", operation_id="check_propagation")
def check(world: Crossing, record: str) -> PropagationShape:
    """Query every server now. A result from a moment ago is returned unchanged."""
    return show(world, checks.check(world.sessions, world.tools, world.actor, record))
