"""The rules of money: what may be bought, and what became of an order whose answer was lost.

Nothing here asks anybody. A purchase is sent once; it is sent again only when a look at the registrar,
late enough, has shown that the first one had no effect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nameplate.core.money import Money

MAX_SENDS = 3
"""How often one purchase is sent at most."""
CONFIRMED_FOR = timedelta(days=3)
"""How long a confirmation counts that could not be acted on."""
RENEWED_BEFORE = timedelta(days=30)
"""How long before its end a registration is renewed."""
GRACE = timedelta(days=30)
"""How long after its end it is still tried."""
_NEAR = timedelta(days=3)
"""Registries count years in slightly different days."""


class PurchaseVerdict(StrEnum):
    """What a look at the registrar says about a purchase that was sent."""

    SETTLED = "settled"
    FAILED = "failed"
    WAIT = "wait"
    """It is under way, or reading may still show what was before."""
    REPEAT = "repeat"
    """It had no effect: it may be sent again."""
    UNCLEAR = "unclear"
    """Something happened that is not this purchase; a person must look."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A purchase that was sent, as far as it matters for what became of it."""

    at: datetime
    """When it was sent last."""
    times: int
    years: int
    starts_from: datetime | None = None
    """The expiry that a renewal starts from; None: the name is new to the account."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the registrar shows."""

    is_there: bool = False
    is_active: bool = False
    """In the account, and neither pending nor on its way there; it may have run out since."""
    expires_at: datetime | None = None
    in_progress: bool = False
    """An operation of this purchase goes on."""
    is_done: bool = False
    """The registrar says that the act was carried out."""
    is_failed: bool = False
    """The registrar says that it will not happen."""


def judge(sent: Sent, seen: Sighting, now: datetime, shows_within: timedelta) -> PurchaseVerdict:
    """Return what became of a purchase that was sent."""
    if sent.starts_from is None:
        effect = PurchaseVerdict.SETTLED if seen.is_active else None
        effect = effect or (PurchaseVerdict.WAIT if seen.is_there else None)
    else:
        effect = _renewed(sent.starts_from, sent.years, seen.expires_at)
    if effect is PurchaseVerdict.SETTLED:
        return effect  # whatever an operation says: the name is there for the years that were paid
    if seen.is_failed:
        return PurchaseVerdict.FAILED
    if effect is not None or seen.in_progress:
        return effect or PurchaseVerdict.WAIT
    if now < sent.at + shows_within:
        return PurchaseVerdict.WAIT
    if seen.is_done:
        return PurchaseVerdict.UNCLEAR
    return PurchaseVerdict.REPEAT if sent.times < MAX_SENDS else PurchaseVerdict.FAILED


def _renewed(
    starts_from: datetime, years: int, expires_at: datetime | None
) -> PurchaseVerdict | None:
    if expires_at is None or abs(expires_at - starts_from) <= _NEAR:
        return None
    if abs(expires_at - years_after(starts_from, years)) <= _NEAR:
        return PurchaseVerdict.SETTLED
    return PurchaseVerdict.UNCLEAR


def years_after(moment: datetime, years: int) -> datetime:
    """Return the same day some years later; of a leap day the day before."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)


def price_refusal(
    agreed: Money, price: Money, *, is_premium: bool, accepts_premium: bool
) -> str | None:
    """Return the code of why nothing is bought at the price of this moment, None when it is."""
    if is_premium and not accepts_premium:
        return "premium_not_accepted"
    return None if agreed.covers(price) else "price_changed"


@dataclass(frozen=True, slots=True)
class SpendingLimits:
    """What may be spent without a person of the platform; None: any amount."""

    purchase: Money | None = None
    month: Money | None = None


def over_limit(limits: SpendingLimits, price: Money, spent: Iterable[Money]) -> str | None:
    """Return why a purchase waits for a person, in words; None when it is within the limits.

    `spent` is what was bought in the same month. Another currency than that of a limit waits, too.
    """
    if limits.purchase is not None and not limits.purchase.covers(price):
        return f"{price} is over the limit of {limits.purchase} for one purchase."
    if limits.month is None:
        return None
    month = limits.month
    total = sum(one.amount for one in (*spent, price) if one.currency == month.currency)
    if price.currency != month.currency or total > month.amount:
        return f"With {price} more, purchases of this month are over the limit of {month}."
    return None


def may_renew(expires_at: datetime, now: datetime) -> bool:
    """Tell whether it is time to renew: from 30 days before the end until the grace is over."""
    return expires_at - RENEWED_BEFORE <= now <= expires_at + GRACE
