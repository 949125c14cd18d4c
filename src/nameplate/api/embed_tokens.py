"""Embed tokens: what a page of somebody else shows of one organization, or of one domain."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import rights
from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Reference, public
from nameplate.core import ids
from nameplate.core.errors import NotFound
from nameplate.core.ids import Prefix
from nameplate.core.roles import ACTIONS
from nameplate.db import database_now
from nameplate.usecases.tenants import embed_tokens
from nameplate.usecases.tenants.embed_tokens import Maker

routes = router("embed-tokens")

_ORIGIN = "https://shop.example.com"
_EXAMPLE: dict[str, Any] = {
    "object": "embed_token",
    "id": ids.show(Prefix.EMBED_TOKEN, 1),
    "token": "np_embed3f0a9c55d2e14b77_...",
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "domain": ids.show(Prefix.DOMAIN, 1),
    "actions": ["domains:read"],
    "origins": [_ORIGIN],
    "expires_at": "2026-12-07T10:30:00Z",
}
Action = Annotated[str, StringConstraints(max_length=40)]
OriginText = Annotated[str, StringConstraints(max_length=255)]


class EmbedTokenNew(Body):
    """An embed token to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"domain": "shop.example.com", "actions": ["domains:read"], "origins": [_ORIGIN]}
            ]
        }
    )

    actions: list[Action] = Field(
        min_length=1,
        max_length=20,
        description=f"What the page may do: {', '.join(f'`{one}`' for one in ACTIONS)}.",
    )
    origins: list[OriginText] = Field(
        min_length=1,
        max_length=embed_tokens.MAX_ORIGINS,
        description="Pages that may use the token, each as scheme, host and port.",
    )
    domain: Reference | None = Field(
        default=None, description="The only domain that it shows. Default: all of the organization."
    )
    organization: Reference | None = Field(
        default=None, description="Required with a platform token, unless a domain is named."
    )
    seconds: int = Field(default=3600, ge=60, le=3600, description="For how long it works.")


class EmbedTokenMade(BaseModel):
    """A new embed token with its secret, which is shown only once."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["embed_token"] = "embed_token"
    id: str
    token: str | None = Field(
        description="Hand it to the page. null in the response to a repeated request: it is not kept."
    )
    organization: str
    domain: str | None
    actions: list[str]
    origins: list[str]
    expires_at: datetime


@routes.post("/embed-tokens", status_code=201, operation_id="add_embed_token")
def add(call: Crossing, body: EmbedTokenNew) -> EmbedTokenMade:
    """Add a token for a page that shows components. It can do what its maker can, and ends with it."""
    caller = call.request.state.caller
    kind, number = caller.credential or ("", 0)
    maker = Maker(
        number if kind == "token" else None,
        number if kind == "session" else None,
        caller.expires_at,
    )
    given = {"random": call.tools.random, **body.given()}
    with call.sessions.begin(call.actor) as session:
        now = database_now(session)
        row, secret = embed_tokens.add(session, call.actor, maker, now=now, **given)
    embed_tokens.note_origins(call.sessions, row.origins, row.expires_at)
    domain = row.organization_domain_id
    made = EmbedTokenMade(
        id=ids.show(Prefix.EMBED_TOKEN, row.id),
        token=None,
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=None if domain is None else ids.show(Prefix.DOMAIN, domain),
        actions=list(row.actions),
        origins=list(row.origins),
        expires_at=row.expires_at,
    )
    call.request.state.kept_body = made.model_dump_json()
    return made.model_copy(update={"token": secret.reveal()})


class EmbedTokenShown(BaseModel):
    """What an embed token is for, as the page that has it is told."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **{key: value for key, value in _EXAMPLE.items() if key != "token"},
                    "permitted": ["list_domains", "show_domain"],
                }
            ]
        }
    )

    object: Literal["embed_token"] = "embed_token"
    id: str
    organization: str
    domain: str | None
    actions: list[str]
    origins: list[str]
    expires_at: datetime
    permitted: list[str] = Field(
        description="Operations (`operationId` of the OpenAPI document) that it may use now."
    )


@routes.get("/embed-tokens/current", operation_id="show_embed_token")
def show(call: Crossing) -> EmbedTokenShown:
    """Show what the embed token is for that the request is sent with."""
    caller = call.request.state.caller
    scope = caller.scope
    if scope is None:
        raise NotFound(
            "embed_token_not_found", "The request is not sent with an embed token. Send one."
        )
    return EmbedTokenShown(
        id=ids.show(Prefix.EMBED_TOKEN, scope.id),
        organization=ids.show(Prefix.ORGANIZATION, scope.actor.organization_id or 0),
        domain=public(Prefix.DOMAIN, scope.domain_id),
        actions=list(scope.actions),
        origins=list(scope.origins),
        expires_at=scope.expires_at,
        permitted=list(rights.embedded(call.request, caller, scope)),
    )
