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

YEARS = 3
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


def years(templates: Templates, folder: Path, count: int, seed: int) -> None:
    """Let three years pass over so many names, a third by each way of renewal."""
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
        shop.drain(until=lambda: not is_due(shop), most=10 * count)
        assert isinstance(shop.registrar, Failing)
        # Three days before and at the end of each year, when it hurts, and at any time.
        hard = [timedelta(days=365 * year - before) for year in (1, 2) for before in (30, 2, 0)]
        shop.registrar.begin(hard + [timedelta(days=chance.randrange(1000)) for _ in range(6)])
        live(shop, timedelta(days=365 * YEARS - 5))
        check(shop, names)
        made.dispose()


def is_due(shop: Shop) -> bool:
    due = shop._due()
    return due is not None and due <= shop.now


def live(shop: Shop, time: timedelta) -> None:
    end = shop.now + time
    while shop.now < end:
        shop.step()
        due = shop._due() or end
        shop.now = min(max(due, shop.now + timedelta(minutes=20)), end)


def check(shop: Shop, names: dict[str, RenewedBy]) -> None:
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
        times = 1 + (YEARS - 1 if by is RenewedBy.REGISTRAR else 0)
        times += YEARS if by is RenewedBy.NAMEPLATE else 0
        assert paid[name] == times * PRICE.amount, (name, by)
        if by is RenewedBy.NONE:
            assert row.status is RegistrationStatus.REDEMPTION
        else:
            assert kept.state is RegistrationState.ACTIVE
            assert kept.expires_at is not None
            assert kept.expires_at > shop.now
        assert row.expires_at == kept.expires_at


def test_three_years_of_a_few_names(templates: Templates, tmp_path: Path) -> None:
    years(templates, tmp_path, 3, 1)


@pytest.mark.torture
def test_three_years_of_a_thousand_names(templates: Templates, tmp_path: Path) -> None:
    years(templates, tmp_path, int(os.environ.get("NAMEPLATE_REGISTRATIONS", "1000")), 2)
