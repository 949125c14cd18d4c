"""What is left to the owner of a domain, and what is done."""

from sqlalchemy.orm import Session
from tests.models import world
from tests.usecases.claims.test_routing import EDGE, claim, edge, the_one, told

from nameplate.core.dns_hosts.entry import Purpose
from nameplate.models import DnsSettings


def test_where_nameplate_writes_nothing_is_left(lite: Session) -> None:
    owner = world.organization(lite)
    edge(lite)
    account = world.account(lite, owner)
    domain = claim(lite, owner, dns_account_id=account.id, verification_token="t-1")
    world.verification(lite, domain, verification_token="t-1")
    one = the_one(lite, domain)
    assert (one.purpose, one.done) == (Purpose.OWNERSHIP, True)
    assert one.instruction.sentence == (
        "Nothing to publish: Nameplate publishes the TXT record at "
        "shop.acme.com with the DNS account."
    )
    domain.error_message = "The zone acme.com is not at the provider."
    assert the_one(lite, domain).done is False
    domain.dns = DnsSettings(automatic=False)
    assert told(lite, domain) == [("CNAME", "shop.acme.com", EDGE)]


def test_a_host_that_is_served_is_kept(lite: Session) -> None:
    owner = world.organization(lite)
    server = edge(lite)
    domain = claim(lite, owner)
    app = world.application(lite, owner)
    world.binding(lite, app, domain, server_id=server.id, hostname="shop.acme.com", status="active")
    one = the_one(lite, domain)
    assert one.done is True
    assert one.instruction.sentence.startswith("Keep the CNAME record at shop.acme.com")
