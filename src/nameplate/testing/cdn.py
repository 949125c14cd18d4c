"""What every `CdnProvider` must do. Subclass it in a test module and fill in the hooks."""

from nameplate.core.cdn import PLAIN, VERIFIED
from nameplate.ports.cdn import MAX_URLS, CdnProvider, Purge
from nameplate.ports.dns import Zone


class CdnProviderConformance:
    """The contract of `ports.cdn.CdnProvider`, as tests for pytest.

    Hooks: `provider`, a `zone` of it in each of whose modes `set_mode` puts it, and `purged`.
    """

    provider: CdnProvider
    zone: Zone

    def set_mode(self, mode: str) -> None:
        """Set how the network asks origins of the zone."""
        raise NotImplementedError

    def purged(self) -> list[str]:
        """Return the hosts and addresses that the network was told to forget so far."""
        raise NotImplementedError

    def test_the_mode_is_the_networks_own_word(self) -> None:
        """Words that decide what the origin must do are those of `core.cdn`."""
        assert isinstance(self.provider, CdnProvider)
        for mode in sorted({*PLAIN, "full", *VERIFIED}):
            self.set_mode(mode)
            assert self.provider.origin_mode(self.zone) == mode

    def test_purges_exactly_what_it_is_told(self) -> None:
        """Hosts or addresses, as many as one request may name; again is harmless."""
        host = f"www.{self.zone.name}"
        self.provider.purge(self.zone, Purge(hosts=(host,)))
        assert self.purged() == [host]
        urls = tuple(f"https://{host}/{number}?a=b" for number in range(MAX_URLS))
        for _ in range(2):
            self.provider.purge(self.zone, Purge(urls=urls))
        assert self.purged() == [host, *urls, *urls]
