"""Codes with which names move to other registrars."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api import errors
from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.usecases.registrations import moving

routes = router("registrations")


class TransferCode(BaseModel):
    """The code with which a name moves to another registrar."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "transfer_code",
                    "id": ids.show(Prefix.REGISTRATION, 1),
                    "transfer_code": "x7-Qd9",
                }
            ]
        }
    )

    object: Literal["transfer_code"] = "transfer_code"
    id: str = Field(description="Id of the registration.")
    transfer_code: str | None = Field(
        description="null in the response to a repeated request: it is not kept."
    )


@routes.post(
    "/registrations/{registration}:auth-code",
    operation_id="show_transfer_code",
    responses=errors.documented(409),
)
def show_code(world: Crossing, registration: str) -> TransferCode:
    """Return the code with which an unlocked name moves away. An event tells of it."""
    row, code = moving.transfer_code(world.sessions, world.tools, world.actor, registration)
    identity = ids.show(Prefix.REGISTRATION, row.id)
    kept = TransferCode(id=identity, transfer_code=None)
    world.request.state.kept_body = kept.model_dump_json()
    return TransferCode(id=identity, transfer_code=code.reveal())
