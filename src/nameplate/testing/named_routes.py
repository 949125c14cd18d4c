"""What every proxy must do with host names of every kind."""

from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.visits import self_signed

_APEX = "shop.test"
_INTERNATIONAL = "xn--bcher-kva.test"
"""`bücher.test` as it travels (RFC 5890 section 2.3.2.1)."""


class NamedRoutes(ProxyHooks):
    """Apexes, names below them, and names in other scripts: each is itself and no other."""

    def test_an_apex_its_names_and_names_in_other_scripts_are_hosts_of_their_own(self) -> None:
        """Each presents its own certificate, and leads to its own application."""
        hosts = (
            _APEX, f"www.{_APEX}", f"*.{_APEX}",
            _INTERNATIONAL, f"www.{_INTERNATIONAL}", f"*.{_INTERNATIONAL}",
            "xn--80ak6aa92e.xn--p1ai",
        )  # fmt: skip
        pairs = {host: self_signed(host) for host in hosts}
        self.serve(
            *(
                self.route(host, origin=number % 2, key_pair=pairs[host][0], force_https=False)
                for number, host in enumerate(hosts)
            )
        )
        for number, host in enumerate(hosts):
            asked = host.replace("*", "any")
            seen, plain = self.look("https", asked), self.look("http", asked)
            origin = self.origins[number % 2].port
            assert (seen.origin, seen.serial) == (origin, pairs[host][1]), host
            assert plain.origin == origin, host
        for unknown in ("bcher-kva.test", "xn--bcher-kva.shop.test.other", "test", "xn--p1ai"):
            assert self.look("http", unknown).origin is None, unknown
