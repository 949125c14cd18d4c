"""Moving a name to another registrar: the code that proves the wish there."""

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import RegisteredName, telling
from nameplate.ports.registrar import TransferCodes
from nameplate.usecases.registrations import registrars, registrations
from nameplate.usecases.tools import Tools


def transfer_code(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str
) -> tuple[RegisteredName, Secret]:
    """Return the code with which a name moves elsewhere; an event tells that it was asked for.

    Raises NotFound, Conflict `registration_over`, `name_to_be_unlocked`, and as registrars do.
    """
    connected = registrations.connected(sessions, tools, actor, reference)
    with sessions.begin(actor, read_only=True) as session:
        row = registrations.get(session, actor, reference)
    if row.lock_wanted:
        raise Conflict(
            "name_to_be_unlocked",
            f"{row.name} is protected from transfers. Unlock it first, and ask again when the registrar shows it unlocked.",
        )
    able = registrars.able(connected, TransferCodes, "tell transfer codes")  # type: ignore[type-abstract]  # a Protocol is asked for
    code = able.transfer_code(row.name)
    with sessions.begin(actor) as session:
        shown = registrations.get(session, actor, reference)
        telling.tell(session, "registration.transfer_code_told", shown, name=shown.name)
    return row, code
