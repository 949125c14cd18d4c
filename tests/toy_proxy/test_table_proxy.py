"""The tour of Nameplate through the proxy."""

from pathlib import Path

import pytest
from table_proxy import TableConfiguration, connect

from nameplate.ports.proxy import ProxyPlace, Upstream
from nameplate.testing.proxy import ProxyConformance, Visit


class TestTableProxy(ProxyConformance):
    """Every stop of the tour."""

    origins = (Upstream("127.0.0.1", 1001), Upstream("127.0.0.1", 1002))

    @pytest.fixture(autouse=True)
    def _fresh(self, tmp_path: Path) -> None:
        place = ProxyPlace(str(tmp_path), Upstream("127.0.0.1", 8080))
        self.proxy = self.table = connect(TableConfiguration(table="sites"), place)

    def loads(self) -> int:
        """Return how often another configuration was taken over."""
        return self.table.loads

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        """Visit a host."""
        seen = self.table.visit(scheme, hostname, path, sni)
        return Visit(
            seen.status,
            seen.upstream.port if seen.upstream else None,
            seen.location,
            "max-age" if seen.hsts else "",
            seen.serial or "",
            edge=seen.status is not None,
        )
