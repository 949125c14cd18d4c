"""What a proxy must do that fetches its configuration from the edge."""

from dataclasses import replace
from typing import Any

from nameplate.core.errors import Refused
from nameplate.ports.proxy import Config, PulledProxy, Route, RouteRefused, Upstream
from nameplate.testing.visits import self_signed


class PulledProxyConformance:
    """The contract of `ports.proxy.PulledProxy`, as tests for pytest; `ProxyConformance` goes beside it.

    Hook: `proxy`, whose `render` is used too. Nothing has to run.
    """

    proxy: Any

    def test_a_document_holds_exactly_what_it_was_made_of(self) -> None:
        """Certificates and keys of the routes are in it, and nothing of a route that is not given."""
        assert isinstance(self.proxy, PulledProxy)
        mine, other = self._route("mine.example.test"), self._route("other.example.test")
        document = self._document(mine, other)
        for route in (mine, other):
            assert route.hostname.encode() in document
            assert self._key(route) in document
        alone = self._document(mine)
        assert other.hostname.encode() not in alone
        assert self._key(other) not in alone

    def test_a_document_is_the_same_in_any_order_and_tells_its_revision(self) -> None:
        """What is the same is not taken over again; another revision is another document."""
        routes = [self._route(f"h{number}.example.test") for number in range(5)]
        assert self._document(*routes) == self._document(*routes[::-1])
        assert self._document(*routes, revision=1) != self._document(*routes, revision=2)

    def test_what_cannot_be_served_is_named(self) -> None:
        """A key of another certificate is refused by route, so that the rest can be offered."""
        good, stranger = self._route("good.example.test"), self._route("other.example.test")
        assert good.key_pair is not None
        assert stranger.key_pair is not None
        pair = replace(good.key_pair, private_key=stranger.key_pair.private_key)
        refusal = self._refused(replace(good, key_pair=pair), stranger)
        assert isinstance(refusal, RouteRefused)
        assert refusal.route_ids == (good.id,)

    def _refused(self, *routes: Route) -> Refused | None:
        """Return the refusal of these routes, or None when there is a document."""
        try:
            self._document(*routes)
        except Refused as refusal:
            return refusal
        return None

    def _route(self, hostname: str) -> Route:
        pair, _ = self_signed(hostname)
        return Route(f"bnd_{hostname[:2]}", hostname, "/", Upstream("127.0.0.1", 80), pair)

    def _document(self, *routes: Route, revision: int = 1) -> bytes:
        config: Config = replace(self.proxy.render(routes), revision=revision)
        document: bytes = self.proxy.document(config)
        return document

    def _key(self, route: Route) -> bytes:
        """Return one line in the middle of a route's private key."""
        assert route.key_pair is not None
        return route.key_pair.private_key.reveal().splitlines()[1].encode()
