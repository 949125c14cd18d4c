"""When certificates that are to be ordered some day can be ordered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.certificates import Host
from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Reference
from nameplate.usecases.certificates import schedule

routes = router("certificates")


class NamesOfCertificate(Body):
    """The names of one certificate."""

    names: Annotated[list[Host], Field(min_length=1, max_length=100)]


class ScheduleNew(Body):
    """Certificates to be ordered some day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"organization": "acme", "certificates": [{"names": ["a.example.com"]}]}]
        }
    )

    organization: Reference | None = Field(
        default=None, description="Required with a platform token."
    )
    certificates: Annotated[
        list[NamesOfCertificate], Field(min_length=1, max_length=schedule.MAX_CERTIFICATES)
    ]


class ScheduledShape(BaseModel):
    """When one certificate can be ordered."""

    names: list[str]
    order_at: datetime
    waits_for: str | None = Field(description="The limit of the authority that it waits for.")


class ScheduleShape(BaseModel):
    """When each certificate can be ordered, in order of time. Nothing is reserved."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "certificate_schedule",
                    "certificates": [
                        {
                            "names": ["a.example.com"],
                            "order_at": "2026-11-30T18:00:00Z",
                            "waits_for": "certificates for example.com",
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["certificate_schedule"] = "certificate_schedule"
    certificates: list[ScheduledShape]


@routes.post("/certificates:schedule", operation_id="schedule_certificates")
def plan(world: Crossing, body: ScheduleNew) -> ScheduleShape:
    """Tell when each of many certificates can be ordered within the authority's limits."""
    wanted = [one.names for one in body.certificates]
    planned = schedule.plan(world.sessions, world.tools, world.actor, wanted, body.organization)
    return ScheduleShape(
        certificates=[
            ScheduledShape(names=list(one.hosts), order_at=one.order_at, waits_for=one.waits_for)
            for one in planned
        ]
    )
