"""What every proxy must do with several targets of one host and path."""

from collections import Counter
from dataclasses import replace

from nameplate.ports.proxy import RouteRefused
from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.visits import self_signed

_VISITS = 400
_WIDE = 40
"""More than four standard deviations of a share of three quarters among `_VISITS`."""


class SharedRoutes(ProxyHooks):
    """Weights: shares that add up, none for the drained, no route without any."""

    def test_targets_get_their_shares_and_a_drained_one_nothing(self) -> None:
        """Weights are shares of their sum, over HTTP and HTTPS."""
        pair, _ = self_signed(self.host)
        first = self.route(origin=0, weight=75, key_pair=pair, force_https=False)
        second = self.route(origin=1, weight=25, key_pair=pair, force_https=False)
        self.serve(first, second)
        for scheme in ("https", "http"):
            seen = Counter(self.look(scheme, self.host).origin for _ in range(_VISITS))
            assert seen.keys() == {one.port for one in self.origins}
            assert abs(seen[self.origins[0].port] - _VISITS * 3 / 4) < _WIDE, seen
        self.serve(replace(first, weight=0), replace(second, weight=1))
        drained = {self.look("https", self.host).origin for _ in range(40)}
        assert drained == {self.origins[1].port}

    def test_targets_of_one_address_are_one(self) -> None:
        """Two applications at one address get what both have together."""
        route = self.route(weight=10)
        self.serve(route, self.route(weight=30), self.route(path="/a", origin=1, weight=1))
        assert self.look("http", self.host).origin == self.origins[0].port
        assert self.look("http", self.host, "/a").origin == self.origins[1].port

    def test_a_route_of_only_drained_targets_is_refused(self) -> None:
        """All of its targets are named, and no other route."""
        other = self.route("other.example.test")
        drained = self.route(weight=0), self.route(weight=0, origin=1)
        raised = self.refusal_of(*drained, other)
        assert isinstance(raised, RouteRefused)
        assert (raised.code, set(raised.route_ids)) == (
            "route_drained",
            {one.id for one in drained},
        )
        for weight in (-1, 101):
            raised = self.refusal_of(replace(other, weight=weight))
            assert raised is not None
            assert raised.code == "weight_invalid"
