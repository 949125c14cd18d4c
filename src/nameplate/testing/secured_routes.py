"""What every real proxy must do with TLS handshakes, beside choosing a certificate by the name."""

import ssl
import time

from nameplate.core.route_settings import RouteSettings
from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.visits import Visit, self_signed, visit

_STRICT = RouteSettings(min_tls_version="1.3")
_OLDER = ssl.TLSVersion.TLSv1_2
_OK = 200


class SecuredRoutes(ProxyHooks):
    """Handshakes without a name, and with a version of TLS that a host does not want."""

    def test_a_handshake_without_a_name_gets_no_certificate(self) -> None:
        """Nobody's certificate stands for all (RFC 6066 section 3 lets a server refuse)."""
        if self.secure_address is None:
            return
        pair, serial = self_signed(self.host)
        wide, _ = self_signed("*.wide.test")
        self.serve(self.route(key_pair=pair), self.route("*.wide.test", key_pair=wide))
        for host in (self.host, "a.wide.test", "unknown.test"):
            seen = self.look("https", host, sni="")
            assert (seen.status, seen.serial) == (None, ""), host
        assert self.look("https", self.host).serial == serial

    def test_visitors_with_an_older_tls_reach_no_host_that_wants_a_newer_one(self) -> None:
        """One path that wants it is enough for its host, and none but that host."""
        if self.secure_address is None:
            return
        pairs = {
            name: self_signed(name)[0]
            for name in (self.host, "usual.test", "*.wide.test", "usual.wide.test")
        }
        self.serve(
            self.route(key_pair=pairs[self.host]),
            self.route(path="/shop", key_pair=pairs[self.host], settings=_STRICT),
            self.route("usual.test", key_pair=pairs["usual.test"]),
            self.route("*.wide.test", key_pair=pairs["*.wide.test"], settings=_STRICT),
            self.route("usual.wide.test", key_pair=pairs["usual.wide.test"]),
        )
        strict, usual = (self.host, "a.wide.test"), ("usual.test", "usual.wide.test")
        for host in (*strict, *usual):
            assert self._visited(host).status == _OK, host
        for host in usual:
            assert self._visited(host, _OLDER).status == _OK, host
        for host in strict:
            seen = self._visited(host, _OLDER)
            assert (seen.status, seen.origin) == (None, None), host

    def _visited(self, host: str, newest: ssl.TLSVersion | None = None) -> Visit:
        """Visit with at most this version, and again where the connection was closed."""
        assert self.secure_address is not None
        for pause in (0.05, 0.3):
            seen = visit(self.secure_address, host, newest=newest)
            if seen.status is not None:
                return seen
            time.sleep(pause)
        return visit(self.secure_address, host, newest=newest)
