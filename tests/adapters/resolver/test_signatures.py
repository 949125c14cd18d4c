"""The checker of signatures before zones on real servers, signed by a key of the test."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.servers.troubled import NS1, TroubledInternet, TroubledZone

from nameplate.adapters.resolver.signatures import DnssecChecker
from nameplate.testing.signatures import SignatureCheckerConformance

KINDS = ("good", "expired", "mismatch", "tampered", "no_ds", "no_keys", "future", "stripped")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TroubledInternet]:
    plain = TroubledZone("plain.test", parent=(NS1,))
    names = {kind: f"{kind.replace('_', '-')}.test" for kind in KINDS}
    zones = [replace(plain, name=name, signed=kind) for kind, name in names.items()]
    with TroubledInternet(tmp_path_factory.mktemp("signed"), [plain, *zones]) as made:
        yield made


class TestDnssecChecker(SignatureCheckerConformance):
    @pytest.fixture
    def checker(self, net: TroubledInternet) -> DnssecChecker:
        return net.signatures()

    @pytest.fixture
    def signed(self) -> str:
        return "good.test"

    @pytest.fixture
    def expired(self) -> str:
        return "expired.test"

    @pytest.fixture
    def unsigned(self) -> str:
        return "plain.test"


@pytest.mark.parametrize(
    ("zone", "fault"),
    [
        ("mismatch.test", "ds_mismatch"),
        ("tampered.test", "invalid"),
        ("no-keys.test", "no_keys"),
        ("future.test", "not_yet_valid"),
        ("stripped.test", "unsigned"),
        ("no-ds.test", ""),
    ],
)
def test_each_fault_has_its_name(net: TroubledInternet, zone: str, fault: str) -> None:
    found = net.signatures().signatures(zone, zone, "A")
    assert found is not None
    assert found.fault == fault


def test_a_private_zone_is_not_judged(net: TroubledInternet) -> None:
    known = {"good.test": [("ns", "127.0.73.1", net.port)]}
    assert net.signatures(known).signatures("good.test", "good.test", "A") is None
