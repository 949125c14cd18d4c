"""Registrations: names at registrars."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, Listed, NetworkCall, Read, TransactionCall, Write
from nameplate.api.purchases import MoneyShape, PurchaseShape, money_shape
from nameplate.api.purchases import show as show_purchase
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, example, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.models import RegisteredName, RenewedBy
from nameplate.ports.registrar import Act, Availability, Offer
from nameplate.usecases.registrations import delegations, quotes, registrations, search

routes = router("registrations")

NameText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Acting = Annotated[
    Reference | None,
    Field(description="Organization that acts. Required with a platform token."),
]
AccountChoice = Annotated[
    Reference | None,
    Field(
        description="Account at a registrar. Default: the organization's own, or else the platform's."
    ),
]
_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "account": ids.show(Prefix.ACCOUNT, 1),
    "name": "example.com",
    "status": "active",
    "registered_at": "2026-11-29T09:30:00Z",
    "expires_at": "2027-11-29T09:30:00Z",
    "renewed_by": "nameplate",
    "registrar_renews": False,
    "locked": True,
    "lock_wanted": True,
    "privacy": True,
    "privacy_wanted": None,
    "name_servers": ["ns1.example.net", "ns2.example.net"],
    "name_servers_wanted": None,
    "delegated": True,
    "parent_name_servers": ["ns1.example.net", "ns2.example.net"],
    "publishes_ds": True,
    "ds": [],
    "ds_wanted": None,
    "statuses": ["clientTransferProhibited"],
    "seen_at": "2026-11-29T09:31:00Z",
    "missing_since": None,
    "error_code": None,
    "error_message": None,
}


class SearchNew(Body):
    """Names to look for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"names": ["example.com"]}]})

    names: list[NameText] = Field(min_length=1, max_length=50)
    organization: Acting = None
    account: AccountChoice = None
    suggest: bool = Field(default=False, description="Propose other names like the first one.")


class NameOfferShape(BaseModel):
    """What the registrar says about one name."""

    name: str
    availability: Availability
    price: MoneyShape | None = Field(description="Of one year, with all fees.")
    premium: bool


class SearchShape(BaseModel):
    """What a search found, in the order of the names."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "search",
                    "offers": [
                        {
                            "name": "example.com",
                            "availability": "available",
                            "price": {"amount": 1250, "currency": "USD", "text": "12.50 USD"},
                            "premium": False,
                        }
                    ],
                    "suggestions": [],
                }
            ]
        }
    )

    object: Literal["search"] = "search"
    offers: list[NameOfferShape]
    suggestions: list[NameOfferShape]


class QuoteNew(Body):
    """What is to be bought."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "example.com"}]})

    name: NameText
    act: Act = Act.REGISTER
    years: int = Field(default=1, strict=True, description="Number of years, 1 to 10.")
    organization: Acting = None
    account: AccountChoice = None


class RegistrationUpdate(Body):
    """What is wanted of a registration."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"renewed_by": "none"}]})

    renewed_by: RenewedBy | None = Field(
        default=None, description="Who renews it before it ends: one side, never both."
    )
    publishes_ds: bool | None = Field(
        default=None,
        description="Whether the DS records of a signed zone are to be at the parent. Set it to false, and "
        "wait a day after `ds` is empty, before you stop signing the zone.",
    )


class NameServersNew(Body):
    """Where a name is to be delegated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    name_servers: list[NameText] = Field(
        default=[], max_length=13, description="Default: those of the DNS account of the domain."
    )
    confirm: bool = Field(
        default=False, description="Required to be true when records stop answering by it."
    )


class DelegationAsked(Body):
    """Where a name is perhaps to be delegated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    name_servers: list[NameText] = Field(
        default=[], max_length=13, description="Default: those of the DNS account of the domain."
    )


class LostRecordShape(BaseModel):
    """What the present name servers answer with and the new ones will not."""

    name: str
    type: str
    values: list[str]


class DelegationPreviewShape(BaseModel):
    """What a change of name servers means."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "delegation_preview",
                    "name_servers": ["ns1.example.net", "ns2.example.net"],
                    "lost": [
                        {"name": "example.com", "type": "MX", "values": ["10 mail.example.org."]}
                    ],
                }
            ]
        }
    )

    object: Literal["delegation_preview"] = "delegation_preview"
    name_servers: list[str] = Field(
        description="What the name is to have; empty: its zone is not there yet."
    )
    lost: list[LostRecordShape] = Field(
        description="Found at the usual names only; of name servers elsewhere nothing can be compared."
    )


class ImportNew(Body):
    """Which names of an account become registrations."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    organization: Acting = None
    account: AccountChoice = None
    names: list[NameText] = Field(
        default=[],
        max_length=1000,
        description="Default: every name of the organization's own account. Required for names in "
        "the platform's.",
    )


class RegistrationShape(Shape):
    """A name at a registrar."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.REGISTRATION, "registrations", **_EXAMPLE)]}
    )

    object: Literal["registration"] = "registration"
    organization: str
    account: str | None
    name: str
    status: RegistrationStatus
    registered_at: datetime | None
    expires_at: datetime | None
    renewed_by: RenewedBy
    registrar_renews: bool | None = Field(description="What the registrar says; null: nothing.")
    locked: bool | None = Field(description="Protected from transfers; null: not told.")
    lock_wanted: bool
    privacy: bool | None = Field(
        description="Contacts are kept out of public directories; null: not told."
    )
    privacy_wanted: bool | None = Field(description="Whether they are to be; null: as they are.")
    name_servers: list[str] | None
    name_servers_wanted: list[str] | None
    delegated: bool = Field(description="Follows the DNS account of its domain.")
    parent_name_servers: list[str] | None = Field(
        description="What the registry gives out; null: not seen yet, or not known."
    )
    publishes_ds: bool
    ds: list[str] | None = Field(description="DS records at the registrar; null: not looked at.")
    ds_wanted: list[str] | None = Field(
        description="Those of the signed zone; null: Nameplate does not keep them."
    )
    statuses: list[str] | None = Field(description="EPP status codes.")
    seen_at: datetime | None = Field(description="When the registrar was asked last.")
    missing_since: datetime | None
    error_code: str | None
    error_message: str | None


class ImportShape(BaseModel):
    """The registrations that were made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "import",
                    "registrations": [example(Prefix.REGISTRATION, "registrations", **_EXAMPLE)],
                }
            ]
        }
    )

    object: Literal["import"] = "import"
    registrations: list[RegistrationShape]


def show(_call: TransactionCall | None, row: RegisteredName) -> RegistrationShape:
    """Return a registration as callers see it: never its contact."""
    identity = ids.show(Prefix.REGISTRATION, row.id)
    same = (
        *("name", "status", "registered_at", "expires_at", "renewed_by", "registrar_renews"),
        *(
            "lock_wanted",
            "privacy_wanted",
            "name_servers",
            "name_servers_wanted",
            "statuses",
            "seen_at",
        ),
        *("publishes_ds", "ds_wanted", "missing_since", "created_at", "updated_at"),
    )
    return RegistrationShape(
        id=identity,
        metadata={},
        links={"self": f"/v1/registrations/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        account=public(Prefix.ACCOUNT, row.account_id),
        locked=row.is_locked,
        privacy=row.has_privacy,
        delegated=row.is_delegated,
        parent_name_servers=row.parent_servers,
        ds=row.ds_seen,
        error_code=row.trouble_code,
        error_message=row.trouble_message,
        **{name: getattr(row, name) for name in same},
    )


def _offer(found: Offer) -> NameOfferShape:
    return NameOfferShape(
        name=found.name,
        availability=found.availability,
        price=None if found.price is None else money_shape(found.price),
        premium=found.is_premium,
    )


@routes.post(
    "/registrations:search",
    operation_id="search_registrations",
    responses=errors.documented(429),
)
def find(world: Crossing, body: SearchNew) -> SearchShape:
    """Ask a registrar which names are free and what they cost."""
    found = search.search(
        world.sessions,
        world.tools,
        world.actor,
        body.names,
        account=body.account,
        organization=body.organization,
        suggest=body.suggest,
    )
    return SearchShape(
        offers=[_offer(one) for one in found.offers],
        suggestions=[_offer(one) for one in found.suggestions],
    )


@routes.post(
    "/registrations:quote",
    status_code=201,
    operation_id="quote_registration",
    responses=errors.documented(429),
)
def quote(world: Crossing, body: QuoteNew) -> PurchaseShape:
    """Ask what an act costs. Nothing is bought before the purchase is confirmed."""
    row = quotes.quote(
        world.sessions,
        world.tools,
        world.actor,
        act=body.act,
        name=body.name,
        years=body.years,
        account=body.account,
        organization=body.organization,
    )
    return show_purchase(None, row)


@routes.post(
    "/registrations:import",
    operation_id="import_registrations",
    responses=errors.documented(429),
)
def import_(world: Crossing, body: ImportNew) -> ImportShape:
    """Make registrations of names that are in an account already."""
    made = registrations.import_all(
        world.sessions,
        world.tools,
        world.actor,
        account=body.account,
        organization=body.organization,
        names_only=body.names,
    )
    return ImportShape(registrations=[show(None, one) for one in made])


@routes.get("/registrations", operation_id="list_registrations")
def list_(
    call: Read,
    listing: Listed,
    status: RegistrationStatus | None = None,
    name: str | None = None,
) -> Page[RegistrationShape]:
    """List registrations, including those that are over."""
    asked = listing.select(status=status, name=name)
    return listing.page(call, show, registrations.page(call.session, call.actor, **asked))


@routes.get("/registrations/{registration}", operation_id="show_registration")
def get(call: Read, registration: str) -> RegistrationShape:
    """Show a registration."""
    return call.one(show, registrations.get(call.session, call.actor, registration))


@routes.patch("/registrations/{registration}", operation_id="update_registration")
def update(call: Write, registration: str, body: RegistrationUpdate) -> RegistrationShape:
    """Change what is wanted of a registration."""
    found = registrations.get(call.session, call.actor, registration)
    call.expect(show, found)
    row = registrations.update(
        call.session,
        call.actor,
        registration,
        call.now,
        renewed_by=body.renewed_by,
        publishes_ds=body.publishes_ds,
    )
    return call.one(show, row)


@routes.post("/registrations/{registration}:lock", operation_id="lock_registration")
def lock(call: Write, registration: str) -> RegistrationShape:
    """Protect a name from transfers to another registrar."""
    row = registrations.update(call.session, call.actor, registration, call.now, locked=True)
    return call.one(show, row)


@routes.post("/registrations/{registration}:unlock", operation_id="unlock_registration")
def unlock(call: Write, registration: str) -> RegistrationShape:
    """Let a name be moved to another registrar."""
    row = registrations.update(call.session, call.actor, registration, call.now, locked=False)
    return call.one(show, row)


@routes.post("/registrations/{registration}:enable-privacy", operation_id="enable_privacy")
def enable_privacy(world: Crossing, registration: str) -> RegistrationShape:
    """Keep the contacts of a name out of public directories."""
    return _set_privacy(world, registration, hidden=True)


@routes.post("/registrations/{registration}:disable-privacy", operation_id="disable_privacy")
def disable_privacy(world: Crossing, registration: str) -> RegistrationShape:
    """Show the contacts of a name in public directories."""
    return _set_privacy(world, registration, hidden=False)


def _set_privacy(world: NetworkCall, registration: str, *, hidden: bool) -> RegistrationShape:
    row = registrations.set_privacy(
        world.sessions, world.tools, world.actor, registration, hidden=hidden
    )
    return show(None, row)


@routes.post("/registrations/{registration}:preview-delegation", operation_id="preview_delegation")
def preview_delegation(
    world: Crossing, registration: str, body: DelegationAsked
) -> DelegationPreviewShape:
    """Show what stops answering when a name gets other name servers."""
    found = delegations.preview(
        world.sessions, world.tools, world.actor, registration, body.name_servers
    )
    return DelegationPreviewShape(
        name_servers=list(found.servers),
        lost=[
            LostRecordShape(name=one.name, type=one.type, values=list(one.values))
            for one in found.lost
        ],
    )


@routes.post("/registrations/{registration}:delegate", operation_id="delegate_registration")
def delegate(world: Crossing, registration: str, body: NameServersNew) -> RegistrationShape:
    """Set the name servers of a name."""
    row = delegations.delegate(
        world.sessions,
        world.tools,
        world.actor,
        registration,
        body.name_servers,
        accepts_losses=body.confirm,
    )
    return show(None, row)
