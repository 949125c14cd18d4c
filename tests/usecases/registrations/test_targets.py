"""Where a name is to be delegated, and what is lost on the way."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop
from tests.usecases.registrations.test_delegations import NEW, OLD, bought, delegate, hosted, later

from nameplate.core.errors import Conflict
from nameplate.core.records import RRset


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def test_a_zone_that_is_missing_is_said_and_awaited(shop: Shop) -> None:
    name = bought(shop)
    host = hosted(shop, name)
    delegate(shop, name)
    host._zones.clear()
    shop.step()
    row = shop.registration(name)
    assert row.trouble_code == "zone_missing"
    assert row.expires_at is not None
    host._zones[name] = {}
    later(shop, timedelta(hours=2))
    later(shop)
    assert shop.registration(name).name_servers == list(NEW)
    assert shop.registration(name).trouble_code is None


def test_of_name_servers_that_cannot_be_compared_everything_is_asked_about(shop: Shop) -> None:
    name = bought(shop)
    shop.dns.parents[name] = OLD
    shop.dns.answers = {(name, "A"): ("192.0.2.7",)}
    with pytest.raises(Conflict):
        delegate(shop, name, "ns1.elsewhere.example")
    delegate(shop, name, "ns1.elsewhere.example", agreed=True)
    delegate(shop, name, *OLD)


def test_nothing_is_asked_where_nothing_is_lost(shop: Shop) -> None:
    name = bought(shop)
    hosted(shop, name, RRset(name, "A", 300, ("192.0.2.8",)))
    shop.dns.parents[name] = OLD
    shop.dns.answers = {(name, "A"): ("192.0.2.7",)}
    delegate(shop, name)
    shop.step()
    later(shop)
    assert shop.registration(name).name_servers == list(NEW)
