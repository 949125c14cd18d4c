"""Health checks of a binding: what they come to, and the last day of them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Read
from nameplate.api.routing import router
from nameplate.core import health as thresholds
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import HealthStatus
from nameplate.usecases.serving import bindings, looks

routes = router("bindings")

_EXAMPLE: dict[str, Any] = {
    "object": "binding_health",
    "binding": ids.show(Prefix.BINDING, 1),
    "hostname": "shop.example.com",
    "path": "/",
    "health_status": "degraded",
    "failing_since": None,
    "held_back_at": None,
    "failed_in_a_row": 0,
    "good_until_healthy": 1,
    "error_message": None,
    "last_health_check_at": "2026-11-23T09:32:00Z",
    "next_check_at": "2026-11-23T09:32:05Z",
    "now": "2026-11-23T09:32:01Z",
    "points": [
        {
            "at": "2026-11-23T09:30:00Z",
            "looks": 4,
            "failed": 1,
            "status": 502,
            "milliseconds": 34,
            "longest": 51,
        }
    ],
}


class HealthPointShape(BaseModel):
    """The health checks of five minutes."""

    at: datetime
    looks: int
    failed: int
    status: int | None = Field(
        description="The highest status seen; null when there was no answer."
    )
    milliseconds: int = Field(description="On average.")
    longest: int = Field(description="The longest, in milliseconds.")


class BindingHealthShape(BaseModel):
    """What the health checks of a binding come to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["binding_health"] = "binding_health"
    binding: str
    hostname: str
    path: str
    health_status: HealthStatus
    failing_since: datetime | None = Field(
        description="Since when checks fail; null when the last one did not."
    )
    held_back_at: datetime | None = Field(
        description="Since when the target gets no requests while others of its route are well."
    )
    failed_in_a_row: int
    good_until_healthy: int = Field(
        description="Good checks in a row that are missing. Twice as many for each time that it "
        "became unhealthy again within an hour."
    )
    error_message: str | None
    last_health_check_at: datetime | None
    next_check_at: datetime | None
    now: datetime
    points: list[HealthPointShape] = Field(
        description="The last day, oldest first. Where all is well, the last five minutes are missing."
    )


@routes.get("/bindings/{binding}/health", operation_id="show_binding_health")
def get(call: Read, binding: str) -> BindingHealthShape:
    """Show the health of a binding, and its checks of the last day."""
    row = bindings.get(call.session, call.actor, binding)
    memory = row.health_memory
    same = (
        *("hostname", "path", "health_status", "failing_since", "held_back_at", "error_message"),
        "last_health_check_at",
    )
    return BindingHealthShape(
        **{name: getattr(row, name) for name in same},
        binding=ids.show(Prefix.BINDING, row.id),
        failed_in_a_row=memory.bad,
        good_until_healthy=thresholds.missing(memory),
        next_check_at=row.next_action_at,
        now=call.now,
        points=[
            HealthPointShape(
                at=one.at, looks=one.looks, failed=one.failed, status=one.status,
                milliseconds=one.milliseconds, longest=one.longest,
            )
            for one in looks.series(call.session, row, call.now)
        ],
    )  # fmt: skip
