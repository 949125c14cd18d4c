"""Which states exist and which follow which: the one table of transitions.

No other code decides whether a status may change; model methods call `move` and assign what it
returns. A transition to the state that already holds is always allowed and changes nothing, so that
a step repeated after a crash is harmless.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from nameplate.core.errors import Conflict

Status = TypeVar("Status", bound=StrEnum)


class DomainStatus(StrEnum):
    """Where a claimed domain stands between claim and release."""

    PENDING_VERIFICATION = "pending_verification"
    VERIFIED = "verified"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    ERROR = "error"


class RecordStatus(StrEnum):
    """Where a DNS record stands between wish and world."""

    PENDING = "pending"
    ACTIVE = "active"
    SYNCING = "syncing"
    ERROR = "error"
    DISABLED = "disabled"


class CertificateStatus(StrEnum):
    """Where a certificate stands between order and expiry."""

    PENDING = "pending"
    ACTIVE = "active"
    RENEWING = "renewing"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ERROR = "error"


class VerificationStatus(StrEnum):
    """Where a proof of control stands."""

    PENDING = "pending"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    FAILED = "failed"
    EXPIRED = "expired"


class BindingStatus(StrEnum):
    """Where a binding stands between wish and served traffic."""

    PENDING = "pending"
    CONFIGURING = "configuring"
    ACTIVE = "active"
    ERROR = "error"
    DISABLED = "disabled"


class PlanStatus(StrEnum):
    """Where a stored plan of DNS changes stands. One that has run out of time stays `ready`."""

    READY = "ready"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    """Carried out, but the provider refused a part: the report says which."""
    UNDONE = "undone"


class RegistrationStatus(StrEnum):
    """Where a registration at a registrar stands."""

    PENDING = "pending"
    """Bought, and not seen in the account yet."""
    TRANSFERRING_IN = "transferring_in"
    ACTIVE = "active"
    EXPIRING = "expiring"
    """It ends within 30 days."""
    EXPIRED = "expired"
    """Its period is over; a renewal still keeps it."""
    REDEMPTION = "redemption"
    """Only a reactivation brings it back."""
    TRANSFERRING_OUT = "transferring_out"
    CANCELLED = "cancelled"
    """It never came to be."""
    ENDED = "ended"
    """It is no longer in the account."""


class PurchaseStatus(StrEnum):
    """Where one act that costs money stands."""

    QUOTED = "quoted"
    CONFIRMED = "confirmed"
    WAITING = "waiting"
    """It is over a limit: the platform's operator must approve it."""
    INTENDED = "intended"
    """Everything was checked, and nothing was sent."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """The answer was lost; the registrar is asked what became of it before anything else."""
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"


class HealthStatus(StrEnum):
    """What the last health checks of a binding said. Any may follow any."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"


_D = DomainStatus
_R = RecordStatus
_C = CertificateStatus
_V = VerificationStatus
_B = BindingStatus
_P = PlanStatus
_G = RegistrationStatus
_U = PurchaseStatus
_SEEN = frozenset(
    {_G.ACTIVE, _G.EXPIRING, _G.EXPIRED, _G.REDEMPTION, _G.TRANSFERRING_OUT, _G.ENDED}
)
"""What a registrar may say of a name in the account; any may follow any, for others act there too."""

TRANSITIONS: Mapping[type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]] = {
    DomainStatus: {
        _D.PENDING_VERIFICATION: frozenset({_D.VERIFIED, _D.SUSPENDED, _D.EXPIRED, _D.ERROR}),
        _D.VERIFIED: frozenset(
            {_D.ACTIVE, _D.PENDING_VERIFICATION, _D.SUSPENDED, _D.EXPIRED, _D.ERROR}
        ),
        _D.ACTIVE: frozenset(
            {_D.VERIFIED, _D.PENDING_VERIFICATION, _D.SUSPENDED, _D.EXPIRED, _D.ERROR}
        ),
        _D.SUSPENDED: frozenset({_D.PENDING_VERIFICATION, _D.VERIFIED, _D.ACTIVE, _D.EXPIRED}),
        _D.EXPIRED: frozenset({_D.PENDING_VERIFICATION}),
        _D.ERROR: frozenset({_D.PENDING_VERIFICATION, _D.VERIFIED, _D.ACTIVE, _D.SUSPENDED}),
    },
    RecordStatus: {
        _R.PENDING: frozenset({_R.SYNCING, _R.ACTIVE, _R.ERROR, _R.DISABLED}),
        _R.SYNCING: frozenset({_R.ACTIVE, _R.ERROR, _R.PENDING, _R.DISABLED}),
        _R.ACTIVE: frozenset({_R.PENDING, _R.SYNCING, _R.ERROR, _R.DISABLED}),
        _R.ERROR: frozenset({_R.PENDING, _R.SYNCING, _R.ACTIVE, _R.DISABLED}),
        _R.DISABLED: frozenset({_R.PENDING}),
    },
    CertificateStatus: {
        _C.PENDING: frozenset({_C.ACTIVE, _C.ERROR, _C.REVOKED}),
        _C.ACTIVE: frozenset({_C.RENEWING, _C.EXPIRED, _C.REVOKED}),
        _C.RENEWING: frozenset({_C.ACTIVE, _C.EXPIRED, _C.REVOKED, _C.ERROR}),
        _C.EXPIRED: frozenset({_C.PENDING, _C.RENEWING, _C.ACTIVE, _C.REVOKED}),
        _C.REVOKED: frozenset({_C.PENDING, _C.ACTIVE}),
        _C.ERROR: frozenset({_C.PENDING, _C.RENEWING, _C.ACTIVE, _C.EXPIRED, _C.REVOKED}),
    },
    VerificationStatus: {
        _V.PENDING: frozenset({_V.VERIFYING, _V.VERIFIED, _V.FAILED, _V.EXPIRED}),
        _V.VERIFYING: frozenset({_V.PENDING, _V.VERIFIED, _V.FAILED, _V.EXPIRED}),
        _V.VERIFIED: frozenset({_V.FAILED, _V.EXPIRED}),
        _V.FAILED: frozenset({_V.PENDING, _V.EXPIRED}),
        _V.EXPIRED: frozenset(),
    },
    BindingStatus: {
        _B.PENDING: frozenset({_B.CONFIGURING, _B.ERROR, _B.DISABLED}),
        _B.CONFIGURING: frozenset({_B.ACTIVE, _B.PENDING, _B.ERROR, _B.DISABLED}),
        _B.ACTIVE: frozenset({_B.CONFIGURING, _B.PENDING, _B.ERROR, _B.DISABLED}),
        _B.ERROR: frozenset({_B.PENDING, _B.CONFIGURING, _B.ACTIVE, _B.DISABLED}),
        _B.DISABLED: frozenset({_B.PENDING}),
    },
    PlanStatus: {
        _P.READY: frozenset({_P.APPLYING}),
        _P.APPLYING: frozenset({_P.APPLIED, _P.FAILED}),
        _P.APPLIED: frozenset({_P.UNDONE}),
        _P.FAILED: frozenset({_P.UNDONE}),
        _P.UNDONE: frozenset(),
    },
    RegistrationStatus: {
        _G.PENDING: _SEEN | {_G.CANCELLED},
        _G.TRANSFERRING_IN: _SEEN | {_G.CANCELLED},
        _G.CANCELLED: frozenset(),
        **{state: _SEEN - {state} for state in _SEEN},
    },
    PurchaseStatus: {
        _U.QUOTED: frozenset({_U.CONFIRMED}),
        _U.CONFIRMED: frozenset({_U.WAITING, _U.INTENDED, _U.FAILED, _U.CANCELLED}),
        _U.WAITING: frozenset({_U.CONFIRMED, _U.FAILED, _U.CANCELLED}),
        _U.INTENDED: frozenset({_U.SENT, _U.UNKNOWN, _U.FAILED, _U.CANCELLED}),
        _U.SENT: frozenset({_U.INTENDED, _U.UNKNOWN, _U.SETTLED, _U.FAILED}),
        _U.UNKNOWN: frozenset({_U.INTENDED, _U.SETTLED, _U.FAILED}),
        _U.SETTLED: frozenset(),
        _U.FAILED: frozenset(),
        _U.CANCELLED: frozenset(),
    },
}
"""By kind first: members of different enumerations with one text are equal, as text is."""


def before(target: StrEnum) -> frozenset[StrEnum]:
    """Return every state from which `target` may be reached, itself included."""
    table = TRANSITIONS[type(target)]
    return frozenset({target, *(state for state, after in table.items() if target in after)})


def move(current: Status, target: Status) -> Status:
    """Return `target` when it may follow `current`.

    Raises `Conflict` with code `illegal_transition` otherwise.
    """
    if target != current and target not in TRANSITIONS[type(current)][current]:
        raise Conflict(
            "illegal_transition",
            f"{type(current).__name__} cannot go from {current.value} to {target.value}.",
        )
    return target
