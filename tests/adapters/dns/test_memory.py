import pytest

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.records import RRset
from nameplate.ports.dns import Zone
from nameplate.testing.dns import DnsProviderConformance


class TestMemory(DnsProviderConformance):
    text_length = 60_000

    @pytest.fixture
    def provider(self):
        apex = RRset("example.test", "NS", 300, ("ns1.example.test.",))
        return MemoryDns({"example.test": [apex], "other.test": []})

    @pytest.fixture
    def zone(self):
        return Zone("example.test", "example.test")
