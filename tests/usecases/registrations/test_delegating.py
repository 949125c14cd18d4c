"""DS records of a delegated name: published, rolled and withdrawn in an order that breaks no zone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop
from tests.usecases.registrations.test_delegations import (
    NEW,
    OLD,
    Host,
    bought,
    delegate,
    hosted,
    later,
)

from nameplate.adapters.registrar.memory import SandboxRegistrar
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import Unavailable
from nameplate.usecases.registrations import registrations

FIRST, SECOND = Ds(1, 13, 2, "AA", "Zmlyc3Q="), Ds(2, 13, 2, "BB", "c2Vjb25k")


class Plain(SandboxRegistrar):
    """A registrar whose API knows nothing of DS records."""

    ds = None  # type: ignore[assignment]  # no such method
    set_ds = None  # type: ignore[assignment]  # no such method


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def signed(shop: Shop) -> tuple[str, Host]:
    """Return a name that is delegated to a signed zone, whose registry has not shown that yet."""
    name = bought(shop)
    host = hosted(shop, name)
    host.keys[name] = (FIRST,)
    shop.dns.parents[name] = OLD
    delegate(shop, name)
    shop.step()
    later(shop)
    return name, host


def answers(shop: Shop, name: str, *keys: Ds) -> None:
    """Have the name servers answer with the keys."""
    shop.dns.parents[name] = NEW
    values = tuple(f"257 3 {one.algorithm} {one.public_key}" for one in keys)
    shop.dns.answers[name, "DNSKEY"] = values


def published(shop: Shop) -> tuple[str, Host]:
    name, host = signed(shop)
    answers(shop, name, FIRST)
    later(shop, timedelta(hours=2))
    later(shop)
    return name, host


def held(shop: Shop, name: str) -> list[Ds]:
    return list(shop.registrar.ds(name))


def test_records_are_published_when_registry_and_servers_show_the_zone(shop: Shop) -> None:
    name, _ = signed(shop)
    assert held(shop, name) == []
    assert shop.registration(name).ds_wanted == [FIRST.text]
    shop.dns.parents[name] = NEW
    later(shop, timedelta(hours=2))
    assert held(shop, name) == [], "the name servers do not answer with the key yet"
    answers(shop, name, FIRST)
    later(shop, timedelta(hours=2))
    assert held(shop, name) == [FIRST]
    later(shop)
    row = shop.registration(name)
    assert (row.ds_seen, row.trouble_code) == ([FIRST.text], None)


def test_a_key_is_rolled_with_both_records_in_between(shop: Shop) -> None:
    name, host = published(shop)
    host.keys[name] = (FIRST, SECOND)
    later(shop, timedelta(days=8))
    assert held(shop, name) == [FIRST], "a server does not answer with the new key yet"
    answers(shop, name, FIRST, SECOND)
    later(shop, timedelta(hours=2))
    assert held(shop, name) == [FIRST, SECOND]
    host.keys[name] = (SECOND,)
    later(shop, timedelta(days=8))
    later(shop, timedelta(hours=2))
    assert held(shop, name) == [SECOND]


def test_records_leave_a_day_before_the_name_servers_change(shop: Shop) -> None:
    name, host = published(shop)
    shop.dns.answers.clear()
    delegate(shop, name, "ns1.elsewhere.example")
    shop.step()
    assert held(shop, name) == []
    later(shop)
    row = shop.registration(name)
    assert (row.trouble_code, row.name_servers) == ("ds_leaving", list(NEW))
    later(shop, timedelta(hours=24))
    assert shop.registration(name).name_servers == list(NEW)
    later(shop, timedelta(hours=2))
    later(shop)
    row = shop.registration(name)
    assert row.name_servers == ["ns1.elsewhere.example"]
    assert row.trouble_code is None
    assert host.keys[name]


def test_records_leave_before_a_zone_is_unsigned(shop: Shop) -> None:
    name, _ = published(shop)
    with shop.sessions.begin(shop.buyer) as session:
        registrations.update(session, shop.buyer, name, shop.now, publishes_ds=False)
    shop.step()
    later(shop)
    row = shop.registration(name)
    assert (held(shop, name), row.ds_seen, row.ds_wanted) == ([], [], [])
    assert row.ds_withdrawn_at is not None
    with shop.sessions.begin(shop.buyer) as session:
        registrations.update(session, shop.buyer, name, shop.now, publishes_ds=True)
    later(shop)
    assert held(shop, name) == [FIRST]


def test_records_of_a_zone_that_is_unsigned_already_are_removed(shop: Shop) -> None:
    name, host = published(shop)
    host.keys.clear()
    later(shop, timedelta(days=8))
    assert held(shop, name) == []


def test_records_that_others_entered_are_not_touched(shop: Shop) -> None:
    name = bought(shop)
    hosted(shop, name)
    shop.registrar.delegate(name, NEW)
    shop.registrar.set_ds(name, [SECOND])
    shop.dns.parents[name] = NEW
    delegate(shop, name)
    for _ in range(3):
        later(shop, timedelta(days=8))
    assert held(shop, name) == [SECOND]


def test_a_person_is_asked_where_the_api_cannot(shop: Shop) -> None:
    shop = Shop(shop.sessions, Plain)
    name, _ = signed(shop)
    answers(shop, name, FIRST)
    later(shop, timedelta(hours=2))
    row = shop.registration(name)
    assert row.trouble_code == "ds_by_hand"
    assert f"Enter these DS records of {name}" in (row.trouble_message or "")
    assert FIRST.text in (row.trouble_message or "")
    shop.dns.answers[name, "DS"] = ("1 13 2 aa",)
    later(shop, timedelta(hours=2))
    assert shop.registration(name).trouble_code is None
    delegate(shop, name, "ns1.elsewhere.example", agreed=True)
    shop.step()
    row = shop.registration(name)
    assert (row.trouble_code, row.name_servers) == ("ds_by_hand", list(NEW))
    assert "Remove the DS records" in (row.trouble_message or "")
    del shop.dns.answers[name, "DS"]
    later(shop, timedelta(hours=2))
    assert shop.registration(name).trouble_code == "ds_leaving"
    later(shop, timedelta(hours=26))
    later(shop)
    assert shop.registration(name).name_servers == ["ns1.elsewhere.example"]


def test_a_registrar_that_fails_in_between_is_told_again(shop: Shop) -> None:
    name, _ = published(shop)
    shop.dns.answers.clear()
    lost = Unavailable("provider_unreachable", "No answer.")
    shop.faults["delegate"] = [lost, lost]
    delegate(shop, name, "ns1.elsewhere.example")
    for _ in range(12):
        later(shop, timedelta(hours=9))
    row = shop.registration(name)
    assert (row.name_servers, held(shop, name)) == (["ns1.elsewhere.example"], [])
