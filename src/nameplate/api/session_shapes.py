"""What is sent and answered about sessions of people."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from nameplate.api.shapes import Body, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.models import SignInMethod

Code = Annotated[str, StringConstraints(min_length=6, max_length=40)]
Password = Annotated[SecretStr, Field(max_length=1000)]
_CODE = "Code of the authenticator, or a recovery code. Required once an authenticator is set up."


_AUTHENTICATOR: dict[str, Any] = {
    "secret": "JBSWY3DPEHPK3PXP",
    "url": "otpauth://totp/Nameplate:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Nameplate",
}
_STATE: dict[str, Any] = {
    "object": "session",
    "id": ids.show(Prefix.SESSION, 1),
    "user": {
        "id": ids.show(Prefix.USER, 1),
        "email": "ada@example.com",
        "name": "Ada",
        "operator": False,
        "authenticator": True,
    },
    "organizations": [
        {
            "id": ids.show(Prefix.ORGANIZATION, 1),
            "name": "Acme",
            "slug": "acme",
            "parent": None,
            "role": "member",
        }
    ],
    "permitted": {"member": ["list_domains", "add_domain"]},
    "csrf_token": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2026-12-14T09:30:00Z",
}


class SignInNew(Body):
    """What a user signs in with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ada@example.com", "password": "correct horse battery"}]
        }
    )

    email: Annotated[str, StringConstraints(min_length=3, max_length=255)]
    password: Password
    code: Code | None = Field(default=None, description=_CODE)


class InvitationTaken(Body):
    """An invitation, and the password that the user chooses."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"token": "k7m2p4qw6xz3v5n7", "password": "correct horse battery"}]
        }
    )

    token: Annotated[str, StringConstraints(min_length=10, max_length=100)]
    password: Password
    code: Code | None = Field(default=None, description=_CODE)


class PasswordNew(Body):
    """Another password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current": "correct horse battery", "password": "staple correct horse"}]
        }
    )

    current: Password | None = Field(
        default=None, description="The password so far, where there is one."
    )
    password: Password = Field(description="At least 12 characters, up to 256.")


class AuthenticatorNew(Body):
    """An authenticator to set up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"password": "correct horse battery"}]}
    )

    password: Password | None = Field(
        default=None, description="The current password, where there is one."
    )


class AuthenticatorCode(Body):
    """A code that shows that the authenticator is set up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "123456"}]})

    code: Code


class AuthenticatorGone(AuthenticatorNew):
    """An authenticator to remove."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"password": "correct horse battery", "code": "123456"}]}
    )

    code: Code = Field(description=_CODE)


class AuthenticatorSecret(BaseModel):
    """What an authenticator is set up with, shown only once."""

    model_config = ConfigDict(json_schema_extra={"examples": [_AUTHENTICATOR]})

    secret: str = Field(description="To type in.")
    url: str = Field(description="To show as a QR code.")


class RecoveryCodes(BaseModel):
    """Codes that replace the authenticator, each once. They are shown only once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"codes": ["k7m2-p4qw-6xz3-v5n7"]}]})

    codes: list[str]


class OwnOrganization(BaseModel):
    """An organization in which a person may do something."""

    id: str
    name: str
    slug: str
    parent: str | None
    role: Role


class PersonShape(BaseModel):
    """Who is signed in."""

    id: str
    email: str
    name: str
    operator: bool = Field(description="Acts for the platform where no organization is named.")
    authenticator: bool = Field(description="Whether an authenticator is set up.")


class SessionState(BaseModel):
    """Who is signed in, and where that person may do what."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STATE]})

    object: Literal["session"] = "session"
    id: str
    user: PersonShape
    organizations: list[OwnOrganization] = Field(
        description="Where the person may act, with those below; none for an operator, who may everywhere."
    )
    permitted: dict[Role, list[str]] = Field(
        description="What each role that the person has lets it do: operations, by `operationId`. An "
        "operator is an owner of the organization that a request names, and may do everything where it "
        "names none."
    )
    csrf_token: str = Field(
        description="Send it as `X-CSRF-Token` with every request that is no GET."
    )
    expires_at: datetime


class SessionShape(Shape):
    """A browser in which the person is signed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.SESSION, "session/list", method="password", address="192.0.2.7",
                    agent="Firefox", last_seen_at="2026-12-07T09:30:00Z",
                    expires_at="2026-12-14T09:30:00Z", current=True,
                )
            ]
        }
    )  # fmt: skip

    object: Literal["session"] = "session"
    method: SignInMethod
    address: str | None
    agent: str | None
    last_seen_at: datetime = Field(description="Last use, to five minutes.")
    expires_at: datetime
    current: bool = Field(description="Whether it is the one that asks.")


class SignInMethods(BaseModel):
    """How to sign in here."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": True, "oidc": None}]})

    password: bool = True
    oidc: str | None = Field(
        description="What to call the identity provider whose page is at `/v1/session/oidc`; null: there "
        "is none."
    )
