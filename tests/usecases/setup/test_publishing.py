"""What leads a host to its server is one decision, whoever asks for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.dns_hosts import HOSTS, DnsHost
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish
from nameplate.core.ids import show
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import Sessions
from nameplate.models import Account, Domain, Record, RecordType
from nameplate.models.records import AUTOMATIC
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import bindings, servers
from nameplate.usecases.setup import domain_connect, publishing
from nameplate.usecases.tools import Tools

ZONE = "acme.com"
HOSTS_BOUND = (None, "shop", "*", "*.apps", "bücher", "txt", "hand")
"""Subdomains: the apex, one below it, wildcards, an IDN, and two where the owner has records."""
BY_HAND = (("txt", RecordType.TXT, '"proof"'), ("hand", RecordType.A, "203.0.113.99"))
ABILITIES = (
    ("powerdns", "porkbun"),
    ("cloudflare", "cloudflare"),
    ("digitalocean", "godaddy"),
    ("rfc2136", None),
)
"""Providers, and DNS hosts that can do as much at the apex; None: nobody knows which it is."""

server_names = st.sampled_from(
    ["edge1", "localhost", "lb.platform.example", "Edge.Platform.NET.", "edge.b\u00fccher.example"]
)
addresses = st.sampled_from(
    ["192.0.2.10", "192.0.2.20", "203.0.113.7", "2001:db8::10", "2001:db8::20"]
)

Shown = tuple[str, str, str]
"""Owner name, type, value without final dot."""


@dataclass
class Twins:
    """One domain whose records Nameplate writes, and the same without an account."""

    session: Session
    tools: Tools = field(repr=False)
    automatic: Domain
    by_hand: Domain
    account: Account
    server: str

    def move(self, address: str, more: list[str], provider: str) -> None:
        self.account.provider = provider
        self.session.flush()
        servers.update(
            self.session, self.tools, PLATFORM, self.server, NOW, address=address, addresses=more
        )

    def made(self) -> set[Shown]:
        """Return the automatic records."""
        query = Record.visible(PLATFORM).where(
            Record.organization_domain_id == self.automatic.id,
            Record.recordable_type.in_(AUTOMATIC),
        )
        return {
            (names.absolute(row.name, ZONE), row.record_type.value, row.value.removesuffix("."))
            for row in self.session.scalars(query)
        }

    def told(self, host: DnsHost | None) -> publishing.Publication:
        """Return what the owner of the domain without account publishes."""
        return publishing.due(self.session, self.tools, self.by_hand).at(ZONE, host, lambda _: ())


@pytest.fixture
def twins(templates: Templates) -> Iterator[Twins]:
    made = sessions_over(templates.url("sqlite"))
    with made.begin(PLATFORM) as session:
        yield _twins(session)
        session.rollback()
    made.dispose()


def _twins(session: Session) -> Twins:
    tools = Offline(Sessions(sa.create_engine("sqlite://"))).tools
    edge = world.server(session, None, proxy={"type": "caddy"}, name="edge")
    domains: list[Domain] = []
    for has_account in (True, False):
        owner = world.organization(session)
        account = world.account(session, owner)
        columns: dict[str, Any] = {}
        if has_account:  # of two claims on one name only one can be proved
            columns = {"dns_account_id": account.id, "status": DomainStatus.VERIFIED}
        domain = world.domain(session, owner, ZONE, **columns)
        for name, kind, value in BY_HAND:
            world.record(session, domain, name=name, record_type=kind, value=value)
        world.application(session, owner, name="Shop")
        for subdomain in HOSTS_BOUND:
            bindings.add(
                session, tools, Actor(owner.id), domain=show("dom", domain.id), application="Shop",
                server=show("srv", edge.id), subdomain=subdomain, now=NOW,
            )  # fmt: skip
        domains.append(domain)
    first = session.scalars(
        Account.visible(PLATFORM).where(Account.organization_id == domains[0].organization_id)
    ).one()
    return Twins(session, tools, domains[0], domains[1], first, show("srv", edge.id))


def shown(records: tuple[RecordToPublish, ...]) -> set[Shown]:
    return {(one.name, one.type, one.value) for one in records if one.purpose is Purpose.ROUTING}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    address=server_names | addresses,
    more=st.lists(addresses, max_size=4),
    ability=st.sampled_from(ABILITIES),
)
@example(address="edge1", more=["192.0.2.10", "2001:db8::10"], ability=ABILITIES[0])
@example(address="lb.platform.example", more=["192.0.2.20"], ability=ABILITIES[2])
@example(address="lb.platform.example", more=[], ability=ABILITIES[0])
@example(address="lb.platform.example", more=[], ability=ABILITIES[1])
@example(address="lb.platform.example", more=[], ability=ABILITIES[3])
def test_told_consented_and_automatic_records_are_the_same(
    twins: Twins, address: str, more: list[str], ability: tuple[str, str | None]
) -> None:
    provider, slug = ability
    twins.move(address, more, provider)
    host = next((one for one in HOSTS if one.slug == slug), None)
    told = twins.told(host)
    assert shown(told.records) == twins.made()
    assert {(one.reason, one.message) for one in told.obstacles} == {
        (one.reason, one.message)
        for one in pointing.obstacles(twins.session, [twins.automatic])[twins.automatic.id]
    }
    consent = domain_connect.chosen(ZONE, told.records)
    by_hand = tuple(one for one in told.records if one not in consent.covered)
    assert shown(consent.covered) | shown(by_hand) == twins.made()
    published = {
        (ZONE, {"target": "CNAME", "ipv4": "A", "ipv6": "AAAA"}[name], value)
        for name, value in consent.variables.items()
        if name != "token"
    }
    assert published == shown(consent.covered)
    assert published <= twins.made()


def test_a_name_is_looked_up_only_where_no_cname_can_stand(twins: Twins) -> None:
    twins.move("lb.platform.example", [], "digitalocean")
    asked: list[str] = []

    def resolve(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ("192.0.2.7", "0.0.0.0")

    due = publishing.due(twins.session, twins.tools, twins.by_hand)
    told = {one.name: one for one in due.at(ZONE, None, resolve).records}
    assert asked == ["lb.platform.example"] * 2
    for name in (ZONE, f"txt.{ZONE}"):
        found = [one for one in due.at(ZONE, None, resolve).records if one.name == name]
        (address,) = [one for one in found if one.purpose is Purpose.ROUTING]
        assert (address.type, address.value) == ("A", "192.0.2.7")
        assert address.follows == "lb.platform.example"
    assert (told[f"shop.{ZONE}"].type, told[f"shop.{ZONE}"].follows) == ("CNAME", "")


def test_a_cname_of_the_owners_own_at_the_apex(twins: Twins) -> None:
    world.record(
        twins.session, twins.by_hand, name="@", record_type=RecordType.CNAME, value="cdn.net."
    )
    due = publishing.due(twins.session, twins.tools, twins.by_hand)

    def at_apex(host: DnsHost | None, *found: str) -> list[tuple[str, str, Purpose]]:
        told = due.at(ZONE, host, lambda _: found).records
        return [(one.type, one.value, one.purpose) for one in told if one.name == ZONE]

    porkbun = next(one for one in HOSTS if one.slug == "porkbun")
    assert at_apex(porkbun) == [("ALIAS", "cdn.net", Purpose.RECORD)]
    assert at_apex(None, "192.0.2.7") == [("A", "192.0.2.7", Purpose.RECORD)]
    assert at_apex(None) == [("CNAME", "cdn.net.", Purpose.RECORD)]
