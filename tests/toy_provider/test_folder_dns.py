"""The tour of Nameplate through the provider."""

import json
from pathlib import Path

import pytest
from folder_dns import FolderDns

from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsProvider, Zone
from nameplate.testing.dns import DnsProviderConformance


class TestFolderDns(DnsProviderConformance):
    """Every stop of the tour."""

    @pytest.fixture
    def provider(self, tmp_path: Path) -> DnsProvider:
        """Return a provider with one zone."""
        (tmp_path / "token").write_text("t")
        apex = [["example.test", "NS", 3600, ["ns1.example.net."]]]
        (tmp_path / "example.test.json").write_text(json.dumps(apex))
        return FolderDns(tmp_path, Secret("t"))

    @pytest.fixture
    def zone(self) -> Zone:
        """Return the zone that may be written."""
        return Zone("example.test", "example.test")
