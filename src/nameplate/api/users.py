"""Users: people who sign in. Operators manage them."""

from datetime import datetime
from typing import Any, Literal

from fastapi import Request
from pydantic import ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Name, Page, Reference, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.models import User
from nameplate.usecases.tenants import users

routes = router("users")

_EXAMPLE: dict[str, Any] = {
    "email": "ada@example.com",
    "name": "Ada",
    "operator": False,
    "disabled_at": None,
    "password": True,
    "authenticator": False,
}


class UserNew(Body):
    """A user to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Reference
    name: Name | None = Field(default=None, description="Default: the address.")
    operator: bool = Field(default=False, description="Whether the user acts for the platform.")


class UserChange(Body):
    """What to change of a user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disabled": True}]})

    name: Name = Field(default="")
    operator: bool = False
    disabled: bool = Field(default=False, description="A disabled user is signed out everywhere.")


class UserShape(Shape):
    """A user."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.USER, "users", **_EXAMPLE)]}
    )

    object: Literal["user"] = "user"
    email: str
    name: str
    operator: bool
    disabled_at: datetime | None
    password: bool = Field(description="Whether the user has chosen a password.")
    authenticator: bool = Field(description="Whether a code is asked for.")


class UserInvited(UserShape):
    """A user with an invitation, which is shown only once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.USER,
                    "users",
                    **_EXAMPLE,
                    invitation_url="https://nameplate.example.net/invitation#k7m2p4qw6xz3",
                )
            ]
        }
    )

    invitation_url: str | None = Field(
        description="Address at which the user chooses a password, once, within 7 days. null in the "
        "response to a repeated request: it is not kept."
    )


def show(_call: TransactionCall, row: User) -> UserShape:
    """Return a user as operators see it."""
    return UserShape(**_fields(row))


def _fields(row: User) -> dict[str, Any]:
    identity = ids.show(Prefix.USER, row.id)
    return {
        "id": identity,
        "metadata": {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": {"self": f"/v1/users/{identity}"},
        "email": row.email,
        "name": row.name,
        "operator": row.is_operator,
        "disabled_at": row.disabled_at,
        "password": row.password_hash is not None,
        "authenticator": row.totp_confirmed_at is not None,
    }


def _invited(call: TransactionCall, row: User, token: Secret) -> UserInvited:
    call.request.state.kept_body = UserInvited(
        **_fields(row), invitation_url=None
    ).model_dump_json()
    return UserInvited(
        **_fields(row), invitation_url=_address(call.request, call.tools.public_url, token)
    )


def _address(request: Request, public_url: str | None, token: Secret) -> str:
    """Return the address of an invitation; what is behind `#` reaches no server and no log."""
    base = public_url or str(request.base_url)
    return f"{base.rstrip('/')}/invitation#{token.reveal()}"


@routes.post("/users", status_code=201, operation_id="add_user")
def add(call: Write, body: UserNew) -> UserInvited:
    """Add a user, who chooses a password by an invitation. Requires a platform token."""
    row, token = users.add(
        call.session, call.actor, now=call.now, random=call.tools.random, **body.given()
    )
    return _invited(call, row, token)


@routes.get("/users", operation_id="list_users")
def list_(call: Read, listing: Listed) -> Page[UserShape]:
    """List users. Requires a platform token."""
    return listing.page(call, show, users.page(call.session, call.actor, **listing.select()))


@routes.get("/users/{user}", operation_id="show_user")
def get(call: Read, user: str) -> UserShape:
    """Show a user, by id or address. Requires a platform token."""
    return call.one(show, users.get(call.session, call.actor, user))


@routes.patch("/users/{user}", operation_id="update_user")
def update(call: Write, user: str, body: UserChange) -> UserShape:
    """Change a user, or disable it. Requires a platform token."""
    call.expect(show, users.get(call.session, call.actor, user))
    row = users.update(call.session, call.actor, user, body.given(), call.now)
    return call.one(show, row)


@routes.delete("/users/{user}", status_code=204, operation_id="remove_user")
def remove(call: Write, user: str) -> None:
    """Remove a user with its memberships and sessions. Requires a platform token."""
    users.remove(call.session, call.actor, user)


@routes.post("/users/{user}:invite", operation_id="invite_user")
def invite(call: Write, user: str) -> UserInvited:
    """Make another invitation for who has lost the password. Requires a platform token."""
    row, token = users.invite(
        call.session, call.actor, user, now=call.now, random=call.tools.random
    )
    return _invited(call, row, token)


@routes.post("/users/{user}:forget-authenticator", operation_id="forget_authenticator")
def forget_authenticator(call: Write, user: str) -> UserShape:
    """Take away the authenticator of who has lost it, and end all sessions. Requires a platform token."""
    return call.one(show, users.forget_factor(call.session, call.actor, user, call.now))
