"""A registrar, an organization and a worker under one clock, in which everything can be made to fail."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from tests.usecases.offline import Offline

from nameplate.adapters.registrar.memory import SandboxConfiguration, SandboxRegistrar
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.money import Money
from nameplate.db import Sessions
from nameplate.leases import Lease, lease
from nameplate.models import Account, AccountKind, Purchase, RegisteredName
from nameplate.ports.registrar import Act, Operation, Quote
from nameplate.ports.resolver import Answer, AnswerKind, Delegation, LookupResult
from nameplate.usecases import work
from nameplate.usecases.registrations import purchases, quotes, reconciling
from nameplate.usecases.registrations.purchases import Agreement

_numbers = count(1)
PRICE = Money(1000, "USD")


class Killed(BaseException):
    """The worker's process ends here."""


class Blind(SandboxRegistrar):
    """A registrar that renews whatever the expiry is, as most do."""

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Add years without a look."""
        del expires_at
        return self._act(Act.RENEW, name, years, agreed)


@dataclass
class Dns:
    """The DNS as far as delegation is looked at: what a test has put there."""

    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> name servers that its registry gives out."""
    answers: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """Name and type -> values at the present name servers."""

    def delegation(self, name: str) -> Delegation:
        """Return the zone at a name that has a parent's answer."""
        parent = self.parents.get(name, ())
        return Delegation(name if parent else "", parent, ())

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        """Return what one server answers."""
        del delegated
        values = self.answers.get((name, rdtype), ())
        kind = AnswerKind.DATA if values else AnswerKind.NODATA
        return LookupResult(name, (Answer(kind, "ns1 (192.0.2.1)", values, 300),))

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return none."""
        del name
        return ()

    def public(self, name: str, rdtype: str) -> tuple[Answer, ...]:
        """Ask nobody."""
        del name, rdtype
        return ()


@dataclass
class Shop:
    """The world of one test."""

    sessions: Sessions
    kind: type[SandboxRegistrar] = SandboxRegistrar
    faults: dict[str, list[BaseException]] = field(default_factory=dict)
    """What happens next at a point: of the registrar, or a crash point of the worker."""
    config: SandboxConfiguration = field(default_factory=SandboxConfiguration)

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC)
        offline = Offline(self.sessions)
        self.dns = Dns()
        self.buyer = offline.organization(f"buyer-{next(_numbers)}")
        self.registrar = self.kind(self.config, lambda: self.now, lambda point, _: self.play(point))
        self.tools = replace(
            offline.tools,
            registrar=lambda _account: self.registrar,
            checkpoint=self.play,
            special_use=True,
            resolver=self.dns,
            clock=lambda: self.now,
        )
        with self.sessions.begin(PLATFORM) as session:
            row = Account(
                organization_id=self.buyer.organization_id,
                kind=AccountKind.REGISTRAR, provider="sandbox", name="sandbox", config={},
            )  # fmt: skip
            session.add(row)
            session.flush()
            self.account_id = row.id

    def play(self, point: str) -> None:
        """Do what a test has planned for a point."""
        planned = self.faults.get(point)
        if planned:
            raise planned.pop(0)

    def name(self, *beginnings: str) -> str:
        """Return a new name."""
        return f"{''.join(beginnings)}shop-{next(_numbers)}.test"

    def quote(self, name: str, act: Act = Act.REGISTER, years: int = 1) -> Purchase:
        """Ask for a price as the organization."""
        return quotes.quote(self.sessions, self.tools, self.buyer, act=act, name=name, years=years)

    def confirm(self, found: Purchase, by: Actor | None = None, **more: Any) -> Purchase:
        """Agree to what was quoted."""
        terms = Agreement(**{"amount": found.price, **more})
        reference = show(Prefix.PURCHASE, found.id)
        done = purchases.confirm(self.sessions, self.tools, by or self.buyer, reference, terms)
        with self.sessions.begin(PLATFORM) as session:  # the database's clock is not the test's
            session.get_one(Purchase, done.id).confirmed_at = self.now
        return done

    def buy(self, name: str, act: Act = Act.REGISTER, years: int = 1, **more: Any) -> Purchase:
        """Quote and confirm."""
        return self.confirm(self.quote(name, act, years), **more)

    def lose(self, name: str) -> None:
        """Let time pass until a name that nobody renews is in redemption."""
        self.now += timedelta(days=365 + 46)
        self.drain(until=lambda: self.registration(name).status is RegistrationStatus.REDEMPTION)

    def step(self, limit: int = 20) -> bool:
        """Let a worker take one step with each due registration; tell whether any was due."""
        self.now = max(self.now, datetime.now(UTC))
        with self.sessions.begin(PLATFORM) as session:
            found = lease(session, RegisteredName, limit=limit, seconds=60, now=self.now)
            among = RegisteredName.visible(self.buyer).with_only_columns(RegisteredName.id)
            leased = RegisteredName.id.in_([one.id for one in found])
            mine = set(session.scalars(among.where(leased)))
        for one in found:
            if one.id in mine:
                self.reconcile(one)
        return bool(found)

    def reconcile(self, one: Lease) -> None:
        """Take one step as the worker's loop does."""
        try:
            reconciling.reconcile(self.sessions, self.tools, one)
        except (work.Superseded, Killed):
            return
        except NameplateError as error:
            try:
                work.postpone(
                    self.sessions, self.tools, RegisteredName, one, error,
                    lambda _s, row: reconciling.peer(row, lambda _: None),
                )  # fmt: skip
            except work.Superseded:
                return

    def drain(self, most: int = 80, until: Callable[[], bool] | None = None) -> None:
        """Let time pass from one due row to the next, until nothing is open."""
        for _ in range(most):
            if (until or self.is_idle)():
                return
            self.step()
            self.now = max(self.now + timedelta(seconds=1), self.next_due() or self.now)

    def is_idle(self) -> bool:
        """Whether no purchase is open, but for those that wait for a person."""
        waiting = PurchaseStatus.WAITING
        return not any(one.is_open and one.status is not waiting for one in self.purchases())

    def next_due(self) -> datetime | None:
        """Return when a registration is due next."""
        first = sa.func.min(RegisteredName.next_action_at)
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            due: datetime | None = session.scalar(
                RegisteredName.visible(self.buyer).with_only_columns(first)
            )
        return due

    def purchases(self) -> list[Purchase]:
        """Return every purchase of the organization."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            query = Purchase.visible(self.buyer).order_by(Purchase.id)
            return list(session.scalars(query))

    def purchase(self, found: Purchase) -> Purchase:
        """Return a purchase as it is now."""
        return next(one for one in self.purchases() if one.id == found.id)

    def registration(self, name: str) -> RegisteredName:
        """Return the last registration of a name."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            query = RegisteredName.visible(self.buyer).where(RegisteredName.name == name)
            rows: list[RegisteredName] = list(session.scalars(query.order_by(RegisteredName.id)))
            return rows[-1]

    def charges(self, name: str) -> list[int]:
        """Return what was taken for a name, and given back."""
        with self.registrar.store.open() as ledger:
            return [one.amount for one in ledger.charges if one.name == name]

    def check(self) -> None:
        """See to it that money, registrar and rows agree."""
        settled: dict[str, list[Purchase]] = {}
        for one in self.purchases():
            assert not one.is_open or one.status is PurchaseStatus.WAITING, (
                one.status,
                one.error_code,
            )
            if one.status is PurchaseStatus.SETTLED:
                settled.setdefault(one.name, []).append(one)
        with self.registrar.store.open() as ledger:
            held = dict(ledger.names)
            names = {one.name for one in ledger.charges} | set(settled)
        for name in names:
            bought = settled.get(name, [])
            assert sum(self.charges(name)) == sum(PRICE.amount * one.years for one in bought), name
            assert (name in held) == bool(bought), name
            if bought:
                years = sum(one.years for one in bought)
                begun, ends = held[name].registered_at, held[name].expires_at
                assert begun is not None
                assert ends is not None
                assert abs((ends - begun).days - 365.25 * years) < 3, (name, years)
                assert self.registration(name).expires_at == ends
