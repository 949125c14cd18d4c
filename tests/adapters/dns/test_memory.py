import pytest

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.delegation_signing import Ds
from nameplate.core.records import RRset
from nameplate.ports.dns import Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import ZoneSignerConformance


class TestMemory(DnsProviderConformance):
    text_length = 60_000

    @pytest.fixture
    def provider(self):
        apex = RRset("example.test", "NS", 300, ("ns1.example.test.",))
        return MemoryDns({"example.test": [apex], "other.test": []})

    @pytest.fixture
    def zone(self):
        return Zone("example.test", "example.test")


class TestMemorySigner(ZoneSignerConformance):
    @pytest.fixture
    def signer(self):
        made = MemoryDns({"signed.test": [], "plain.test": []})
        made.keys["signed.test"] = (Ds(1, 13, 2, "AB", "a2V5"),)
        return made

    @pytest.fixture
    def signed(self):
        return Zone("signed.test", "signed.test")

    @pytest.fixture
    def unsigned(self):
        return Zone("plain.test", "plain.test")
