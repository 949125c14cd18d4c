"""What every `Proxy` must do. Subclass it in a test module and fill in the hooks."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nameplate.ports.proxy import (
    RoutePlace,
    RouteRefused,
    Upstream,
    Withdrawer,
)
from nameplate.testing.answering_routes import AnsweringRoutes
from nameplate.testing.named_routes import NamedRoutes
from nameplate.testing.redirecting_routes import RedirectingRoutes
from nameplate.testing.secured_routes import SecuredRoutes
from nameplate.testing.shared_routes import SharedRoutes
from nameplate.testing.visits import Visit, self_signed, visit

__all__ = ["ProxyConformance", "Visit", "WithdrawerConformance", "self_signed", "visit"]
_OK = 200
_HOSTILE_NAMES = (
    "", ".", "_", "*", "*.", "localhost", "$hostname", "127.0.0.1", "[::1]", "xn--\u00e4.example",
    "a.example}\nserver{listen 1;}", "a.example;\nserver_name evil.example", "a.example b.example",
    "~^(a+)+$", ".example.com", "*.example.*", "a.*.example.com", "**.example.com", "*.*.example.com", "a..example.com",
    "a.example.com.", "A.example.com", "-a.example.com", "{env.SECRET}.example.com",
    "{file./etc/passwd}", "a`) || PathPrefix(`/", "../../etc/passwd", 'a".example.com',
    "a\\.example.com", "a\0.example.com", "a.example.com\n", "a.example.com#", "a.example.com:80",
    f"{'a' * 64}.example.com", f"{'a.' * 125}example.com", "b\u00fccher.example", "%0a.example.com",
)  # fmt: skip
_HOSTILE_PATHS = (
    "", "shop", "/shop;", "/a b", "/a\nb", "/{http.request.host}", "/$uri", "/a}", "/a{", '/"', "/'",
    "/..", "/../etc", "/a/./b", "//", "/a//b", "/%2e%2e", "/a?b", "/a#b", "/\\", "/a`", "/\u00e9", "/*",
    "/" + "a" * 2000, "/~(.*)",
)  # fmt: skip
_HOSTILE_UPSTREAMS = (
    Upstream("127.0.0.1;", 80), Upstream("{env.SECRET}", 80), Upstream("a b", 80), Upstream("", 80),
    Upstream("127.0.0.1/x", 80), Upstream("$host", 80), Upstream("unix:/run/x", 80), Upstream("a\n", 80),
    Upstream("127.0.0.1", 0), Upstream("127.0.0.1", 65536), Upstream("fe80::1%eth0", 80),
)  # fmt: skip


class ProxyConformance(
    NamedRoutes, SecuredRoutes, SharedRoutes, RedirectingRoutes, AnsweringRoutes
):
    """The contract of `ports.proxy.Proxy`, as tests for pytest.

    Hooks: `proxy`, two `origins` that answer every request with 200 and their port in the header
    `X-Origin`, `loads` and `look`. A proxy that was told Nameplate's own address says it in
    `platform`; it answers as the origins do. A real one says in `secure_address` where it takes TLS, and
    asserts in `read_back` that it runs what it was given. Every test replaces the whole configuration.
    """

    def test_serves_nothing_when_there_are_no_routes(self) -> None:
        """Without routes every host gets a closed connection, or what the proxy itself answers."""
        self.serve()
        self.assert_refused(self.look("http", self.host))
        assert self.look("https", self.host).status is None

    def test_serves_a_host_without_certificate_on_plain_http_only(self) -> None:
        """The certificate is not there yet: plain HTTP serves, HTTPS does not."""
        self.serve(self.route())
        seen = self.look("http", self.host)
        assert (seen.status, seen.origin) == (200, self.origins[0].port)
        assert not seen.hsts
        assert self.look("https", self.host).status is None

    def test_presents_the_certificate_of_the_name_in_the_handshake(self) -> None:
        """SNI (RFC 6066 section 3) chooses the certificate and the host its application."""
        first, one = self_signed(self.host)
        second, two = self_signed("other.example.test")
        self.serve(
            self.route(key_pair=first),
            self.route("other.example.test", origin=1, key_pair=second),
        )
        a, b = self.look("https", self.host), self.look("https", "other.example.test")
        assert (a.status, a.serial, a.origin) == (200, one, self.origins[0].port)
        assert (b.status, b.serial, b.origin) == (200, two, self.origins[1].port)

    def test_longest_path_wins_on_segment_boundaries(self) -> None:
        """`/shop` covers itself and what is below, not `/shopping`; case matters."""
        pair, _ = self_signed(self.host)
        self.serve(
            self.route(path="/", origin=0, key_pair=pair),
            self.route(path="/shop", origin=1, key_pair=pair),
            self.route(path="/shop/v1.0", origin=0, key_pair=pair),
        )
        expected = {
            "/": 0, "/x": 0, "/shop": 1, "/shop/": 1, "/shop/a?b=/": 1, "/shopping": 0, "/SHOP": 0,
            "/shop/v1.0": 0, "/shop/v1.0/x": 0, "/shop/v1x0": 1,
        }  # fmt: skip
        seen = {path: self.look("https", self.host, path).origin for path in expected}
        assert seen == {path: self.origins[origin].port for path, origin in expected.items()}

    def test_a_path_that_nobody_serves_gets_nothing(self) -> None:
        """Paths without a route reach no application."""
        self.serve(self.route(path="/shop"))
        assert self.look("http", self.host, "/shop/a").status == _OK
        assert self.look("http", self.host, "/other").origin is None

    def test_redirects_to_https_and_sends_hsts_when_told(self) -> None:
        """`force_https` redirects with method, path and query; `hsts` adds the header (RFC 6797)."""
        pair, _ = self_signed(self.host)
        self.serve(self.route(key_pair=pair))
        seen = self.look("http", self.host, "/a/b?c=d")
        assert seen.status in self.redirects_with
        assert re.fullmatch(rf"https://{self.host}(:\d+)?/a/b\?c=d", seen.location)
        assert self.look("https", self.host).hsts

    def test_neither_redirects_nor_sends_hsts_when_told_not_to(self) -> None:
        """Without the flags plain HTTP serves and no header is added."""
        pair, _ = self_signed(self.host)
        self.serve(self.route(key_pair=pair, force_https=False, hsts=False))
        plain, secure = self.look("http", self.host), self.look("https", self.host)
        assert (plain.status, plain.hsts) == (200, "")
        assert (secure.status, secure.hsts) == (200, "")

    def test_marks_every_answer_as_its_own(self) -> None:
        """Redirects and answers of applications, whatever the application says, carry the mark."""
        pair, _ = self_signed(self.host)
        self.serve(
            self.route(key_pair=pair),
            self.route(path="/plain", key_pair=pair, force_https=False, hsts=False),
        )
        for scheme, path in (
            ("http", "/"),
            ("http", "/plain"),
            ("https", "/"),
            ("https", "/plain"),
        ):
            seen = self.look(scheme, self.host, path)
            assert seen.status is not None
            assert seen.edge, (scheme, path)

    def test_an_unknown_host_gets_nothing(self) -> None:
        """Names without a route reach nobody's application and see nobody's certificate."""
        pair, _ = self_signed(self.host)
        self.serve(self.route(key_pair=pair, force_https=False))
        for hostname in ("unknown.example.test", f"sub.{self.host}", "example.test", "127.0.0.1"):
            assert self.look("http", hostname).origin is None
            seen = self.look("https", hostname)
            assert (seen.status, seen.serial) == (None, "")

    def test_a_host_other_than_that_of_the_handshake_is_refused(self) -> None:
        """One tenant's connection must not reach another tenant (RFC 9110 section 15.5.20)."""
        first, _ = self_signed(self.host)
        second, _ = self_signed("other.example.test")
        self.serve(self.route(key_pair=first), self.route("other.example.test", key_pair=second))
        seen = self.look("https", "other.example.test", sni=self.host)
        assert seen.status in {421, None}
        assert seen.origin is None

    def test_a_wildcard_stands_for_one_label_and_yields_to_an_exact_host(self) -> None:
        """`*` is one label; a held exact host never falls to the wildcard, even without certificate."""
        pair, serial = self_signed("*.example.test")
        own, exact = self_signed(self.host)
        self.serve(
            self.route("*.example.test", origin=0, key_pair=pair, force_https=False),
            self.route(self.host, origin=1, key_pair=own, force_https=False),
            self.route("plain.example.test", origin=1),
        )
        any_host, held = self.look("https", "any.example.test"), self.look("https", self.host)
        assert (any_host.origin, any_host.serial) == (self.origins[0].port, serial)
        assert (held.origin, held.serial) == (self.origins[1].port, exact)
        assert self.look("http", "plain.example.test").origin == self.origins[1].port
        for hostname in ("a.b.example.test", "plain.example.test", "example.test"):
            assert self.look("https", hostname).origin is None
        assert self.look("http", "a.b.example.test").origin is None

    def test_the_platforms_own_path_is_open_for_every_host(self) -> None:
        """Proofs over HTTP are answered on plain HTTP, below a wildcard at any depth too."""
        if self.platform is None:
            return
        pair, _ = self_signed("*.example.test")
        self.serve(self.route("*.example.test", key_pair=pair))
        for hostname in ("a.example.test", "a.b.example.test", "example.test", "other.test"):
            seen = self.look("http", hostname, "/.well-known/acme-challenge/token")
            assert seen.origin == self.platform.port, hostname
        self.assert_refused(self.look("http", "a.b.example.test"))

    def test_a_name_with_a_final_dot_is_refused(self) -> None:
        """All proxies behave alike: such a Host is not the name of the certificate."""
        pair, _ = self_signed(self.host)
        wide, _ = self_signed("*.wide.test")
        self.serve(
            self.route(key_pair=pair, force_https=False, hsts=False),
            self.route("*.wide.test", key_pair=wide, force_https=False, hsts=False),
        )
        for name in (self.host, "a.wide.test"):
            assert self.look("http", name).status == _OK
            self.assert_refused(self.look("http", f"{name}."))
            seen = self.look("https", f"{name}.", sni=name)
            assert seen.status in {421, None}
            assert seen.origin is None

    def test_replaces_a_certificate_without_dropping_a_request(self) -> None:
        """Visitors during the change are all answered; after it the new certificate is presented."""
        old, _ = self_signed(self.host)
        route = self.route(key_pair=old)
        self.serve(route)
        with self._visitors() as seen:
            for _ in range(3):
                pair, serial = self_signed(self.host)
                self.serve(replace(route, key_pair=pair))
                assert self.look("https", self.host).serial == serial
        assert {look.status for look in seen} == {200}
        assert seen

    def test_stops_serving_what_is_removed(self) -> None:
        """A removed host is gone when `apply` returns; the others stay."""
        pair, _ = self_signed(self.host)
        stays = self.route("stays.example.test", force_https=False)
        self.serve(self.route(key_pair=pair, force_https=False), stays)
        self.serve(stays)
        assert self.look("https", self.host).status is None
        self.assert_refused(self.look("http", self.host))
        assert self.look("http", "stays.example.test").status == _OK

    def test_keeps_serving_the_old_when_it_refuses_the_new(self) -> None:
        """A key pair that cannot work is refused by route; the running configuration is untouched."""
        pair, serial = self_signed(self.host)
        self.serve(self.route(key_pair=pair))
        good, _ = self_signed("other.example.test")
        stranger, _ = self_signed("other.example.test")
        wrong = self.route(
            "other.example.test", key_pair=replace(good, private_key=stranger.private_key)
        )
        raised = self.refusal_of(self.route(key_pair=pair), wrong)
        assert isinstance(raised, RouteRefused)
        assert raised.route_ids == (wrong.id,)
        assert "PRIVATE KEY" not in str(raised)
        assert self.look("https", self.host).serial == serial

    def test_refuses_hostile_text_before_anything_is_written(self) -> None:
        """Text that could mean anything to a proxy's configuration never gets there."""
        self.serve(self.route())
        before = self.loads()
        routes = [replace(self.route(), hostname=name) for name in _HOSTILE_NAMES]
        routes += [self.route(path=path) for path in _HOSTILE_PATHS]
        routes += [replace(self.route(), upstream=upstream) for upstream in _HOSTILE_UPSTREAMS]
        pair, _ = self_signed(self.host)
        for text in ("", "../x", "a b", "a\n", "a" * 200, "x;y"):
            routes.append(replace(self.route(), id=text))
            routes.append(self.route(key_pair=replace(pair, id=text)))
        for route in routes:
            raised = self.refusal_of(route)
            assert isinstance(raised, RouteRefused), route
            assert raised.route_ids == (route.id,)
        assert self.loads() == before
        assert self.look("http", self.host).status == _OK

    def test_refuses_routes_that_contradict_each_other(self) -> None:
        """One host has one certificate and each path one set of settings; each binding appears once."""
        first, _ = self_signed(self.host)
        second, _ = self_signed(self.host)
        route = self.route()
        differs = replace(self.route(), force_https=False)
        assert isinstance(self.refusal_of(self.route(), differs), RouteRefused)
        assert isinstance(
            self.refusal_of(self.route(path="/a"), self.route(path="/a/")), RouteRefused
        )
        assert self.refusal_of(route, replace(route, hostname="other.example.test"))
        assert self.refusal_of(self.route(key_pair=first), self.route(path="/a", key_pair=second))

    def test_applying_the_same_again_does_nothing(self) -> None:
        """Nothing is reloaded for a configuration that is served already."""
        pair, _ = self_signed(self.host)
        routes = [self.route(key_pair=pair), self.route("other.example.test")]
        self.serve(*routes)
        before = self.loads()
        self.serve(*reversed(routes))
        self.proxy.apply(self.proxy.render(routes))
        assert self.loads() == before

    def test_renders_the_same_in_any_order_and_shows_no_key(self) -> None:
        """Rendering is deterministic, and private keys are only in `secrets`."""
        pair, _ = self_signed(self.host)
        routes = [self.route(f"h{i}.example.test", key_pair=pair) for i in range(5)]
        first, second = self.proxy.render(routes), self.proxy.render(routes[::-1])
        assert first.files == second.files
        assert not any(b"PRIVATE KEY" in content for content in first.files.values())
        assert "PRIVATE KEY" not in repr(first)

    @contextmanager
    def _visitors(self) -> Iterator[list[Visit]]:
        """Visit the host again and again until the block ends; give every look."""
        seen: list[Visit] = []
        done = threading.Event()

        def loop() -> None:
            while not done.is_set():
                seen.append(self.look("https", self.host))

        threads = [threading.Thread(target=loop) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            done.set()
            for thread in threads:
                thread.join()


class WithdrawerConformance(ProxyConformance):
    """The same for a proxy that is a `Withdrawer` too; it needs the same hooks.

    Hooks: those of `ProxyConformance`.
    """

    def test_withdraws_exactly_what_it_is_told(self) -> None:
        """Only the given routes are closed, and the next configuration decides again."""
        assert isinstance(self.proxy, Withdrawer)
        pair, _ = self_signed(self.host)
        wide, _ = self_signed("*.example.test")
        whole, shop = self.route(key_pair=pair), self.route(path="/shop", key_pair=pair, origin=1)
        others = (
            self.route("*.example.test", key_pair=wide, force_https=False),
            self.route("other.test", force_https=False),
        )
        self.serve(whole, shop, *others)
        self.proxy.withdraw([RoutePlace(shop.id, shop.hostname, shop.path)])
        assert self.look("https", self.host, "/shop/a").origin != self.origins[1].port
        assert self.look("https", self.host).origin == self.origins[0].port
        self.proxy.withdraw([RoutePlace(whole.id, whole.hostname, whole.path)])
        for scheme, path in (("http", "/"), ("https", "/"), ("https", "/shop")):
            self.assert_refused(self.look(scheme, self.host, path))
        assert self.look("http", "any.example.test").status == _OK
        assert self.look("http", "other.test").status == _OK
        self.serve(whole, shop, *others)
        assert self.look("https", self.host, "/shop/a").origin == self.origins[1].port
        assert self.look("https", self.host).origin == self.origins[0].port
