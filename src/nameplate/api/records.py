"""DNS records of domains."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, StringConstraints

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    Metadata,
    Notes,
    Page,
    Reference,
    Shape,
    common,
    example,
    public,
)
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.rdata.forms import FORMS
from nameplate.models import Record, RecordableType, RecordType
from nameplate.usecases.dns import records

routes = router("records")

_FORMS = "; ".join(
    f"{rdtype}: {form.parts} (`{form.example}`)"
    for rdtype, form in FORMS.items()
    if rdtype != "SOA"
)
Value = Annotated[
    str,
    StringConstraints(min_length=1, max_length=65535),
    Field(description=f"The value in the form of its type. {_FORMS}."),
]
Ttl = Annotated[int, Field(ge=0, le=2**31 - 1, description="In seconds.")]
Short = Annotated[int, Field(ge=0, le=65535)]
TypeFilter = Annotated[RecordType | None, Query(description="Only records of this type.")]

_EXAMPLE: dict[str, Any] = {
    "type": "MX",
    "name": "@",
    "value": "mail.example.com.",
    "ttl": 3600,
    "priority": 10,
}


class RecordNew(Body):
    """A record to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"domain": "example.com", **_EXAMPLE}]}
    )

    domain: Reference
    type: RecordType
    name: Annotated[str, StringConstraints(max_length=255)] = Field(
        description="Name relative to the domain, such as `www`, `@` or `*`."
    )
    value: Value
    ttl: Ttl = 3600
    priority: Short | None = None
    weight: Short | None = None
    port: Short | None = None
    proxied: bool = False
    notes: Notes | None = None
    metadata: Metadata | None = None
    force: bool = Field(
        default=False,
        description="Accept NS records at the apex. They are written when a plan with them is "
        "applied with `force`.",
    )


class RecordChange(Body):
    """Changes to a record. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ttl": 300}]})

    value: Value = Field(default="")
    ttl: Ttl = 3600
    priority: Short | None = None
    weight: Short | None = None
    port: Short | None = None
    proxied: bool = False
    notes: Notes | None = None
    metadata: Metadata | None = None


class RecordShape(Shape):
    """A DNS record: its desired value, and its state at the provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.RECORD,
                    "records",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    domain=ids.show(Prefix.DOMAIN, 1),
                    **_EXAMPLE,
                    weight=None,
                    port=None,
                    proxied=False,
                    status="active",
                    propagated=True,
                    propagation_checked_at="2026-11-23T09:31:00Z",
                    last_synced_at="2026-11-23T09:30:30Z",
                    drifted_at=None,
                    managed_by_system=True,
                    made_for=None,
                    notes=None,
                    error_message=None,
                    warnings=[],
                )
            ]
        }
    )

    object: Literal["record"] = "record"
    organization: str
    domain: str
    type: RecordType
    name: str
    value: str
    ttl: int
    priority: int | None
    weight: int | None
    port: int | None
    proxied: bool
    status: RecordStatus
    propagated: bool = Field(
        description="Whether every authoritative server answers with the record."
    )
    propagation_checked_at: datetime | None
    last_synced_at: datetime | None = Field(
        description="When the provider last confirmed the record."
    )
    drifted_at: datetime | None = Field(
        description="When a change made outside Nameplate was detected."
    )
    managed_by_system: bool
    made_for: str | None = Field(
        description="Binding or server that Nameplate maintains the record for."
    )
    notes: str | None
    error_message: str | None
    warnings: list[str] = Field(
        default=[],
        description="Problems that the record may cause, such as a CAA record that excludes the "
        "certificate authority. Empty in lists.",
    )


def alone(call: TransactionCall, row: Record) -> RecordShape:
    """Return one record with what is worth a warning."""
    said = records.warnings(call.session, call.sessions, row)
    return show(call, row).model_copy(update={"warnings": said})


def show(_call: TransactionCall, row: Record) -> RecordShape:
    """Return a record as callers see it."""
    fields = common(row, Prefix.RECORD, "records")
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    fields["links"]["domain"] = f"/v1/domains/{domain}"
    same = (
        "name", "value", "ttl", "priority", "weight", "port", "status", "propagated",
        "propagation_checked_at", "last_synced_at", "drifted_at", "managed_by_system", "notes", "error_message",
    )  # fmt: skip
    return RecordShape(
        **fields,
        **{name: getattr(row, name) for name in same},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=domain,
        type=row.record_type,
        proxied=row.proxy_enabled,
        made_for=_maker(row),
    )


def _maker(row: Record) -> str | None:
    if not row.is_automatic:
        return None
    of_server = row.recordable_type is RecordableType.SERVER
    return public(Prefix.SERVER if of_server else Prefix.BINDING, row.recordable_id)


@routes.post("/records", status_code=201, operation_id="add_record")
def add(call: Write, body: RecordNew) -> RecordShape:
    """Add a DNS record. A worker writes it to the DNS provider."""
    given = body.given()
    domain = given.pop("domain")
    row = records.add(call.session, call.actor, domain, now=call.now, **given)
    return call.one(alone, row)


@routes.get("/records", operation_id="list_records")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    type: TypeFilter = None,  # noqa: A002 - the field's own name
    status: Annotated[
        RecordStatus | None, Query(description="Only objects with this status.")
    ] = None,
) -> Page[RecordShape]:
    """List records."""
    selected = listing.select(domain=domain, type=type, status=status)
    return listing.page(call, show, records.page(call.session, call.actor, **selected))


@routes.get("/records/{record}", operation_id="show_record")
def get(call: Read, record: str) -> RecordShape:
    """Show a record."""
    return call.one(alone, records.get(call.session, call.actor, record))


@routes.patch("/records/{record}", operation_id="update_record")
def update(call: Write, record: str, body: RecordChange) -> RecordShape:
    """Update a record. A worker writes the change to the DNS provider."""
    call.expect(alone, records.get(call.session, call.actor, record))
    row = records.update(call.session, call.actor, record, now=call.now, **body.given())
    return call.one(alone, row)


@routes.delete("/records/{record}", status_code=204, operation_id="remove_record")
def remove(call: Write, record: str) -> None:
    """Remove a record. A worker deletes it at the DNS provider if Nameplate created it."""
    records.remove(call.session, call.actor, record, call.now)


@routes.post("/records/{record}:detach", operation_id="detach_record")
def detach(call: Write, record: str) -> RecordShape:
    """Detach a record from its binding or server. It keeps its value and can be changed."""
    return call.one(alone, records.detach(call.session, call.actor, record))
