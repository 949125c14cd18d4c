"""The operator's decision about who holds a name."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api.deps import Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Reference, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.usecases.claims import overrides

routes = router("domains")

_EXAMPLE: dict[str, Any] = {
    "name": "example.com",
    "organization": "acme",
    "reason": "The owner has shown the registrar's invoice.",
}


class OverrideNew(Body):
    """A name, who is to hold it, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    organization: Reference | None = Field(
        default=None,
        description="Organization that gets the name. Default: it is taken from its holder.",
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="Both sides see it."
    )


class EndedShape(BaseModel):
    """A holding that ends by it."""

    name: str
    organization: str
    hosts: list[str] = Field(description="Hosts that are not served any more.")


class OverrideShape(BaseModel):
    """What a decision does, or would do in a dry run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "override",
                    "name": "example.com",
                    "organization": ids.show(Prefix.ORGANIZATION, 1),
                    "domain": ids.show(Prefix.DOMAIN, 1),
                    "ended": [
                        {
                            "name": "example.com",
                            "organization": ids.show(Prefix.ORGANIZATION, 2),
                            "hosts": ["example.com"],
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["override"] = "override"
    name: str
    organization: str | None = Field(description="Who holds the name now; null when it was taken.")
    domain: str | None = Field(description="Its domain.")
    ended: list[EndedShape] = Field(description="Holdings that end by it.")


@routes.post("/domains:override", operation_id="override_domain")
def override(call: Write, body: OverrideNew) -> OverrideShape:
    """Give a name to an organization, or take it from whoever holds it. Platform tokens only."""
    common: dict[str, Any] = {"reason": body.reason, "now": call.now}
    base = call.session, call.tools, call.actor, body.name
    done = (
        overrides.release(*base, **common)
        if body.organization is None
        else overrides.give(*base, body.organization, **common)
    )
    row = done.domain
    return OverrideShape(
        name=done.name,
        organization=public(Prefix.ORGANIZATION, row.organization_id if row else None),
        domain=public(Prefix.DOMAIN, row.id if row else None),
        ended=[
            EndedShape(
                name=one.name,
                organization=ids.show(Prefix.ORGANIZATION, one.organization_id),
                hosts=list(one.hosts),
            )
            for one in done.ended
        ],
    )
