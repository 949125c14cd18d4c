"""Names at registrars without an API: what their registries say, and who may enter them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.core.registered import RegistryStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import KnownRegistration, RegisteredName
from nameplate.ports.registrar import Registration as Seen
from nameplate.ports.registrar import RegistrationState
from nameplate.usecases import holders, work
from nameplate.usecases.registrations import granting, seeing
from nameplate.usecases.registrations.registrars import Connected

_EPP = {
    RegistryStatus.CLIENT_HOLD: "clientHold",
    RegistryStatus.SERVER_HOLD: "serverHold",
    RegistryStatus.REDEMPTION_PERIOD: "redemptionPeriod",
    RegistryStatus.PENDING_RESTORE: "pendingRestore",
    RegistryStatus.PENDING_DELETE: "pendingDelete",
    RegistryStatus.CLIENT_TRANSFER_PROHIBITED: "clientTransferProhibited",
    RegistryStatus.SERVER_TRANSFER_PROHIBITED: "serverTransferProhibited",
    RegistryStatus.PENDING_TRANSFER: "pendingTransfer",
    RegistryStatus.AUTO_RENEW_PERIOD: "autoRenewPeriod",
}


def check_entered(session: Session, owner_id: int, name: str) -> None:
    """See to it that an organization holds a name that it enters: the entry proves nothing.

    Raises Conflict `name_not_proved`.
    """
    if not holders.holds(session, owner_id, name):
        raise Conflict(
            "name_not_proved",
            f"The organization does not hold {name}. Add it as a domain and prove it first: a registrar "
            "without an API proves nothing.",
        )


def shown(session: Session, row: RegisteredName) -> Seen:
    """Return what the registry said last of the name, without asking it."""
    claim = granting.claim_of(session, row)
    known = None if claim is None else claim.registration
    return told(row.name, known or KnownRegistration(), row)


def told(name: str, known: KnownRegistration, row: RegisteredName) -> Seen:
    """Return what a registry said in the form of registrars."""
    now = known.at
    ended = known.ended_at is not None
    over = known.expires_at is not None and now is not None and known.expires_at <= now
    state = RegistrationState.EXPIRED if over else RegistrationState.ACTIVE
    if ended:
        state = RegistrationState.REDEMPTION
    elif RegistryStatus.PENDING_TRANSFER in known.states:
        state = RegistrationState.TRANSFERRING_OUT
    locks = {RegistryStatus.CLIENT_TRANSFER_PROHIBITED, RegistryStatus.SERVER_TRANSFER_PROHIBITED}
    return Seen(
        name,
        state,
        registered_at=known.registered_at or row.registered_at,
        expires_at=known.expires_at or row.expires_at,
        is_locked=bool(locks & known.states) if known.at is not None else None,
        name_servers=known.name_servers,
        statuses=tuple(sorted(_EPP[one] for one in known.states)),
    )


def look(
    sessions: Sessions,
    lease: Lease,
    row: RegisteredName,
    connected: Connected,
    wanted: Sequence[str] | None,
) -> work.StepOutcome | None:
    """Take over what the registry said; the registration ends when its organization holds it no more.

    Raises Refused when the name is to have other name servers: a person sets them.
    """

    def change(session: Session, current: RegisteredName) -> bool | None:
        now = lease.now()
        current.attempts = 0
        if not holders.holds(session, current.organization_id, current.name):
            current.become(RegistrationStatus.ENDED)
            current.next_action_at = None
            return None
        seeing.apply(current, shown(session, current), now)
        seeing.give_notice(current, now)
        current.next_action_at = max(seeing.next_look(current, now), now + seeing.DAY)
        return not wanted or sorted(wanted) == current.name_servers

    is_as_wanted = work.record(
        sessions, RegisteredName, lease, change, release=lambda answer: answer is not False
    )
    if is_as_wanted is False:
        connected.registrar.delegate(row.name, wanted or ())
    return work.StepOutcome("registration_ended") if is_as_wanted is None else None
