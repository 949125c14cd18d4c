"""The contract of an authority, checked by Nameplate's own tests."""

from collections.abc import Sequence
from datetime import UTC, datetime

from day_ca import DayConfiguration, connect

from nameplate.adapters.ca.local import create_root
from nameplate.core.orders import Challenge
from nameplate.ports.ca import CertificateAuthority
from nameplate.testing.ca import CertificateAuthorityConformance

KEY, ROOT = create_root("Day", datetime.now(UTC))


class TestDay(CertificateAuthorityConformance):
    """Every rule of the contract."""

    def make_authority(self) -> CertificateAuthority:
        """Return the authority to test."""
        config = DayConfiguration(root=ROOT.decode(), days=1)
        return connect(config, {"root_key": KEY}, lambda: datetime.now(UTC))

    def publish(self, challenges: Sequence[Challenge]) -> None:
        """Publish nothing: this authority asks for no proof."""
