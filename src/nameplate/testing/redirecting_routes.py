"""What every proxy must do with a host that redirects to another."""

import re
from dataclasses import replace

from nameplate.core.route_settings import RouteSettings
from nameplate.ports.proxy import Redirect, RouteRefused
from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.visits import self_signed

_TARGET = "www.shop.test"


class RedirectingRoutes(ProxyHooks):
    """Redirects between hosts: one hop, path and query kept, never to what a visitor names."""

    def test_redirects_to_another_host(self) -> None:
        """Over HTTP and HTTPS, HSTS as told, whatever path a visitor asks for."""
        pair, _ = self_signed(self.host)
        other, _ = self_signed(_TARGET)
        for status in (301, 308):
            moved = self.route(key_pair=pair, redirect=Redirect(_TARGET, status))
            api = self.route(path="/api", key_pair=pair, origin=1)
            self.serve(moved, api, self.route(_TARGET, key_pair=other))
            for scheme in ("http", "https"):
                for path in (
                    "/",
                    "/a/b?c=d&e=%2F..",
                    "//evil.test/x?y",
                    "/@evil.test",
                    "/.evil.test",
                ):
                    seen = self.look(scheme, self.host, path)
                    cleaned = path.replace("//", "/")  # some proxies join slashes
                    expected = f"({re.escape(path)}|{re.escape(cleaned)})"
                    assert re.fullmatch(
                        rf"https://{re.escape(_TARGET)}(:\d+)?{expected}", seen.location
                    )
                    assert seen.status in {status, *(self.redirects_with & {301})}
                    assert (seen.edge, seen.origin) == (True, None)
                    assert bool(seen.hsts) == (scheme == "https")
            assert self.look("https", self.host, "/api/x").origin == self.origins[1].port
            assert self.look("https", _TARGET).origin == self.origins[0].port

    def test_challenges_are_answered_in_place_of_every_redirect(self) -> None:
        """Authorities ask by plain HTTP, whatever else is answered there (RFC 8555 section 8.3)."""
        if self.platform is None:
            return
        pair, _ = self_signed(self.host)
        moved = Redirect(_TARGET)
        private = RouteSettings(allow_ips=("192.0.2.7",), strip_path=True)
        given = {
            "https.test": self.route("https.test", key_pair=pair),
            "apex.test": self.route("apex.test", key_pair=pair, redirect=moved),
            "plain.test": self.route("plain.test", redirect=Redirect(_TARGET, 301)),
            _TARGET: self.route(_TARGET, key_pair=pair),
            "gone.test": self.route("gone.test", answer=410),
            "closed.test": self.route("closed.test", settings=private),
            "below.test": self.route("below.test", path="/shop", key_pair=pair),
            "any.wide.test": self.route("*.wide.test", key_pair=pair),
        }
        self.serve(*given.values())
        for host in given:
            for folder in ("acme-challenge", "nameplate"):
                seen = self.look("http", host, f"/.well-known/{folder}/token")
                assert (seen.status, seen.origin) == (200, self.platform.port), (host, folder)
            assert self.look("http", host, "/.well-known/other").origin != self.platform.port

    def test_redirects_that_lead_nowhere_are_refused(self) -> None:
        """Names that are none, the own name, wildcards, other states of HTTP."""
        route = self.route()
        wrong = [
            "",
            "*.example.test",
            self.host,
            "evil.test/x",
            "a b.test",
            "evil.test:1",
            "$host",
            "${1}.test",
        ]
        redirects = [Redirect(name) for name in wrong] + [
            Redirect(_TARGET, 302),
            Redirect(_TARGET, 0),
        ]
        refused = [replace(route, redirect=one) for one in redirects]
        refused.append(self.route("*.example.test", redirect=Redirect(_TARGET)))
        for one in refused:
            raised = self.refusal_of(one)
            assert isinstance(raised, RouteRefused), one
            assert raised.code == "redirect_invalid"
