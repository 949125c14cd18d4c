"""What a running Traefik shows: the revision that it serves, and through its API what it refused."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.sites import dial
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import RouteRefused, Upstream

_SECONDS = 3.0
"""How long one answer is waited for."""
_PAGE = 1000
_MAX_PAUSE = 0.25
_OK = 200


class RunningTraefik:
    """One Traefik, looked at from outside."""

    def __init__(self, at: Upstream, api_url: str | None, patience: float, often: str) -> None:
        """Look `at` its HTTP entry point, and at its API where that is open.

        `often` says why one that is configured like this does not take a change most of the time.
        """
        self._at = at
        self._visitor = Api(f"http://{dial(at)}", timeout=_SECONDS)
        self._api = Api(api_url, timeout=_SECONDS) if api_url else None
        self._patience = patience
        self._often = often

    @property
    def address(self) -> str:
        """Host and port of its HTTP entry point."""
        return dial(self._at)

    def revision(self) -> str | None:
        """Return what it serves, None when it serves nothing of ours.

        Raises `Unavailable` with `proxy_down` when nobody answers there.
        """
        try:
            reply = self._visitor.request("GET", rules.REVISION_PATH)
        except Unavailable:
            raise Unavailable(
                "proxy_down", f"Nothing answers at {dial(self._at)}, where Traefik's HTTP entry point "
                "should be. Start Traefik.",
            ) from None  # fmt: skip
        return reply.headers.get(rules.REVISION_HEADER.lower())

    def await_(self, is_there: Callable[[str], bool]) -> None:
        """Return once it serves a revision that is the one.

        Raises what `revision` raises, and Refused `proxy_reload_failed` when it takes too long.
        """
        start = time.monotonic()
        while True:
            seen = self.revision()
            if seen is not None and is_there(seen):
                return
            passed = time.monotonic() - start
            if passed > self._patience:
                raise Refused("proxy_reload_failed", self._late(seen))
            time.sleep(min(0.02 + passed / 20, _MAX_PAUSE))

    def _late(self, seen: str | None) -> str:
        if seen is None:
            return (
                f"Traefik serves nothing of Nameplate at {dial(self._at)} after {self._patience:g} s. "
                "Check that its provider reads the configuration and that the entry points have these names. "
                + self._often
            )
        return (
            f"Traefik did not take over the configuration within {self._patience:g} s and serves the one "
            f"before. Read its log. {self._often}"
        )

    def refused(self) -> RouteRefused | None:
        """Return what it refused of our routes, as its API tells it."""
        reasons: dict[str, str] = {}
        for router in self._routers(status="disabled", search=rules.PREFIX):
            route = rules.route_of(str(router.get("name")))
            if route is not None:
                errors = "; ".join(map(str, router.get("error") or ["no reason given"]))
                reasons[route] = f"Traefik refuses the router: {errors}"[:500]
        if not reasons:
            return None
        return RouteRefused("proxy_refused", next(iter(reasons.values())), tuple(reasons), reasons)

    def foreign_rules(self) -> dict[str, str]:
        """Return the rules of routers that are not ours, by their names."""
        return {
            str(router["name"]): str(router.get("rule", ""))
            for router in self._routers()
            if not str(router.get("name")).startswith(rules.PREFIX)
        }

    def entry_points(self) -> dict[str, dict[str, Any]] | None:
        """Return the entry points by name; None when the API does not answer, or is not known."""
        found = self._get("/api/entrypoints")
        if not isinstance(found, list):
            return None
        return {str(one.get("name")): one for one in found if isinstance(one, dict)}

    def _routers(self, **filters: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = 1
        while page:
            query = urlencode({**filters, "per_page": _PAGE, "page": page})
            found = self._get(f"/api/http/routers?{query}")
            if not isinstance(found, list):
                break
            rows += [one for one in found if isinstance(one, dict)]
            page = page + 1 if len(found) == _PAGE else 0
        return rows

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API answers; None for anything else: what is served is seen without it."""
        if self._api is None:
            return None
        try:
            reply = self._api.request("GET", path)
            return reply.json() if reply.status == _OK else None
        except Unavailable:
            return None
