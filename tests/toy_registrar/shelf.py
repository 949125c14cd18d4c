"""A registrar for Nameplate whose names are in a JSON file: one price, years of 365 days, no transfers."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from nameplate.core.configuration import (
    Credential,
    Credentials,
    FilePath,
    between,
    credential,
    setting,
)
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.registrar import (
    DONE,
    Act,
    Availability,
    Offer,
    Operation,
    OperationState,
    Quote,
    RegistrarConfiguration,
    RegistrarPlugin,
    Registration,
    RegistrationOrder,
    RegistrationState,
)

MINE, SOLD = "names", "sold"
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfConfiguration(RegistrarConfiguration):
    """What an account says in its configuration."""

    file: FilePath = setting("File with `token`, `names` of the account and `sold` ones.")
    cents: Annotated[int, between(1, 10**6)] = setting("Price of a year in cents.", default=900)


class Shelf:
    """One file. Each call reads and writes it whole."""

    def __init__(
        self, config: ShelfConfiguration, token: Secret, clock: Callable[[], datetime]
    ) -> None:
        self._path, self._cents = Path(config.file), config.cents
        self._token, self._clock = token, clock
        self._lock = threading.Lock()

    def registrations(self) -> Sequence[Registration]:
        """Return every name of the account."""
        with self._open() as shelf:
            return [self._told(name, one) for name, one in sorted(shelf[MINE].items())]

    def registration(self, name: str) -> Registration | None:
        """Return one name."""
        with self._open() as shelf:
            one = shelf[MINE].get(name)
            return None if one is None else self._told(name, one)

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Return which names are free; the price is the same for all."""
        with self._open() as shelf:
            gone = {*shelf[MINE], *shelf[SOLD]}
        price = Money(self._cents, "EUR")
        return [
            Offer(name, Availability.TAKEN)
            if name in gone
            else Offer(name, Availability.AVAILABLE, price)
            for name in names
        ]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return the price of what is sold."""
        if act not in {Act.REGISTER, Act.RENEW}:
            raise Refused("act_unsupported", "The shelf registers and renews names, no more.")
        return Quote(act, name, years, Money(self._cents * years, "EUR"))

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Set the name servers."""
        with self._open() as shelf:
            self._own(shelf, name)["servers"] = sorted(name_servers)
        return DONE

    def register(self, order: RegistrationOrder) -> Operation:
        """Sell a name that nobody has."""
        with self._open() as shelf:
            if order.name in shelf[MINE] or order.name in shelf[SOLD]:
                raise Refused("name_taken", "Somebody has the name.")
            price = self._check_price(order.agreed)
            begun = self._clock()
            shelf[MINE][order.name] = {
                "from": begun.isoformat(),
                "until": (begun + YEAR * order.years).isoformat(),
                "servers": list(order.name_servers),
            }
        return Operation(OperationState.DONE, act=Act.REGISTER, name=order.name, charged=price)

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Add years, if the name still ends when the buyer thinks."""
        with self._open() as shelf:
            one = self._own(shelf, name)
            if datetime.fromisoformat(one["until"]) != expires_at:
                raise Refused("expiry_moved", "The name ends at another time.")
            price = self._check_price(agreed)
            one["until"] = (expires_at + YEAR * years).isoformat()
        return Operation(OperationState.DONE, act=Act.RENEW, name=name, charged=price)

    def _check_price(self, agreed: Quote) -> Money:
        price = Money(self._cents * agreed.years, "EUR")
        if not agreed.price.covers(price):
            raise Refused("price_changed", f"It costs {price} now.")
        return price

    def _own(self, shelf: dict[str, Any], name: str) -> dict[str, Any]:
        if name not in shelf[MINE]:
            raise Refused("name_not_in_account", "The name is not on this shelf.")
        found: dict[str, Any] = shelf[MINE][name]
        return found

    def _told(self, name: str, one: dict[str, Any]) -> Registration:
        ends = datetime.fromisoformat(one["until"])
        over = ends <= self._clock()
        return Registration(
            name,
            RegistrationState.EXPIRED if over else RegistrationState.ACTIVE,
            registered_at=datetime.fromisoformat(one["from"]),
            expires_at=ends,
            name_servers=tuple(one["servers"]),
        )

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """Give the file's content, and write it back when nothing was refused."""
        with self._lock:
            try:
                shelf: dict[str, Any] = json.loads(self._path.read_text())
            except OSError:
                raise Unavailable("provider_unreachable", "The shelf cannot be read.") from None
            if Secret(shelf["token"]) != self._token:
                raise Refused("credential_refused", "The shelf has another token.")
            yield shelf
            self._path.write_text(json.dumps(shelf))


def connect(
    config: ShelfConfiguration, credentials: Credentials, clock: Callable[[], datetime]
) -> Shelf:
    """Return the registrar of one account."""
    return Shelf(config, credential(credentials, "token"), clock)


plugin = RegistrarPlugin(
    title="Names on a shelf",
    configuration=ShelfConfiguration,
    credentials=(Credential("token", "What the file has as `token`."),),
    connect=connect,
    shows_within=timedelta(seconds=1),
    max_years=5,
)
