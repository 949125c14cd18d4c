"""What the conformance of proxies needs of a test module."""

from itertools import count
from typing import Any, ClassVar

from nameplate.core.errors import Refused
from nameplate.ports.proxy import Config, Proxy, Route, Upstream
from nameplate.testing.visits import Visit

_numbers = count(1)
_PERMANENT_REDIRECT = 308


class ProxyHooks:
    """Hooks: `proxy`, `origins`, `loads`, `look` and, where there are such, `platform`, `secure_address`, `read_back`."""

    proxy: Proxy
    origins: tuple[Upstream, Upstream]
    platform: Upstream | None = None
    secure_address: tuple[str, int] | None = None
    """Where a real proxy takes TLS connections; None: nothing listens."""
    host: ClassVar[str] = "shop.example.test"
    refuses_with: ClassVar[frozenset[int | None]] = frozenset({None})
    """How the proxy itself answers what it does not serve. None: it closes the connection."""
    redirects_with: ClassVar[frozenset[int]] = frozenset({_PERMANENT_REDIRECT})
    """How it redirects a GET. Other methods have to stay what they are."""

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        """Visit the proxy as a browser would; `sni` when the handshake names another host.

        A browser may repeat a GET whose connection was closed without an answer (RFC 9112 section
        9.3.1); do that here, once, for a proxy that closes such connections during a change.
        """
        raise NotImplementedError

    def loads(self) -> int:
        """Return how often the proxy has taken over a configuration so far."""
        raise NotImplementedError

    def read_back(self, config: Config) -> None:
        """Assert that the proxy runs exactly what this configuration says, where it can be asked."""

    def route(self, hostname: str = "", path: str = "/", origin: int = 0, **more: Any) -> Route:  # noqa: ANN401  # fields of Route
        """Return a route with a new id."""
        upstream = self.origins[origin]
        return Route(f"bnd_{next(_numbers)}", hostname or self.host, path, upstream, **more)

    def serve(self, *routes: Route) -> None:
        """Render, apply, and read back what the proxy runs."""
        config = self.proxy.render(routes)
        self.proxy.apply(config)
        self.read_back(config)

    def assert_refused(self, seen: Visit) -> None:
        """Assert that nobody but the proxy itself may have answered."""
        assert seen.status in self.refuses_with
        assert seen.origin is None

    def refusal_of(self, *routes: Route) -> Refused | None:
        """Return the refusal of these routes, or None when they are served."""
        try:
            self.serve(*routes)
        except Refused as refusal:
            return refusal
        return None
