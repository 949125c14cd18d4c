"""How a proxy writes routes, told from a few that stand for all."""

import hashlib
from collections.abc import Callable, Sequence

from nameplate.core import route_settings
from nameplate.core.basic_auth import AuthUser, BasicAuth
from nameplate.core.secret import Secret
from nameplate.ports.proxy import Config, KeyPair, Proxy, Redirect, Route, RouteRefused, Upstream

_AT = Upstream("127.0.0.1", 80)
_SETTINGS = route_settings.RouteSettings(
    strip_path=True,
    sticky=route_settings.Sticky(),
    max_body_bytes=1,
    timeouts=route_settings.Timeouts(connect=1, response=1),
    hsts=route_settings.Hsts(),
    allow_ips=("192.0.2.1",),
    basic_auth=BasicAuth(users=(AuthUser(name="a", password_hash=f"$2b$08${'a' * 53}"),)),
)
_SAMPLES: tuple[Callable[[KeyPair], Route], ...] = (
    lambda pair: Route("a", "a.example.test", "/", Upstream("127.0.0.1", 80), pair),
    lambda pair: Route("b", "a.example.test", "/b", Upstream("b.example.test", 80), pair),
    lambda _: Route("c", "*.c.example.test", "/", Upstream("::1", 80), None, False, False),
    lambda _: Route("d", "*.c.example.test", "/", Upstream("::1", 81), None, False, False, 50),
    lambda _: Route("e", "e.example.test", "/", _AT, None, redirect=Redirect("a.example.test")),
    lambda _: Route("g", "g.example.test", "/", _AT, None, answer=403),
    lambda _: Route("f", "f.example.test", "/f", _AT, None, settings=_SETTINGS),
)


def _without_refused(proxy: Proxy, samples: Sequence[Route]) -> Config:
    """Render what the proxy can serve at all: not each knows paths, redirects and every setting."""
    try:
        return proxy.render(samples)
    except RouteRefused as error:
        kept = [one for one in samples if one.id not in error.reasons]
        if len(kept) == len(samples):
            raise
        return _without_refused(proxy, kept)


def form(proxy: Proxy) -> str:
    """Return a digest of how this proxy writes routes, by a few that stand for all."""
    pair = KeyPair("crt", "bundle", Secret("key"))
    config = _without_refused(proxy, [sample(pair) for sample in _SAMPLES])
    total = hashlib.sha256()
    for name, content in sorted(config.files.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
