"""Purchases: quotes, what was agreed to, and what became of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Shape, example, public
from nameplate.core import ids
from nameplate.core.contacts import parse_contact
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.core.money import MAX_AMOUNT, Money
from nameplate.core.secret import Secret
from nameplate.models import Purchase, RenewedBy
from nameplate.ports.registrar import Act
from nameplate.usecases.registrations import purchases
from nameplate.usecases.registrations.purchases import Agreement

routes = router("purchases")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "registration": ids.show(Prefix.REGISTRATION, 1),
    "account": ids.show(Prefix.ACCOUNT, 1),
    "name": "example.com",
    "act": "register",
    "years": 1,
    "status": "settled",
    "price": {"amount": 1298, "currency": "USD", "text": "12.98 USD"},
    "agreed": {"amount": 1298, "currency": "USD", "text": "12.98 USD"},
    "charged": {"amount": 1298, "currency": "USD", "text": "12.98 USD"},
    "premium": False,
    "valid_until": "2026-11-29T10:00:00Z",
    "starts_from": None,
    "confirmed_at": "2026-11-29T09:30:10Z",
    "confirmed_by": "shop-backend",
    "waits_because": None,
    "approved_at": None,
    "sent_at": "2026-11-29T09:30:12Z",
    "ended_at": "2026-11-29T09:30:13Z",
    "order_id": "10001",
    "transaction_id": "20002",
    "error_code": None,
    "error_message": None,
}


class MoneyShape(BaseModel):
    """An amount of money."""

    amount: int = Field(description="In minor units of the currency, as cents.")
    currency: str = Field(description="ISO 4217.")
    text: str = Field(description="The same for a person.")


class MoneyNew(Body):
    """An amount of money."""

    amount: int = Field(
        ge=0, le=MAX_AMOUNT, strict=True, description="In minor units of the currency."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class PurchaseConfirmation(Body):
    """What is agreed to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": {"amount": 1298, "currency": "USD"}}]},
        extra="forbid",
        hide_input_in_errors=True,
    )

    amount: MoneyNew = Field(description="What may be paid at most.")
    accepts_premium: bool = Field(
        default=False, description="Required to be true for a premium name."
    )
    contact: dict[str, str] | None = Field(
        default=None,
        description="Who registers the name: `first_name`, `last_name`, `email`, `phone` "
        "(+49.301234567), `street`, `city`, `postal_code`, `country` (DE), and where they are needed "
        "`organization`, `street2`, `state`. Default: that of the organization's last registration.",
    )
    transfer_code: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="Required for a transfer: the present registrar's code."
    )
    renewed_by: RenewedBy = Field(
        default=RenewedBy.NAMEPLATE, description="Who renews it before it ends."
    )
    delegate: bool = Field(
        default=False,
        description="Delegate it to the DNS account of its domain, which is hosted here when it is new "
        "and this installation hosts zones.",
    )


class PurchaseShape(Shape):
    """An act at a registrar that costs money."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.PURCHASE, "purchases", **_EXAMPLE)]}
    )

    object: Literal["purchase"] = "purchase"
    organization: str
    registration: str | None
    account: str | None
    name: str
    act: Act
    years: int
    status: PurchaseStatus
    price: MoneyShape = Field(description="What was quoted.")
    agreed: MoneyShape | None = Field(description="What may be paid at most.")
    charged: MoneyShape | None = Field(description="What the registrar says it took.")
    premium: bool
    valid_until: datetime = Field(description="Until when the quote can be confirmed.")
    starts_from: datetime | None = Field(description="The expiry that a renewal starts from.")
    confirmed_at: datetime | None
    confirmed_by: str | None
    waits_because: str | None = Field(description="Over which limit it is.")
    approved_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None
    order_id: str | None
    transaction_id: str | None
    error_code: str | None
    error_message: str | None


def money_shape(found: Money) -> MoneyShape:
    """Return an amount as callers see it."""
    return MoneyShape(amount=found.amount, currency=found.currency, text=str(found))


def show(_call: TransactionCall | None, row: Purchase) -> PurchaseShape:
    """Return a purchase as callers see it: never its transfer code."""
    identity = ids.show(Prefix.PURCHASE, row.id)
    same = (
        *("name", "act", "years", "status", "valid_until", "starts_from", "confirmed_at"),
        *("confirmed_by", "waits_because", "approved_at", "sent_at", "ended_at", "order_id"),
        *("transaction_id", "error_code", "error_message", "created_at", "updated_at"),
    )
    charged = None if row.charged_amount is None else Money(row.charged_amount, row.currency)
    return PurchaseShape(
        id=identity,
        metadata={},
        links={"self": f"/v1/purchases/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        registration=public(Prefix.REGISTRATION, row.registration_id),
        account=public(Prefix.ACCOUNT, row.account_id),
        price=money_shape(row.price),
        agreed=None if row.agreed_amount is None else money_shape(row.agreed),
        charged=None if charged is None else money_shape(charged),
        premium=row.is_premium,
        **{name: getattr(row, name) for name in same},
    )


@routes.get("/purchases", operation_id="list_purchases")
def list_(
    call: Read,
    listing: Listed,
    status: PurchaseStatus | None = None,
    name: str | None = None,
) -> Page[PurchaseShape]:
    """List purchases, including quotes that were not confirmed."""
    asked = listing.select(status=status, name=name)
    return listing.page(call, show, purchases.page(call.session, call.actor, **asked))


@routes.get("/purchases/{purchase}", operation_id="show_purchase")
def get(call: Read, purchase: str) -> PurchaseShape:
    """Show a purchase."""
    return call.one(show, purchases.get(call.session, call.actor, purchase))


@routes.post(
    "/purchases/{purchase}:confirm",
    operation_id="confirm_purchase",
    responses=errors.documented(409),
)
def confirm(world: Crossing, purchase: str, body: PurchaseConfirmation) -> PurchaseShape:
    """Agree to a quote: it is bought, once. Confirming again returns the same purchase."""
    terms = Agreement(
        Money(body.amount.amount, body.amount.currency),
        body.accepts_premium,
        None if body.contact is None else parse_contact(body.contact),
        None if body.transfer_code is None else Secret(body.transfer_code),
        body.renewed_by,
        body.delegate,
    )
    row = purchases.confirm(world.sessions, world.tools, world.actor, purchase, terms)
    return show(None, row)


@routes.post("/purchases/{purchase}:approve", operation_id="approve_purchase")
def approve(call: Write, purchase: str) -> PurchaseShape:
    """Let a purchase be that is over a limit. Requires a platform token."""
    return call.one(show, purchases.approve(call.session, call.actor, purchase, call.now))


@routes.post("/purchases/{purchase}:cancel", operation_id="cancel_purchase")
def cancel(call: Write, purchase: str) -> PurchaseShape:
    """Call off a purchase that was not sent to the registrar yet."""
    return call.one(show, purchases.cancel(call.session, call.actor, purchase, call.now))
