"""Amounts of money: whole minor units of an ISO 4217 currency, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

from nameplate.core.errors import Invalid

MAX_AMOUNT = 10**12
"""Minor units: what no purchase here reaches."""
_NO_MINOR = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_CURRENCY = re.compile(r"[A-Z]{3}")
_TEXT = re.compile(r"(?P<amount>[0-9]{1,12}(?:\.[0-9]{1,6})?) ?(?P<currency>[A-Za-z]{3})")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of one currency. Amounts of two currencies do not compare."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency) or not 0 <= self.amount <= MAX_AMOUNT:
            raise Invalid(
                "amount_invalid", "Expected an amount and a currency, as in 12.50USD or 1500JPY."
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `12.50USD`. Raises Invalid `amount_invalid`."""
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise Invalid(
                "amount_invalid",
                "Expected an amount and a currency, as in 12.50USD or 1500JPY.",
            )
        return cls.of(found["amount"], found["currency"])

    @classmethod
    def of(cls, amount: str | Decimal, currency: str) -> Self:
        """Read a decimal number of major units, as registrars write it; more decimals round up.

        Raises Invalid `amount_invalid`.
        """
        currency = currency.upper()
        try:
            number = Decimal(amount)
            minor = number.scaleb(decimals(currency))
            whole = int(minor.to_integral_value("ROUND_CEILING"))
        except (InvalidOperation, ValueError, OverflowError):
            raise Invalid(
                "amount_invalid", "Expected an amount and a currency, as in 12.50USD or 1500JPY."
            ) from None
        return cls(whole, currency)

    def __str__(self) -> str:
        places = decimals(self.currency)
        return f"{Decimal(self.amount).scaleb(-places):.{places}f} {self.currency}"

    def covers(self, other: "Money") -> bool:
        """Tell whether `other` is the same currency and not above this amount."""
        return self.currency == other.currency and other.amount <= self.amount

    def times(self, count: int) -> "Money":
        """Return `count` times this amount."""
        return Money(self.amount * count, self.currency)


def decimals(currency: str) -> int:
    """Return how many decimals the currency's minor unit has."""
    if currency in _NO_MINOR:
        return 0
    return 3 if currency in _THOUSANDTHS else 2
