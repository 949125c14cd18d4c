"""The resolver passes the tour before a registry, two hosters and a cache that are real servers."""

from collections.abc import Iterator

import pytest
from tests.servers.internet import BIND, POWERDNS, Internet

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.records import RRset
from nameplate.testing.resolver import (
    PublishRecords,
    ResolverConformance,
    WideResolverConformance,
)

ZONE = "example.test"
BOTH = {"ns1.example.test": BIND, "ns2.example.test": POWERDNS}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    with Internet(tmp_path_factory.mktemp("internet"), [ZONE], [ZONE]) as made:
        made.delegate(ZONE, BOTH)
        names = tuple(f"{name}." for name in BOTH)
        for hoster in (made.at_bind, made.at_powerdns):
            for name, address in BOTH.items():  # BIND wants addresses before names
                made.write(hoster, ZONE, RRset(name, "A", 300, (address,)))
            made.write(hoster, ZONE, RRset(ZONE, "NS", 300, names))
        made.resolve({ZONE: BIND})
        yield made


class TestAuthoritative(ResolverConformance, WideResolverConformance):
    @pytest.fixture
    def resolver(self, net: Internet) -> AuthoritativeResolver:
        return net.resolver()

    @pytest.fixture
    def zone(self) -> str:
        return ZONE

    @pytest.fixture
    def publish_records(self, net: Internet) -> PublishRecords:
        def publish(rrset: RRset) -> None:
            for hoster in (net.at_bind, net.at_powerdns):
                net.write(hoster, ZONE, rrset)

        return publish


def test_both_hosters_are_asked(net: Internet) -> None:
    found = net.resolver().authoritative(ZONE, "NS")
    assert [one.server for one in found.answers] == [
        f"{name} ({address})" for name, address in BOTH.items()
    ]
    assert net.resolver().delegation(ZONE).parent == tuple(BOTH)
