"""Accounts: credentials at DNS providers, registrars and certificate authorities."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, DryRun, Listed, NetworkCall, Read, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    Force,
    Metadata,
    Name,
    Page,
    Reference,
    Shape,
    common,
    example,
    public,
)
from nameplate.core.ids import Prefix
from nameplate.models import Account, AccountKind
from nameplate.models.accounts import LEFT_ALONE, PRIORITY
from nameplate.usecases.tenants import account_keys, account_trials, accounts

routes = router("accounts")

Provider = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Credentials = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")],
        Annotated[SecretStr, Field(max_length=64 * 1024)],
    ],
    Field(
        max_length=20, description="Secret values by key. Encrypted when stored, never returned."
    ),
]
Config = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")], Any],
    Field(
        max_length=50,
        description="Settings that are not secret. `GET /v1/providers` lists the keys by provider.",
    ),
]

Priority = Annotated[
    int,
    Field(
        ge=0,
        le=10_000,
        description="Accounts at authorities with smaller numbers are asked first.",
    ),
]

_EXAMPLE: dict[str, Any] = {
    "kind": "dns",
    "provider": "powerdns",
    "name": "our nameservers",
    "config": {"api_url": "http://127.0.0.1:8081"},
}


class AccountNew(Body):
    """An account to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "credentials": {"api_key": "..."}}]}
    )

    kind: AccountKind
    provider: Provider
    name: Name
    config: Config = Field(default_factory=dict)
    credentials: Credentials = Field(default_factory=dict)
    organization: Reference | None = Field(
        default=None,
        description="Organization that owns the account. Default: the organization of the token; "
        "with a platform token, the platform.",
    )
    metadata: Metadata | None = None
    priority: Priority = PRIORITY
    test: bool = Field(
        default=True,
        description="Register with the authority before the account is stored. Only for kind `ca`.",
    )


class AccountChange(Body):
    """Changes to an account. `credentials` replaces all stored credentials."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"credentials": {"api_key": "..."}}]})

    name: Name = Field(default="")
    config: Config = Field(default_factory=dict)
    credentials: Credentials = Field(default_factory=dict)
    metadata: Metadata | None = None
    priority: Priority = PRIORITY


class OutageShape(BaseModel):
    """Failures of an authority in a row that were its own fault, and since then no certificate."""

    failures: int
    left_alone_until: datetime | None = Field(
        description="Until when certificates go to another authority, if there is one; null: they do not."
    )


class AccountShape(Shape):
    """An account, without its credentials."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.ACCOUNT,
                    "accounts",
                    organization=None,
                    has_credentials=True,
                    priority=PRIORITY,
                    tested_at=None,
                    error_message=None,
                    outage=None,
                    key_changed_at=None,
                    key_change_began_at=None,
                    **_EXAMPLE,
                )
            ]
        }
    )

    object: Literal["account"] = "account"
    organization: str | None = Field(description="null when the platform owns the account.")
    kind: AccountKind
    provider: str
    name: str
    config: dict[str, Any]
    has_credentials: bool
    priority: int = Field(
        description="Accounts at authorities with smaller numbers are asked first."
    )
    tested_at: datetime | None
    error_message: str | None
    outage: OutageShape | None = Field(
        description="Of an account at a certificate authority; null while it issues."
    )
    key_changed_at: datetime | None = Field(
        description="When its key at the authority was changed last."
    )
    key_change_began_at: datetime | None = Field(
        description="Since when a change of that key is under way; null when none is."
    )


class AccountTest(BaseModel):
    """Result of testing an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "account_test",
                    "ok": True,
                    "zones": ["example.com"],
                    "code": None,
                    "message": None,
                    "tested_at": "2026-11-23T09:30:00Z",
                }
            ]
        }
    )

    object: Literal["account_test"] = "account_test"
    ok: bool
    zones: list[str] = Field(description="Zones that a DNS account can manage.")
    code: str | None
    message: str | None = Field(description="Why the test failed; null when it passed.")
    tested_at: datetime


def show(_call: NetworkCall, row: Account) -> AccountShape:
    """Return an account as callers see it, without its credentials."""
    return AccountShape(
        **common(row, Prefix.ACCOUNT, "accounts"),
        organization=public(Prefix.ORGANIZATION, row.organization_id),
        kind=row.kind,
        provider=row.provider,
        name=row.name,
        config=row.config,
        has_credentials=row.credentials is not None,
        priority=row.priority,
        tested_at=row.tested_at,
        error_message=row.error_message,
        outage=_outage(row),
        key_changed_at=row.key_changed_at,
        key_change_began_at=row.key_change_began_at,
    )


def _outage(row: Account) -> OutageShape | None:
    if row.outage_failures == 0:
        return None
    until = row.outage_until if row.outage_failures >= LEFT_ALONE else None
    return OutageShape(failures=row.outage_failures, left_alone_until=until)


def _given(body: AccountNew | AccountChange) -> dict[str, Any]:
    given = body.given()
    if "credentials" in given:
        given["credentials"] = {
            name: secret.get_secret_value() for name, secret in body.credentials.items()
        }
    return given


@routes.post("/accounts", status_code=201, operation_id="add_account")
def add(world: Crossing, body: AccountNew, dry_run: DryRun = False) -> AccountShape:  # noqa: FBT002 - a query parameter
    """Add an account. One at an authority is registered there first, unless `test` is false."""
    given = {**_given(body), "kind": body.kind, "test": body.test}
    row = account_trials.add(world.sessions, world.tools, world.actor, dry_run=dry_run, **given)
    return show(world, row)


@routes.get("/accounts", operation_id="list_accounts")
def list_(
    call: Read,
    listing: Listed,
    kind: Annotated[AccountKind | None, Query(description="Only objects of this kind.")] = None,
    provider: Annotated[
        Provider | None, Query(description="Only accounts at this provider.")
    ] = None,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
) -> Page[AccountShape]:
    """List accounts."""
    selected = listing.select(tagged=True, kind=kind, provider=provider, name=name)
    return listing.page(call, show, accounts.page(call.session, call.actor, **selected))


@routes.get("/accounts/{account}", operation_id="show_account")
def get(call: Read, account: str) -> AccountShape:
    """Show an account by id or name."""
    return call.one(show, accounts.get(call.session, call.actor, account))


@routes.patch("/accounts/{account}", operation_id="update_account")
def update(call: Write, account: str, body: AccountChange) -> AccountShape:
    """Update an account."""
    call.expect(show, accounts.get(call.session, call.actor, account))
    row = accounts.update(call.session, call.actor, call.tools, account, **_given(body))
    return call.one(show, row)


@routes.delete("/accounts/{account}", status_code=204, operation_id="remove_account")
def remove(call: Write, account: str, force: Force = False) -> None:  # noqa: FBT002 - a query parameter
    """Remove an account and delete its credentials. With `force`, even if certificates need it."""
    accounts.remove(call.session, call.actor, account, call.now, force=force)


@routes.post("/accounts/{account}:restore", operation_id="restore_account")
def restore(call: Write, account: str) -> AccountShape:
    """Restore a removed account by id or name. Its credentials must be given again."""
    return call.one(show, accounts.restore(call.session, call.actor, account, call.now))


@routes.post(
    "/accounts/{account}/test",
    operation_id="test_account",
    responses=errors.documented(429, 502),
)
def test(world: Crossing, account: str) -> AccountTest:
    """Test an account at its provider."""
    return AccountTest(**accounts.test(world.sessions, world.tools, world.actor, account))


@routes.post(
    "/accounts/{account}:rotate_key",
    operation_id="rotate_account_key",
    responses=errors.documented(429, 502),
)
def rotate_key(world: Crossing, account: str) -> AccountShape:
    """Give an account at an ACME authority another key. Orders that are pending continue."""
    return show(world, account_keys.rotate(world.sessions, world.tools, world.actor, account))
