"""What names cost at Namecheap: suffixes and their prices, kept a day, and premium names, asked anew."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from nameplate.adapters.registrar import namecheap_answers as answers
from nameplate.adapters.vendors.namecheap import NS, NamecheapApi, attributes, malformed
from nameplate.core.errors import Refused
from nameplate.core.money import Money
from nameplate.ports.registrar import Act, Availability, Offer, Quote

_KEPT = timedelta(hours=23)
_NAMES = 50
_PREMIUM = {
    Act.REGISTER: "PremiumRegistrationPrice",
    Act.RENEW: "PremiumRenewalPrice",
    Act.REACTIVATE: "PremiumRestorePrice",
    Act.TRANSFER: "PremiumTransferPrice",
}
_YEARS = {Act.REGISTER: "Register", Act.RENEW: "Renew", Act.TRANSFER: "Transfer"}
_SOLD = {
    Act.REGISTER: "IsApiRegisterable",
    Act.RENEW: "IsApiRenewable",
    Act.TRANSFER: "IsApiTransferable",
}


@dataclass(frozen=True, slots=True)
class Suffix:
    """One line of getTldList."""

    told: Mapping[str, str]

    @property
    def is_sold(self) -> bool:
        """Whether names below it can be registered by the API."""
        return self.sells(Act.REGISTER)

    def sells(self, act: Act) -> bool:
        """Tell whether the API can do this; bringing back is for what can be renewed."""
        return answers.is_true(self.told.get(_SOLD.get(act, _SOLD[Act.RENEW])))

    def years(self, act: Act) -> range:
        """Return for how many years."""
        word = _YEARS.get(act)
        if word is None:
            return range(1, 2)
        least, most = self.told.get(f"Min{word}Years", "1"), self.told.get(f"Max{word}Years", "10")
        if not (least.isdigit() and most.isdigit()):
            raise malformed()
        return range(int(least), int(most) + 1)


@dataclass(frozen=True, slots=True)
class PremiumPrice:
    """What one premium name costs, in US dollars."""

    price: Decimal
    """Of one year."""
    fee: Decimal
    """ICANN's, for each year."""
    early: Decimal
    """For registering it in the first days of its suffix, once."""

    def total(self, years: int) -> Money:
        """Return what that many years cost."""
        return Money.of((self.price + self.fee) * years + self.early, "USD")


class NamecheapPrices:
    """Prices of one account."""

    def __init__(self, api: NamecheapApi, clock: Callable[[], datetime]) -> None:
        self._api, self._clock = api, clock
        self._lock = threading.Lock()
        self._suffixes: tuple[datetime, Mapping[str, Suffix]] | None = None
        self._known: dict[tuple[Act, str], tuple[datetime, Mapping[int, Money]]] = {}

    def suffixes(self) -> Mapping[str, Suffix]:
        """Return every suffix that Namecheap knows."""
        with self._lock:
            now = self._clock()
            if self._suffixes is None or now - self._suffixes[0] > _KEPT:
                found = self._api.reading("domains.getTldList", "", {}, answers.explain)
                listed = {one["Name"].lower(): Suffix(one) for one in attributes(found, "Tld")}
                self._suffixes = (now, listed)
            return self._suffixes[1]

    def checked(self, names: Sequence[str]) -> Sequence[Offer]:
        """Return an offer for each of up to 50 names, and the price of those that are premium."""
        rows = self._check(names)
        return [_offer(name, rows.get(name)) for name in names]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return the price of an act, with all fees. Raises Refused `act_unsupported`."""
        suffix = self.suffixes().get(name.partition(".")[2])
        if suffix is None or not suffix.sells(act):
            detail = f"Namecheap cannot {act.value} this name by its API."
            raise Refused("act_unsupported", detail)
        if years not in suffix.years(act):
            allowed = suffix.years(act)
            detail = f"Namecheap takes {allowed.start} to {allowed.stop - 1} years for this name."
            raise Refused("years_invalid", detail)
        row = self._check([name]).get(name, {})
        if answers.is_true(row.get("IsPremiumName")):
            return Quote(act, name, years, _premium(row, act).total(years), is_premium=True)
        prices = self._of_suffix(act, name.partition(".")[2])
        if years in prices:
            return Quote(act, name, years, prices[years], valid_until=self._clock() + _KEPT)
        if 1 not in prices:
            raise Refused("act_unsupported", "Namecheap names no price for this name.")
        until = self._clock() + _KEPT
        return Quote(act, name, years, prices[1].times(years), valid_until=until)

    def premium(self, act: Act, name: str) -> PremiumPrice:
        """Return the price of a premium name as it is now."""
        row = self._check([name]).get(name, {})
        if not answers.is_true(row.get("IsPremiumName")):
            raise Refused("price_changed", "The name is not premium any more. Ask for a new price.")
        return _premium(row, act)

    def _check(self, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
        asked = {"DomainList": ",".join(names[:_NAMES])}
        found = self._api.reading("domains.check", "", asked, answers.explain)
        return {one["Domain"].lower(): one for one in attributes(found, "DomainCheckResult")}

    def _of_suffix(self, act: Act, suffix: str) -> Mapping[int, Money]:
        with self._lock:
            now = self._clock()
            known = self._known.get((act, suffix))
            if known is None or now - known[0] > _KEPT:
                known = self._known[act, suffix] = (now, self._read(act, suffix))
            return known[1]

    def _read(self, act: Act, suffix: str) -> Mapping[int, Money]:
        asked = {"ProductType": "DOMAIN", "ActionName": act.name, "ProductName": suffix}
        found = self._api.reading(
            "users.getPricing", "UserGetPricingResult", asked, answers.explain
        )
        prices: dict[int, Money] = {}
        for category in found.iter(f"{NS}ProductCategory"):
            if category.get("Name", "").lower() != act.value:
                continue
            for product in category.iter(f"{NS}Product"):
                if product.get("Name", "").lower() == suffix:
                    prices |= _prices(attributes(product, "Price"))
        return prices


def _prices(rows: Sequence[Mapping[str, str]]) -> dict[int, Money]:
    found = {}
    for row in rows:
        years, kind = row.get("Duration", ""), row.get("DurationType", "").upper()
        told = [answers.amount(row.get(key)) for key in ("YourPrice", "Price", "RegularPrice")]
        fees = answers.amount(row.get("YourAdditonalCost") or row.get("AdditionalCost"))
        price = next((one for one in told if one), None)
        if years.isdigit() and kind == "YEAR" and price is not None:
            found[int(years)] = Money.of(price + fees, row.get("Currency") or "USD")
    return found


def _premium(row: Mapping[str, str], act: Act) -> PremiumPrice:
    price = answers.amount(row.get(_PREMIUM[act]))
    if not price:
        raise Refused("act_unsupported", "Namecheap names no price for this premium name.")
    early = answers.amount(row.get("EapFee")) if act is Act.REGISTER else Decimal(0)
    return PremiumPrice(price, answers.amount(row.get("IcannFee")), early)


def _offer(name: str, row: Mapping[str, str] | None) -> Offer:
    if row is None or row.get("ErrorNo", "0") not in {"", "0"}:
        return Offer(name, Availability.UNKNOWN)
    is_premium = answers.is_true(row.get("IsPremiumName"))
    if not answers.is_true(row.get("Available")):
        return Offer(name, Availability.TAKEN, is_premium=is_premium)
    price = None
    if is_premium:
        price = _premium(row, Act.REGISTER).total(1)
    return Offer(name, Availability.AVAILABLE, price, is_premium=is_premium)
