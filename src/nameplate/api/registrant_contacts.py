"""Contacts of registrations: whom names are registered for. Personal data."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api import errors
from nameplate.api.deps import Crossing, NetworkCall, Read
from nameplate.api.routing import router
from nameplate.api.shapes import Body
from nameplate.core import ids
from nameplate.core.contacts import parse_contact
from nameplate.core.ids import Prefix
from nameplate.models import RegisteredName
from nameplate.usecases.registrations import contacts, registrations

routes = router("registrations")

_CONTACT: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Example",
    "organization": "",
    "email": "ada@example.com",
    "phone": "+44.2071234567",
    "street": "1 Example Street",
    "street2": "",
    "city": "London",
    "state": "",
    "postal_code": "N1 9GU",
    "country": "GB",
}


class ContactShape(BaseModel):
    """A person or company, as registries want it."""

    first_name: str
    last_name: str
    organization: str
    email: str
    phone: str
    street: str
    street2: str
    city: str
    state: str
    postal_code: str
    country: str = Field(description="ISO 3166-1, two letters.")


class RegistrantContactShape(BaseModel):
    """Whom a name is registered for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "registrant_contact",
                    "id": ids.show(Prefix.REGISTRATION, 1),
                    "contact": _CONTACT,
                    "wanted_at": None,
                    "sent_at": None,
                }
            ]
        }
    )

    object: Literal["registrant_contact"] = "registrant_contact"
    id: str = Field(description="Id of the registration.")
    contact: ContactShape
    wanted_at: datetime | None = Field(
        description="Since when the registrar is to have it; null: no change waits."
    )
    sent_at: datetime | None = Field(
        description="When it was sent to the registrar, which does not show it yet."
    )


class RegistrantContactNew(Body):
    """Whom a name is to be registered for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"contact": _CONTACT}]})

    contact: dict[str, str] = Field(
        description="`first_name`, `last_name`, `email`, `phone` (+49.301234567), `street`, `city`, "
        "`postal_code`, `country` (DE), and where they are needed `organization`, `street2`, `state`. "
        "It replaces all that was there."
    )


def show(call: NetworkCall, row: RegisteredName) -> RegistrantContactShape:
    """Return the contact of a registration that the caller may see. Raises NotFound `contact_missing`."""
    return RegistrantContactShape(
        id=ids.show(Prefix.REGISTRATION, row.id),
        contact=ContactShape(**contacts.read(row, call.tools.keyring).as_json()),
        wanted_at=row.contact_wanted_at,
        sent_at=row.contact_sent_at,
    )


@routes.get("/registrations/{registration}/contact", operation_id="show_registrant_contact")
def get(call: Read, registration: str) -> RegistrantContactShape:
    """Show whom a name is registered for, as it was given here."""
    return call.one(show, registrations.get(call.session, call.actor, registration))


@routes.put(
    "/registrations/{registration}/contact",
    operation_id="replace_registrant_contact",
    responses=errors.documented(409),
)
def replace(
    world: Crossing, registration: str, body: RegistrantContactNew
) -> RegistrantContactShape:
    """Change whom a name is registered for; the registrar may ask the registrant to confirm it."""
    given = parse_contact(body.contact)
    row = contacts.change(world.sessions, world.tools, world.actor, registration, given)
    return show(world, row)
