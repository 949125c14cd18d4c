"""Years of many registrations: none is lost that is to be kept, and none is kept that is not to be."""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import PRICE, Shop

from nameplate.adapters.registrar.ledger import Charge
from nameplate.adapters.registrar.memory import SandboxConfiguration, SandboxRegistrar
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.purchases import RENEWED_BEFORE, years_after
from nameplate.models import RenewedBy
from nameplate.ports.registrar import Act, RegistrationOrder, RegistrationState
from nameplate.testing.registrar import CONTACT
from nameplate.usecases.registrations import registrations

OUTAGE = timedelta(hours=72)
STRIDE = timedelta(hours=4)
"""Between two steps at the least: workers that look oftener find the same."""
YEAR = timedelta(days=365)
LOOKED_AT = timedelta(days=2)
"""Within which every name is looked at that has something to do."""
REDEEMED_AFTER = timedelta(days=45)


@dataclass(frozen=True)
class Outages:
    """When the registrar answers nothing, and when no worker of ours runs."""

    registrar: tuple[datetime, ...]
    workers: tuple[datetime, ...]

    @classmethod
    def over(cls, begin: datetime, years: int, chance: random.Random) -> "Outages":
        """Return those of some years: at any time, and when it hurts the names of the first day."""
        hard = [
            begin + year * YEAR - timedelta(days=before)
            for year in range(1, years + 1)
            for before in (30, 2, 0)
        ]
        soft = [
            begin + timedelta(days=chance.randrange(30, 365 * years - 30)) for _ in range(4 * years)
        ]
        return cls((*hard[::2], *soft[::2]), (*hard[1::2], *soft[1::2]))

    @staticmethod
    def within(begun: Sequence[datetime], now: datetime) -> datetime | None:
        """Return when the outage ends that goes on, None where none does."""
        return next((at + OUTAGE for at in begun if at <= now < at + OUTAGE), None)


class Failing(SandboxRegistrar):
    """A registrar that answers nothing during its outages."""

    def fail(self, outages: Outages) -> None:
        """Fail from now on."""

        def play(_point: str, _name: str) -> None:
            if outages.within(outages.registrar, self._clock()):
                raise Unavailable("provider_unreachable", "No answer.")

        self._play = play


def stocked(shop: Shop, count: int, chance: random.Random) -> dict[str, RenewedBy]:
    """Return so many names of the account, a third by each way of renewal; half of one day."""
    begin = shop.now
    names = dict(zip((shop.name() for _ in range(count)), cycle(RenewedBy), strict=False))
    for place, name in enumerate(names):
        shop.now = begin - timedelta(days=chance.randrange(1, 300) if place // 3 % 2 else 0)
        quote = shop.registrar.quote(Act.REGISTER, name, 1)
        shop.registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
    shop.now = begin
    registrations.import_all(shop.sessions, shop.tools, shop.buyer)
    with shop.sessions.begin(shop.buyer) as session:
        for name, by in names.items():
            registrations.update(session, shop.buyer, name, shop.now, renewed_by=by)
    while shop.step(500):
        shop.now += STRIDE
        if (shop.next_due() or shop.now) > shop.now:
            break
    return names


def pass_years(templates: Templates, folder: Path, count: int, years: int, seed: int) -> None:
    """Let years pass over so many names."""
    chance = random.Random(seed)
    with templates.sqlite(folder / "nameplate.db") as url:
        made = sessions_over(url)
        shop = Shop(made, Failing, config=SandboxConfiguration(balance=10**9))
        names = stocked(shop, count, chance)
        outages = Outages.over(shop.now, years, chance)
        assert isinstance(shop.registrar, Failing)
        shop.registrar.fail(outages)
        live(shop, shop.now + years * YEAR + timedelta(days=60), outages)
        check(shop, names)
        made.dispose()


def live(shop: Shop, end: datetime, outages: Outages) -> None:
    """Let workers take what is due, but while none runs, until the end."""
    while shop.now < end:
        shop.step(500)
        now = max(shop.next_due() or end, shop.now + STRIDE)
        shop.now = min(outages.within(outages.workers, now) or now, end)


def check(shop: Shop, names: dict[str, RenewedBy]) -> None:
    """See to it that who is to renew has renewed, once a year and not before it was time."""
    shop.registrar.registrations()
    charges: dict[str, list[Charge]] = defaultdict(list)
    with shop.registrar.store.open() as ledger:
        for charge in ledger.charges:
            charges[charge.name].append(charge)
        held = dict(ledger.names)
    for one in shop.purchases():
        assert one.status is PurchaseStatus.SETTLED, (one.name, one.status, one.error_code)
        assert one.act is Act.RENEW
        assert one.starts_from is not None
        assert one.sent_at is not None
        assert one.starts_from - RENEWED_BEFORE <= one.sent_at < one.starts_from
        assert names[one.name] is RenewedBy.NAMEPLATE
    for name, by in names.items():
        kept, row, paid = held[name], shop.registration(name), charges[name]
        assert kept.registered_at is not None
        assert kept.expires_at is not None
        assert sum(one.amount for one in paid) == len(paid) * PRICE.amount
        # Every year that was paid for is there, and no other.
        assert kept.expires_at == years_after(kept.registered_at, len(paid)), (name, by)
        if by is RenewedBy.NONE:
            assert len(paid) == 1
            over = shop.now - kept.expires_at
            assert over > REDEEMED_AFTER
            assert row.status is RegistrationStatus.REDEMPTION
            continue
        # A year more than is needed would be as wrong as one less.
        ahead = RENEWED_BEFORE if by is RenewedBy.NAMEPLATE else timedelta(0)
        assert shop.now < kept.expires_at
        assert kept.expires_at - YEAR <= shop.now + ahead + timedelta(days=1), (name, by)
        assert kept.state is RegistrationState.ACTIVE
        assert row.expires_at == kept.expires_at or by is RenewedBy.REGISTRAR


def test_a_year_of_a_few_names(templates: Templates, tmp_path: Path) -> None:
    pass_years(templates, tmp_path, 6, 1, seed=1)


@pytest.mark.torture
def test_three_years_of_a_thousand_names(templates: Templates, tmp_path: Path) -> None:
    count = int(os.environ.get("NAMEPLATE_REGISTRATIONS", "1000"))
    pass_years(templates, tmp_path, count, 3, seed=2)
