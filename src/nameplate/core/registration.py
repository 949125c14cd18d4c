"""When to speak up about a registration that ends, is held back, or is gone; and when to ask again."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nameplate.core.registered import RegistryStatus

WARNINGS = tuple(timedelta(days=days) for days in (60, 30, 14, 7, 3, 1, 0))
"""How long before the end of a registration somebody is told, longest first."""


def next_warning(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return the next moment to warn, or None when no warning is left."""
    if expires_at is None:
        return None
    return next((expires_at - lead for lead in WARNINGS if expires_at - lead > now), None)


def warning(expires_at: datetime | None, now: datetime) -> str | None:
    """Return what to say now about a registration that ends soon, or None."""
    if expires_at is None or expires_at - now > WARNINGS[0]:
        return None
    day = f"{expires_at:%Y-%m-%d}"
    if expires_at <= now:
        return f"The registration ended on {day}. Renew it at the registrar, or the name is lost."
    days = max((expires_at - now).days, 0)
    return f"The registration ends on {day}, in {days} days. Renew it at the registrar."


@dataclass(frozen=True, slots=True)
class RegistrationProblem:
    """What is wrong with a registration, and what its owner can do."""

    reason: str
    message: str
    fix: str


_PROBLEMS: tuple[tuple[RegistryStatus, RegistrationProblem], ...] = (
    (
        RegistryStatus.PENDING_DELETE,
        RegistrationProblem(
            "registration_pending_delete",
            "The registry is about to delete {name}. Anybody can register the name then.",
            "Ask the registrar whether it can still be restored, or register the name as soon as it is "
            "free.",
        ),
    ),
    (
        RegistryStatus.REDEMPTION_PERIOD,
        RegistrationProblem(
            "registration_redemption",
            "The registration of {name} was deleted. Its former owner can still have it restored.",
            "Have the registrar restore the registration before the redemption period ends.",
        ),
    ),
    (
        RegistryStatus.PENDING_RESTORE,
        RegistrationProblem(
            "registration_redemption",
            "The registration of {name} was deleted and is being restored.",
            "Give the registrar what it asks for to complete the restoration.",
        ),
    ),
    (
        RegistryStatus.SERVER_HOLD,
        RegistrationProblem(
            "registry_hold",
            "The registry has put {name} on hold. The name is not in the DNS.",
            "Ask the registrar why the registry holds the name and what it needs to release it.",
        ),
    ),
    (
        RegistryStatus.CLIENT_HOLD,
        RegistrationProblem(
            "registrar_hold",
            "The registrar has put {name} on hold. The name is not in the DNS.",
            "Sign in at the registrar. Unconfirmed contact data and unpaid renewals are the usual "
            "reasons.",
        ),
    ),
)
"""The gravest first."""
_GONE = RegistrationProblem(
    "registration_gone",
    "The registry does not know {name} any more. Anybody may be able to register it.",
    "Register the name again, then prove it with the new record that Nameplate shows.",
)


def problem(
    name: str, states: AbstractSet[RegistryStatus], *, is_gone: bool
) -> RegistrationProblem | None:
    """Return why a registered name cannot be used, None where the registry names no reason."""
    found = next((one for state, one in _PROBLEMS if state in states), _GONE if is_gone else None)
    return found and replace(found, message=found.message.format(name=name))


DAILY = timedelta(days=1)
"""The least time between two questions to a registry about one name."""
_CONFIRMED = timedelta(hours=1)
"""After the end of a registration, for the registry to have seen a renewal of the last moment."""
_FAR, _NEAR = timedelta(days=90), timedelta(days=30)


def next_look(expires_at: datetime | None, now: datetime, *, is_troubled: bool) -> datetime:
    """Return when to ask the registry again: daily near the end and while something is wrong."""
    if is_troubled:
        return now + DAILY
    if expires_at is None:
        return now + 3 * DAILY
    left = expires_at - now
    wait = 7 * DAILY if left > _FAR else 3 * DAILY if left > _NEAR else DAILY
    return max(now + DAILY, min(now + wait, expires_at + _CONFIRMED) if left > DAILY else now)
