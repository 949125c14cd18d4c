"""The sandbox registrar: names below `.test`, prices, and every way in which a registrar can fail.

How it fails is asked for by the name, as with the test cards of payment providers: see `FAULTS`.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from nameplate.adapters.registrar.ledger import Charge, Ledger, LedgerStore, Pending, Stale
from nameplate.core.configuration import Credential, Credentials, FilePath, between, setting
from nameplate.core.contacts import Contact
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.purchases import years_after
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

_NOBODY = Contact(
    first_name="Sandbox",
    last_name="Example",
    email="sandbox@example.com",
    phone="+1.2025550100",
    street="1 Example Street",
    city="Springfield",
    postal_code="00000",
    country="US",
)
FAULTS = {
    "taken-": "the name is registered elsewhere",
    "premium-": "the name costs twenty times as much",
    "lost-before-": "the first order is lost on its way: nothing happens, and no answer comes",
    "lost-after-": "the answer to the first order is lost: it was carried out",
    "stale-": "what was lost last is read back only after a while",
    "slow-": "every act takes a while",
    "late-failure-": "every act takes a while, and then the registry refuses it",
    "dearer-": "the price doubles after the first quote",
}
"""Beginnings of names and what they do; several may stand one after the other."""
_PARKED = ("ns1.parked.test", "ns2.parked.test")
_REDEEMED_AFTER = timedelta(days=45)
_MAX_YEARS = 10
Seconds = Annotated[int, between(0, 1_000_000)]
Amount = Annotated[int, between(0, 10**9)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfiguration(RegistrarConfiguration):
    """What an account at the sandbox registrar says."""

    state: FilePath | None = setting(
        "File in which names are kept. Default: in memory, gone with the process.", default=None
    )
    price: Amount = setting("Of one year, in cents.", default=1000)
    balance: Amount = setting("What can be spent, in cents.", default=10_000_000)
    takes: Seconds = setting("How long the acts of `slow-` names take, in seconds.", default=5)
    stale: Seconds = setting("How long `stale-` names show what was before.", default=5)


def connect(
    config: SandboxConfiguration, _credentials: Credentials, clock: Callable[[], datetime]
) -> "SandboxRegistrar":
    """Return the registrar of one account."""
    return SandboxRegistrar(config, clock)


plugin = RegistrarPlugin(
    title="Sandbox: names below .test, in memory",
    configuration=SandboxConfiguration,
    credentials=(Credential("api_key", "Stored but not used.", is_required=False),),
    connect=connect,
    shows_within=timedelta(seconds=10),
    contact=_NOBODY,
)


class SandboxRegistrar:
    """Sells names below `.test`; whatever it does, it charges once, and says so in its ledger."""

    def __init__(
        self,
        config: SandboxConfiguration,
        clock: Callable[[], datetime],
        play: Callable[[str, str], None] = lambda _point, _name: None,
    ) -> None:
        """Take the settings and a clock; `play` is called with (point, name) and may raise.

        Points are the name of each method, and before and after each act `register:before` and
        `register:after`.
        """
        self._config = config
        self._clock = clock
        self._play = play
        self.store = LedgerStore(None if config.state is None else Path(config.state))

    def registrations(self) -> Sequence[Registration]:
        """Return all names, as reading shows them."""
        self._play("registrations", "")
        with self.store.open() as ledger:
            self._advance(ledger)
            shown = [self._shown(ledger, name) for name in sorted(ledger.names)]
        return [one for one in shown if one is not None]

    def registration(self, name: str) -> Registration | None:
        """Return one name, as reading shows it."""
        self._play("registration", name)
        with self.store.open() as ledger:
            self._advance(ledger, name)
            return self._shown(ledger, name)

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Return which names are free, and the price of those that are."""
        self._play("offers", "")
        with self.store.open() as ledger:
            self._advance(ledger)
            return [self._offer(ledger, name) for name in names]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return the price; `dearer-` names cost more the second time."""
        self._play("quote", name)
        _check_sold(name, years)
        with self.store.open() as ledger:
            price = self._price(name)
            if "dearer-" in name and act is Act.REGISTER and not _first(ledger, "quoted", name):
                price *= 2
        until = self._clock() + timedelta(hours=1)
        is_premium = "premium-" in name
        return Quote(act, name, years, Money(price * years, "USD"), is_premium, until)

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Set the name servers at once."""
        return self._set(name, "delegate", name_servers=tuple(sorted(name_servers)))

    def set_lock(self, name: str, *, locked: bool) -> Operation:
        """Lock or unlock at once."""
        return self._set(name, "set_lock", is_locked=locked)

    def set_privacy(self, name: str, *, hidden: bool) -> Operation:
        """Hide or show at once."""
        return self._set(name, "set_privacy", has_privacy=hidden)

    def set_auto_renew(self, name: str, *, on: bool) -> Operation:
        """Turn its own renewal on or off at once."""
        return self._set(name, "set_auto_renew", auto_renew=on)

    def set_contact(self, name: str, contact: Contact) -> Operation:
        """Take a contact at once, and keep nothing of it but a digest."""
        self._play("set_contact", name)
        with self.store.open() as ledger:
            _own(ledger, name)
            ledger.contacts[name] = _digest(contact)
        return DONE

    def shows_contact(self, name: str, contact: Contact, *, exactly: bool) -> bool:
        """Compare digests, which are exact always."""
        del exactly
        self._play("shows_contact", name)
        with self.store.open() as ledger:
            _own(ledger, name)
            return ledger.contacts.get(name) == _digest(contact)

    def ds(self, name: str) -> Sequence[Ds]:
        """Return the DS records of a name."""
        with self.store.open() as ledger:
            _own(ledger, name)
            return sorted(ledger.ds.get(name, ()))

    def set_ds(self, name: str, records: Sequence[Ds]) -> Operation:
        """Replace the DS records of a name at once."""
        with self.store.open() as ledger:
            _own(ledger, name)
            ledger.ds[name] = sorted(records)
        return DONE

    def transfer_code(self, name: str) -> Secret:
        """Return a code for a name in the account."""
        with self.store.open() as ledger:
            if _own(ledger, name).is_locked:
                raise Refused("name_locked", "Unlock the name first.")
        return Secret(f"code-{name}")

    def suggest(self, text: str, count: int) -> Sequence[str]:
        """Return names that are like a text."""
        first = text.split(".", maxsplit=1)[0]
        return [f"{word}{first}.test" for word in ("get-", "my-", "the-", "go-", "try-")][:count]

    def balance(self) -> Money:
        """Return what is left."""
        with self.store.open() as ledger:
            return Money(max(self._left(ledger), 0), "USD")

    def operation(self, operation_id: str) -> Operation:
        """Return how far an operation is."""
        self._play("operation", operation_id)
        with self.store.open() as ledger:
            self._advance(ledger)
            found = ledger.operations.get(operation_id)
        if found is None:
            raise Refused("operation_missing", "There is no such operation.")
        return found.told("USD")

    def operations(self, name: str, since: datetime) -> Sequence[Operation]:
        """Return the operations of a name, the newest first."""
        self._play("operations", name)
        with self.store.open() as ledger:
            self._advance(ledger, name)
            found = [
                one
                for one in ledger.operations.values()
                if one.name == name and one.started_at >= since
            ]
        return [one.told("USD") for one in reversed(found)]

    def register(self, order: RegistrationOrder) -> Operation:
        """Sell a name that is free."""
        return self._act(Act.REGISTER, order.name, order.years, order.agreed, order.contact)

    def transfer(self, order: RegistrationOrder, code: Secret) -> Operation:
        """Move a `taken-` name here; the code is `code-` and the name."""
        if code.reveal() != f"code-{order.name}":
            raise Refused("transfer_code_wrong", "The present registrar does not accept the code.")
        return self._act(Act.TRANSFER, order.name, order.years, order.agreed, order.contact)

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Add years, when the expiry is the one that was told."""
        with self.store.open() as ledger:
            self._advance(ledger, name)
            if _own(ledger, name).expires_at != expires_at:
                raise Refused("expiry_moved", "The registration ends at another time.")
        return self._act(Act.RENEW, name, years, agreed)

    def reactivate(self, name: str, agreed: Quote) -> Operation:
        """Bring a name back that is in redemption."""
        return self._act(Act.REACTIVATE, name, 1, agreed)

    def _act(
        self, act: Act, name: str, years: int, agreed: Quote, contact: Contact | None = None
    ) -> Operation:
        self._play(f"{act}:before", name)
        _check_sold(name, years)
        with self.store.open() as ledger:
            self._advance(ledger, name)
            if "lost-before-" in name and _first(ledger, "before", name):
                raise Unavailable("provider_unreachable", "No answer.")
            _check_possible(ledger, act, name)
            amount = self._price(name) * years
            if not agreed.price.covers(Money(amount, "USD")):
                raise Refused("price_changed", "The name costs more than agreed.")
            if self._left(ledger) < amount:
                raise Refused("balance_low", "The account's balance does not cover it.")
            operation = self._begin(ledger, act, name, years, amount)
            if contact is not None:
                ledger.contacts[name] = _digest(contact)
            is_lost = "lost-after-" in name and _first(ledger, "after", name)
        self._play(f"{act}:after", name)
        if is_lost:
            raise Unavailable("provider_unreachable", "No answer.")
        return operation

    def _begin(self, ledger: Ledger, act: Act, name: str, years: int, amount: int) -> Operation:
        now = self._clock()
        takes = self._config.takes if "slow-" in name or "late-failure-" in name else 0
        made = Pending(
            secrets.token_hex(8), act, name, years, amount, now, now + timedelta(seconds=takes),
            fails="late-failure-" in name,
        )  # fmt: skip
        ledger.keep(made)
        ledger.charges.append(Charge(name, act, amount, now))
        self._advance(ledger, name)
        return ledger.operations[made.id].told("USD")

    def _advance(self, ledger: Ledger, *names: str) -> None:
        """Carry out what is due for names, all of them by default, and let registrations run out."""
        now = self._clock()
        for name in names or tuple(dict.fromkeys((*ledger.names, *ledger.under_way))):
            one = ledger.under_way.get(name)
            if one is not None and one.ends_at <= now:
                self._finish(ledger, one)
            held = ledger.names.get(name)
            if held is None or held.expires_at is None or held.expires_at > now:
                continue
            if held.auto_renew:
                ledger.names[name] = self._renewed(ledger, held, now)
            else:
                late = now - held.expires_at > _REDEEMED_AFTER
                state = RegistrationState.REDEMPTION if late else RegistrationState.EXPIRED
                ledger.names[name] = replace(held, state=state)

    def _renewed(self, ledger: Ledger, held: Registration, now: datetime) -> Registration:
        """Renew a name by itself, on the day on which it ends."""
        while held.expires_at is not None and held.expires_at <= now:
            ledger.charges.append(
                Charge(held.name, Act.RENEW, self._price(held.name), held.expires_at)
            )
            held = replace(held, expires_at=years_after(held.expires_at, 1))
        return held

    def _finish(self, ledger: Ledger, one: Pending) -> None:
        if one.fails:
            ledger.keep(replace(one, state=OperationState.FAILED))
            ledger.charges.append(Charge(one.name, one.act, -one.amount, self._clock()))
            return
        ledger.keep(replace(one, state=OperationState.DONE))
        before = ledger.names.get(one.name)
        if "stale-" in one.name:
            until = one.ends_at + timedelta(seconds=self._config.stale)
            ledger.stale[one.name] = Stale(until, before)
        ends = one.ends_at if before is None else before.expires_at or one.ends_at
        fresh = before or Registration(
            one.name,
            RegistrationState.ACTIVE,
            registered_at=one.ends_at,
            auto_renew=False,
            is_locked=True,
            has_privacy=True,
            name_servers=_PARKED,
        )
        ledger.names[one.name] = replace(
            fresh, state=RegistrationState.ACTIVE, expires_at=years_after(ends, one.years)
        )

    def _shown(self, ledger: Ledger, name: str) -> Registration | None:
        stale = ledger.stale.get(name)
        if stale is not None and self._clock() < stale.until:
            return stale.shown
        return ledger.names.get(name)

    def _set(self, name: str, point: str, **values: object) -> Operation:
        self._play(point, name)
        with self.store.open() as ledger:
            self._advance(ledger, name)
            ledger.names[name] = replace(_own(ledger, name), **values)  # type: ignore[arg-type]  # fields of it
        return DONE

    def _left(self, ledger: Ledger) -> int:
        return self._config.balance - sum(one.amount for one in ledger.charges)

    def _price(self, name: str) -> int:
        return self._config.price * (20 if "premium-" in name else 1)

    def _offer(self, ledger: Ledger, name: str) -> Offer:
        if not name.endswith(".test"):
            return Offer(name, Availability.RESTRICTED)
        if name in ledger.names or name.startswith("taken-"):
            return Offer(name, Availability.TAKEN)
        price = Money(self._price(name), "USD")
        return Offer(name, Availability.AVAILABLE, price, "premium-" in name)


def _first(ledger: Ledger, point: str, name: str) -> bool:
    """Tell whether something happens for the first time to a name."""
    key = f"{point}:{name}"
    if key in ledger.played:
        return False
    ledger.played.append(key)
    return True


def _own(ledger: Ledger, name: str) -> Registration:
    if name not in ledger.names:
        raise Refused("name_not_in_account", "The name is not in this account.")
    return ledger.names[name]


def _digest(contact: Contact) -> str:
    return hashlib.sha256(json.dumps(contact.as_json()).encode()).hexdigest()


def _check_sold(name: str, years: int) -> None:
    if not name.endswith(".test"):
        raise Refused("suffix_not_sold", "The sandbox registrar sells names below .test only.")
    if not 1 <= years <= _MAX_YEARS:
        raise Refused("years_invalid", f"Expected 1 to {_MAX_YEARS} years.")


def _check_possible(ledger: Ledger, act: Act, name: str) -> None:
    """Refuse what cannot be done with the name as it is now."""
    if name in ledger.under_way:
        raise Refused("operation_in_progress", "Another operation of the name is in progress.")
    if act is Act.REGISTER and (name in ledger.names or name.startswith("taken-")):
        raise Refused("name_taken", "The name is taken.")
    if act is Act.TRANSFER and (name in ledger.names or not name.startswith("taken-")):
        raise Refused("name_not_elsewhere", "The name is not at another registrar.")
    if act is Act.RENEW and _own(ledger, name).state is RegistrationState.REDEMPTION:
        raise Refused("name_in_redemption", "The name can only be reactivated.")
    if act is Act.REACTIVATE and _own(ledger, name).state is not RegistrationState.REDEMPTION:
        raise Refused("name_not_in_redemption", "The name is not in redemption.")
