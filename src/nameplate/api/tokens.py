"""Bearer tokens of the API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Name, Page, Reference, Shape, example, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import ApiToken
from nameplate.usecases.tenants import tokens

routes = router("tokens")

_EXAMPLE: dict[str, Any] = {
    "name": "deploy script",
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "key_id": "3f0a9c55d2e14b77",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "may_export_keys": False,
    "server": None,
}


class TokenNew(Body):
    """A token to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "deploy script"}]})

    name: Name
    organization: Reference | None = Field(
        default=None,
        description="Organization that the token acts for. Default: the organization of the caller. "
        "A platform token must name it, or set `platform`.",
    )
    platform: bool = Field(
        default=False,
        description="Add a platform token, which acts for all organizations. Platform tokens only.",
    )
    server: Reference | None = Field(
        default=None,
        description="Server whose agent the token is for. It does nothing else: it opens what that server "
        "serves, private keys included. Only a platform token, or a token that may export keys, can add it.",
    )
    expires_at: AwareDatetime | None = Field(
        default=None,
        description="At the latest when the token that creates it expires. Default: the same time.",
    )
    may_export_keys: bool = Field(
        default=False,
        description="Let the token export private keys of certificates. Only a platform token, or a "
        "token that may export keys itself, can allow it.",
    )


class TokenShape(Shape):
    """A token, without its secret."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.TOKEN, "tokens", **_EXAMPLE)]}
    )

    object: Literal["token"] = "token"
    name: str
    organization: str | None = Field(description="null for a platform token.")
    key_id: str = Field(description="Public part of the token.")
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Last use, to the hour.")
    may_export_keys: bool = Field(
        description="Whether the token may export private keys of certificates."
    )
    server: str | None = Field(description="Server whose agent the token is for.")


class TokenMade(TokenShape):
    """A new token with its secret, which is shown only once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(Prefix.TOKEN, "tokens", **_EXAMPLE, token="np_3f0a9c55d2e14b77_...")  # noqa: S106 - an example
            ]
        }
    )

    token: str | None = Field(
        description="Store it now. null in the response to a repeated request: it is not kept."
    )


def show(_call: TransactionCall, row: ApiToken) -> TokenShape:
    """Return a token as callers see it."""
    return TokenShape(**_fields(row))


def _fields(row: ApiToken) -> dict[str, Any]:
    identity = ids.show(Prefix.TOKEN, row.id)
    return {
        "id": identity,
        "metadata": {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": {"self": f"/v1/tokens/{identity}"},
        "name": row.name,
        "organization": public(Prefix.ORGANIZATION, row.organization_id),
        "key_id": row.key_id,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
        "may_export_keys": row.may_export_keys,
        "server": public(Prefix.SERVER, row.server_id),
    }


@routes.post("/tokens", status_code=201, operation_id="add_token")
def add(call: Write, body: TokenNew) -> TokenMade:
    """Add a token. Its secret is shown only in this response."""
    row, secret = tokens.add(
        call.session,
        call.actor,
        now=call.now,
        random=call.tools.random,
        not_after=call.request.state.caller.expires_at,
        **body.given(),
    )
    call.request.state.kept_body = TokenMade(**_fields(row), token=None).model_dump_json()
    return TokenMade(**_fields(row), token=secret.reveal())


@routes.get("/tokens", operation_id="list_tokens")
def list_(
    call: Read,
    listing: Listed,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
) -> Page[TokenShape]:
    """List tokens, including revoked tokens."""
    return listing.page(
        call, show, tokens.page(call.session, call.actor, **listing.select(name=name))
    )


@routes.get("/tokens/{token}", operation_id="show_token")
def get(call: Read, token: str) -> TokenShape:
    """Show a token."""
    return call.one(show, tokens.get(call.session, call.actor, token))


@routes.delete("/tokens/{token}", status_code=204, operation_id="revoke_token")
def revoke(call: Write, token: str) -> None:
    """Revoke a token. It is rejected from now on."""
    tokens.revoke(call.session, call.actor, token, call.now)
