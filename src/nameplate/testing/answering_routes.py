"""What every proxy must do with a host that is suspended, where it answers at all."""

from nameplate.ports.proxy import Redirect, RouteRefused
from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.visits import self_signed


class AnsweringRoutes(ProxyHooks):
    """A status in place of the application, for every path and over HTTP and HTTPS."""

    def test_answers_in_place_of_the_application(self) -> None:
        """No redirect and no HSTS comes with it, and the next configuration serves again."""
        pair, serial = self_signed(self.host)
        for status in (403, 410):
            stopped = self.route(key_pair=pair, answer=status, hsts=False)
            self.serve(stopped, self.route("other.example.test"))
            for scheme in ("http", "https"):
                for path in ("/", "/a/b?c=d"):
                    seen = self.look(scheme, self.host, path)
                    assert (seen.status, seen.origin, seen.location) == (status, None, "")
                    assert (seen.edge, seen.hsts) == (True, "")
            assert self.look("https", self.host).serial == serial
            assert self.look("http", "other.example.test").origin == self.origins[0].port
        self.serve(self.route(key_pair=pair))
        assert self.look("https", self.host).origin == self.origins[0].port

    def test_a_suspended_host_without_a_certificate_answers_by_http_only(self) -> None:
        """It redirects to nobody, whatever its binding says."""
        self.serve(self.route(answer=410, redirect=Redirect("www.shop.test")))
        assert self.look("http", self.host).status == 410  # noqa: PLR2004  # gone
        assert self.look("https", self.host).status is None

    def test_other_answers_are_refused(self) -> None:
        """A proxy says nothing that stands for more than a suspension."""
        for status in (0, 200, 301, 404, 500):
            raised = self.refusal_of(self.route(answer=status))
            assert isinstance(raised, RouteRefused)
            assert raised.code == "route_settings_invalid"
