"""A host that a wildcard answers for is answered before, during and after what we write below it."""

from typing import Any

import dns.message
import dns.query
import pytest
from tests.databases import sessions_over
from tests.servers.knot import Knot
from tests.servers.powerdns import PowerDns as PowerDnsServer
from tests.usecases.dns.zone_rig import APEX, made

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core import ids
from nameplate.core.records import Change, RRset
from nameplate.models import Record
from nameplate.usecases.dns import records

WILD = RRset(f"*.apps.{APEX}", "A", 300, ("192.0.2.200",))
BLUE = f"blue.apps.{APEX}"
PROOF = RRset(f"_nameplate-challenge.{BLUE}", "TXT", 300, ('"nameplate=x"',))


class Site:
    """A real server, its adapter, and what visitors are answered."""

    def __init__(self, server: Any, provider: Any, port: int) -> None:
        self.server, self.provider, self.port = server, provider, port
        (self.zone,) = provider.zones()

    def answer(self, name: str, rdtype: str = "A") -> list[str]:
        """Return what the server answers now."""
        query = dns.message.make_query(name, rdtype)
        reply = dns.query.udp(query, "127.0.0.1", timeout=5, port=self.port)
        return [rdata.to_text() for rrset in reply.answer for rdata in rrset]


@pytest.fixture(params=["powerdns", "knot"])
def site(request, tmp_path):
    """Return a server whose zone has a wildcard."""
    if request.param == "powerdns":
        server: Any = PowerDnsServer(tmp_path, [APEX])
        found = Site(server, PowerDns(server.api), server.dns_port)
    else:
        server = Knot(tmp_path, [APEX])
        provider = Rfc2136(server.address, server.port, server.zones, server.tsig)
        found = Site(server, provider, server.port)
    with server:
        found.provider.apply(found.zone, [Change(None, WILD)])
        yield found


def test_a_server_does_what_the_rule_says(site) -> None:
    """The proof alone takes the site off: else the tests here show nothing."""
    assert site.answer(BLUE) == ["192.0.2.200"]
    site.provider.apply(site.zone, [Change(None, PROOF)])
    assert site.answer(BLUE) == []
    site.provider.apply(site.zone, [Change(PROOF, None)])
    assert site.answer(BLUE) == ["192.0.2.200"]


def test_what_we_write_leaves_the_site_as_it_is(site, migrated_sqlite_url) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    rig = made(sessions)
    rig.provider_is(site.provider)
    hosts = (BLUE, f"deep.{BLUE}", f"red.apps.{APEX}")
    assert [site.answer(host) for host in hosts] == [["192.0.2.200"]] * 3
    with rig.offline.sessions.begin(rig.actor) as session:
        row = records.add(
            session, rig.actor, rig.name, type="TXT", name="_nameplate-challenge.blue.apps",
            value="nameplate=x", ttl=300, now=rig.offline.tools.clock(),
        )  # fmt: skip
    rig.work()
    assert site.answer(PROOF.name, "TXT") == ['"nameplate=x"']
    assert [site.answer(host) for host in hosts] == [["192.0.2.200"]] * 3
    with rig.offline.sessions.begin(rig.actor) as session:
        records.remove(session, rig.actor, ids.show("rec", row.id), rig.offline.tools.clock())
        assert not session.query(Record).filter_by(deleted_at=None).count()
    rig.work()
    assert site.answer(PROOF.name, "TXT") == []
    assert [site.answer(host) for host in hosts] == [["192.0.2.200"]] * 3
    left = [one for one in site.provider.records(site.zone) if one.name.endswith(BLUE)]
    assert left == []
    sessions.dispose()
