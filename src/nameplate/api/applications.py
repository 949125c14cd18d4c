"""Applications: what bindings send requests to."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, StringConstraints

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    ExternalId,
    Metadata,
    Name,
    Page,
    Reference,
    Shape,
    common,
    example,
)
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import Application
from nameplate.usecases.serving import applications

routes = router("applications")

Host = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9_.:-]+$")
]
Port = Annotated[int, Field(ge=1, le=65535)]
Ports = Annotated[list[Port], Field(max_length=100)]
_PORTS = "Other ports that the organization may choose for a binding. Platform tokens only."

_EXAMPLE: dict[str, Any] = {"name": "Shop", "upstream_host": "10.0.0.5", "upstream_port": 8000}


class ApplicationNew(Body):
    """An application to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    organization: Reference | None = Field(
        default=None, description="Required with a platform token."
    )
    upstream_host: Host | None = Field(default=None, description="Platform tokens only.")
    upstream_port: Port | None = Field(default=None, description="Platform tokens only.")
    binding_ports: Ports | None = Field(default=None, description=_PORTS)
    external_id: ExternalId | None = Field(default=None, description="Platform tokens only.")
    metadata: Metadata | None = None


class ApplicationChange(Body):
    """Changes to an application. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upstream_port": 8001}]})

    name: Name = Field(default="")
    upstream_host: Host | None = None
    upstream_port: Port | None = None
    binding_ports: Ports | None = Field(default=None, description=_PORTS)
    external_id: ExternalId | None = None
    metadata: Metadata | None = None


class ApplicationShape(Shape):
    """An application that bindings send requests to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.APPLICATION,
                    "applications",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    external_id=None,
                    binding_ports=None,
                    **_EXAMPLE,
                )
            ]
        }
    )

    object: Literal["application"] = "application"
    organization: str
    name: str
    upstream_host: str | None
    upstream_port: int | None
    binding_ports: list[int] | None
    external_id: str | None


def show(_call: TransactionCall, row: Application) -> ApplicationShape:
    """Return an application as callers see it."""
    return ApplicationShape(
        **common(row, Prefix.APPLICATION, "applications"),
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        name=row.name,
        upstream_host=row.upstream_host,
        upstream_port=row.upstream_port,
        binding_ports=row.binding_ports,
        external_id=row.external_id,
    )


@routes.post("/applications", status_code=201, operation_id="add_application")
def add(call: Write, body: ApplicationNew) -> ApplicationShape:
    """Add an application."""
    return call.one(show, applications.add(call.session, call.actor, **body.given()))


@routes.get("/applications", operation_id="list_applications")
def list_(
    call: Read,
    listing: Listed,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
    organization: Annotated[
        Reference | None, Query(description="Only objects of this organization.")
    ] = None,
) -> Page[ApplicationShape]:
    """List applications."""
    selected = listing.select(tagged=True, name=name, organization=organization)
    return listing.page(call, show, applications.page(call.session, call.actor, **selected))


@routes.get("/applications/{application}", operation_id="show_application")
def get(call: Read, application: str) -> ApplicationShape:
    """Show an application by id, external id or name."""
    return call.one(show, applications.get(call.session, call.actor, application))


@routes.patch("/applications/{application}", operation_id="update_application")
def update(call: Write, application: str, body: ApplicationChange) -> ApplicationShape:
    """Update an application and reconfigure its bindings."""
    call.expect(show, applications.get(call.session, call.actor, application))
    changes = body.given()
    row = applications.update(call.session, call.actor, application, call.now, **changes)
    return call.one(show, row)


@routes.delete("/applications/{application}", status_code=204, operation_id="remove_application")
def remove(call: Write, application: str) -> None:
    """Remove an application and its bindings."""
    applications.remove(call.session, call.actor, application, call.now)


@routes.post("/applications/{application}:restore", operation_id="restore_application")
def restore(call: Write, application: str) -> ApplicationShape:
    """Restore a removed application and the bindings that were removed with it."""
    return call.one(show, applications.restore(call.session, call.actor, application, call.now))
