"""Years of many registrations: none is lost that is to be kept, and none is kept that is not to be."""

import os
import random
from collections import Counter
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import PRICE, Shop

from nameplate.adapters.registrar.memory import SandboxConfiguration, SandboxRegistrar
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.models import RenewedBy
from nameplate.ports.registrar import Act, RegistrationOrder, RegistrationState
from nameplate.testing.registrar import CONTACT
from nameplate.usecases.registrations import registrations

OUTAGE = timedelta(hours=72)
BY = tuple(RenewedBy)


class Failing(SandboxRegistrar):
    """A registrar that answers nothing during its outages."""

    outages: tuple[tuple[timedelta, timedelta], ...] = ()

    def begin(self, outages: list[timedelta]) -> None:
        """Count from now on."""
        self._began = self._clock()
        self.outages = tuple((at, at + OUTAGE) for at in outages)
        self._play = self._fail

    def _fail(self, _point: str, _name: str) -> None:
        since = self._clock() - self._began
        if any(begin <= since < end for begin, end in self.outages):
            raise Unavailable("provider_unreachable", "No answer.")


def pass_years(templates: Templates, folder: Path, count: int, years: int, seed: int) -> None:
    """Let years pass over so many names, a third by each way of renewal."""
    chance = random.Random(seed)
    with templates.sqlite(folder / "nameplate.db") as url:
        made = sessions_over(url)
        shop = Shop(made, Failing, config=SandboxConfiguration(balance=10**9))
        names = dict(zip((shop.name() for _ in range(count)), cycle(BY), strict=False))
        for name in names:
            quote = shop.registrar.quote(Act.REGISTER, name, 1)
            shop.registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
        registrations.import_all(shop.sessions, shop.tools, shop.buyer)
        with shop.sessions.begin(shop.buyer) as session:
            for name, by in names.items():
                registrations.update(session, shop.buyer, name, shop.now, renewed_by=by)
        for _ in range(count // 20 + 2):
            shop.step()
        assert isinstance(shop.registrar, Failing)
        # Three days before and at the end of each year, when it hurts, and at any time.
        hard = [
            timedelta(days=365 * year - before) for year in range(1, years) for before in (30, 2, 0)
        ]
        shop.registrar.begin(
            hard + [timedelta(days=chance.randrange(365 * years - 30)) for _ in range(6)]
        )
        live(shop, timedelta(days=365 * years + 50))
        check(shop, names, years)
        made.dispose()


def live(shop: Shop, time: timedelta) -> None:
    end = shop.now + time
    while shop.now < end:
        shop.step()
        due = shop._due() or end
        shop.now = min(max(due, shop.now + timedelta(minutes=20)), end)


def check(shop: Shop, names: dict[str, RenewedBy], years: int) -> None:
    paid = Counter[str]()
    with shop.registrar.store.open() as ledger:
        for charge in ledger.charges:
            paid[charge.name] += charge.amount
        held = dict(ledger.names)
    ours = [one for one in shop.purchases() if one.act is Act.RENEW]
    for one in ours:
        assert names[one.name] is RenewedBy.NAMEPLATE
        assert one.status is PurchaseStatus.SETTLED
        assert one.starts_from is not None
        assert one.sent_at is not None
        assert one.sent_at < one.starts_from, "it never ended before it was renewed"
    for name, by in names.items():
        kept, row = held[name], shop.registration(name)
        times = 1 if by is RenewedBy.NONE else 1 + years
        assert paid[name] == times * PRICE.amount, (name, by)
        if by is RenewedBy.NONE:
            assert row.status is RegistrationStatus.REDEMPTION
        else:
            assert kept.state is RegistrationState.ACTIVE
            assert kept.expires_at is not None
            assert kept.expires_at > shop.now
        assert row.expires_at == kept.expires_at


def test_a_year_of_a_few_names(templates: Templates, tmp_path: Path) -> None:
    pass_years(templates, tmp_path, 3, 1, seed=1)


@pytest.mark.torture
def test_three_years_of_a_thousand_names(templates: Templates, tmp_path: Path) -> None:
    count = int(os.environ.get("NAMEPLATE_REGISTRATIONS", "1000"))
    pass_years(templates, tmp_path, count, 3, seed=2)
