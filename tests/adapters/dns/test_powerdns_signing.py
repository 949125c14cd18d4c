"""PowerDNS as a signer of zones: what it says belongs to the parent is what its answers need."""

from collections.abc import Iterator
from pathlib import Path

import dns.dnssec
import dns.name
import dns.query
import dns.rdatatype
import pytest
from tests.servers.powerdns import PowerDns as Server

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.ports.dns import Zone
from nameplate.testing.zones import ZoneSignerConformance

SIGNED = Zone("signed.test", "signed.test.")
KEYS = "/api/v1/servers/localhost/zones/signed.test./cryptokeys"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("signing")
    with Server(folder, ["signed.test", "plain.test"], signs=True) as made:
        add(made, active=True)
        yield made


def add(server: Server, **more: object) -> int:
    body = {"keytype": "csk", "algorithm": "ecdsa256", "published": True, **more}
    found: int = server.api.request("POST", KEYS, json=body).json()["id"]
    return found


def answered(server: Server) -> set[str]:
    """Return the SHA-256 DS of every key that signs keys and that the server answers with."""
    name = dns.name.from_text("signed.test")
    query = dns.message.make_query(name, dns.rdatatype.DNSKEY)
    reply = dns.query.tcp(query, server.address, port=server.dns_port, timeout=5)
    (rrset,) = reply.answer
    made = (dns.dnssec.make_ds(name, key, "SHA256") for key in rrset if key.flags & 1)
    return {
        f"{one.key_tag} {int(one.algorithm)} {int(one.digest_type)} {one.digest.hex().upper()}"
        for one in made
    }


class TestSigning(ZoneSignerConformance):
    @pytest.fixture
    def signer(self, server: Server) -> PowerDns:
        return PowerDns(server.api)

    @pytest.fixture
    def signed(self) -> Zone:
        return SIGNED

    @pytest.fixture
    def unsigned(self) -> Zone:
        return Zone("plain.test", "plain.test.")


def told(server: Server) -> set[str]:
    return {one.text for one in PowerDns(server.api).ds(SIGNED) if one.digest_type == 2}


def test_a_roll_is_told_from_its_first_moment(server: Server) -> None:
    """Also of a key that is published and does not sign yet; of one that is not published nothing."""
    assert told(server) == answered(server)
    ahead, hidden = add(server, active=False), add(server, active=False, published=False)
    assert told(server) == answered(server)
    assert len(told(server)) == 2
    for number in (ahead, hidden):
        server.api.request("DELETE", f"{KEYS}/{number}")
    assert told(server) == answered(server)
