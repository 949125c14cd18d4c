"""Name servers: set as wanted, and asked about where something stops answering by it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.registrations.shop import Shop

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NotFound, Refused
from nameplate.core.records import RRset
from nameplate.models import AccountKind
from nameplate.ports.dns import Zone
from nameplate.usecases import lookup
from nameplate.usecases.registrations import delegations, registrations

NEW = ("ns1.new.example", "ns2.new.example")
OLD = ("ns1.old.example", "ns2.old.example")


class Host(MemoryDns):
    """A DNS host that tells its name servers."""

    servers: Sequence[str] = NEW

    def name_servers(self, zone: Zone) -> Sequence[str]:
        """Return the same of every zone."""
        del zone
        return self.servers


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def bought(shop: Shop) -> str:
    name = shop.name()
    shop.buy(name)
    shop.drain()
    return name


def hosted(shop: Shop, name: str, *records: RRset) -> Host:
    """Give the domain a DNS account that has its zone."""
    host = Host({name: records})
    shop.tools = replace(shop.tools, dns_provider=lambda _account: host)
    with shop.sessions.begin(PLATFORM) as session:
        account = world.account(session, None, kind=AccountKind.DNS, provider="memory")
        claim = lookup.domain(session, shop.buyer, name)
        claim.dns_account_id = account.id
    return host


def later(shop: Shop, wait: timedelta = timedelta(minutes=3)) -> None:
    shop.now += wait
    shop.step()


def delegate(shop: Shop, name: str, *servers: str, agreed: bool = False) -> None:
    delegations.delegate(
        shop.sessions, shop.tools, shop.buyer, name, servers, accepts_losses=agreed
    )


def test_name_servers_are_set_and_kept(shop: Shop) -> None:
    name = bought(shop)
    delegate(shop, name, "NS2.example.net.", "ns1.example.net")
    shop.step()
    later(shop)
    assert shop.registration(name).name_servers == ["ns1.example.net", "ns2.example.net"]
    shop.registrar.delegate(name, ["ns1.elsewhere.example"])
    later(shop, timedelta(days=8))
    later(shop)
    assert shop.registration(name).name_servers == ["ns1.example.net", "ns2.example.net"]


def test_what_cannot_be_set(shop: Shop) -> None:
    name = bought(shop)
    for wrong in (["localhost"], ["192.0.2.1"], [f"ns{n}.example.net" for n in range(14)]):
        with pytest.raises(Invalid):
            delegate(shop, name, *wrong)
    with pytest.raises(Conflict) as refused:
        delegate(shop, name)
    assert refused.value.code == "domain_without_dns"
    with pytest.raises(NotFound):
        delegations.preview(shop.sessions, shop.tools, Shop(shop.sessions).buyer, name)


def test_what_stops_answering_is_shown_and_agreed_to(shop: Shop) -> None:
    name = bought(shop)
    hosted(shop, name, RRset(f"www.{name}", "CNAME", 300, ("x.example.",)))
    shop.dns.parents[name] = OLD
    shop.dns.answers = {
        (name, "MX"): ("10 mail.example.org.",),
        (name, "A"): ("192.0.2.7",),
        (f"www.{name}", "A"): ("192.0.2.7",),
    }
    found = delegations.preview(shop.sessions, shop.tools, shop.buyer, name)
    assert found.servers == NEW
    assert [(one.name, one.type) for one in found.lost] == [(name, "A"), (name, "MX")]
    with pytest.raises(Conflict) as refused:
        delegate(shop, name)
    assert refused.value.code == "delegation_loses_records"
    assert f"{name} MX" in refused.value.detail
    assert not shop.registration(name).is_delegated
    delegate(shop, name, agreed=True)
    shop.step()
    later(shop)
    assert shop.registration(name).name_servers == list(NEW)


def test_another_dns_account_of_the_domain_is_compared_before_it_is_followed(shop: Shop) -> None:
    name = bought(shop)
    host = hosted(shop, name, RRset(name, "A", 300, ("192.0.2.8",)))
    delegate(shop, name)
    shop.step()
    later(shop)
    shop.dns.parents[name] = NEW
    shop.dns.answers = {(name, "A"): ("192.0.2.8",), (name, "MX"): ("10 mail.example.org.",)}
    host.servers = ("ns1.third.example",)
    later(shop, timedelta(days=8))
    row = shop.registration(name)
    assert (row.trouble_code, row.name_servers) == ("delegation_loses_records", list(NEW))
    assert f"{name} MX" in (row.trouble_message or "")
    shop.dns.answers.pop((name, "MX"))
    later(shop, timedelta(hours=2))
    later(shop)
    row = shop.registration(name)
    assert (row.trouble_code, row.name_servers) == (None, ["ns1.third.example"])


def test_the_registry_is_watched_until_it_shows_the_name_servers(shop: Shop) -> None:
    name = bought(shop)
    shop.dns.parents[name] = OLD
    delegate(shop, name, *NEW)
    shop.step()
    later(shop)
    row = shop.registration(name)
    assert (row.name_servers, row.parent_servers) == (list(NEW), list(OLD))
    assert row.next_action_at is not None
    assert row.next_action_at - shop.now <= timedelta(hours=1)
    later(shop, timedelta(days=2))
    assert shop.registration(name).trouble_code == "delegation_not_shown"
    shop.dns.parents[name] = NEW
    later(shop, timedelta(hours=2))
    row = shop.registration(name)
    assert (row.parent_servers, row.trouble_code) == (list(NEW), None)


def test_a_refusal_of_the_registrar_hides_nothing_of_the_registration(shop: Shop) -> None:
    """What it shows is recorded, and the name is renewed, whatever becomes of its name servers."""
    name = bought(shop)
    delegate(shop, name, *NEW)
    shop.faults["delegate"] = [Refused("provider_refused", "No.")] * 9
    shop.now += timedelta(days=340)
    shop.step()
    row = shop.registration(name)
    assert row.trouble_code == "provider_refused"
    assert row.expiry_notice_days is not None
    with shop.sessions.begin(shop.buyer) as session:
        assert registrations.get(session, shop.buyer, name).status.value == "expiring"
    shop.drain(most=6, until=lambda: len(shop.charges(name)) == 2)
    assert len(shop.charges(name)) == 2
