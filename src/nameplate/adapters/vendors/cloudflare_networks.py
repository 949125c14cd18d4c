"""From where Cloudflare asks origins: the published list, shipped, and refreshed once a month."""

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from nameplate.core.cdn import CdnNetworks, sound
from nameplate.core.cloudflare_networks import SHIPPED
from nameplate.core.egress import EgressPolicy
from nameplate.ports.fetcher import Fetcher, HttpOutcome
from nameplate.ports.resolver import Resolver

_HOST, _PATH = "api.cloudflare.com", "/client/v4/ips"
_MAX_SIZE = 64 * 1024
_MAX_AGE = timedelta(days=30)
_RETRY = timedelta(days=1)
_SUCCESS = 200
_ERRORS = (ValueError, TypeError, KeyError, RecursionError)

log = logging.getLogger(__name__)


def read(body: bytes) -> tuple[str, ...]:
    """Return the networks of Cloudflare's answer, canonical.

    Raises `ValueError`, `TypeError` or `KeyError` for anything that is no such list.
    """
    found: Any = json.loads(body)["result"]
    four, six = found["ipv4_cidrs"], found["ipv6_cidrs"]
    if not (isinstance(four, list) and isinstance(six, list) and four and six):
        raise ValueError("no lists of networks")
    return sound(str(one) for one in [*four, *six])


class CloudflareNetworks:
    """The newest list there is: shipped, kept in a file, or fetched when that is older than a month."""

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Callable[[], datetime],
        *,
        kept: Path,
        shipped: CdnNetworks = SHIPPED,
    ) -> None:
        """Keep what is fetched in `kept`, for the processes that start later."""
        self._fetcher, self._clock, self._kept = fetcher, clock, kept
        self._shipped = shipped
        self._known: CdnNetworks | None = None
        self._next_try: datetime | None = None
        self._lock = threading.Lock()

    def newest(self) -> CdnNetworks:
        """Return the list. It may ask Cloudflare first; without an answer an older one stays."""
        with self._lock:
            now = self._clock()
            found = self._known or self._stored(now)
            if now - found.at > _MAX_AGE and (self._next_try is None or now >= self._next_try):
                self._next_try = now + _RETRY
                found = self._fetched(found, now) or found
            self._known = found
        return found

    def _stored(self, now: datetime) -> CdnNetworks:
        with suppress(OSError, *_ERRORS):
            document = json.loads(self._kept.read_bytes())
            at = datetime.fromisoformat(document["fetched_at"])
            if self._shipped.at < at <= now:
                return CdnNetworks(sound(document["networks"]), at)
        return self._shipped

    def _fetched(self, known: CdnNetworks, now: datetime) -> CdnNetworks | None:
        got = self._fetcher.fetch(_HOST, _PATH, scheme="https", max_body=_MAX_SIZE)
        if got.category is not HttpOutcome.ANSWERED or got.status != _SUCCESS:
            log.info("cdn_networks_not_refreshed", extra={"outcome": got.category.value})
            return None
        try:
            networks = read(got.body)
        except _ERRORS:
            networks = ()
        # A list that lost half of its networks is a mistake of somebody's.
        if 2 * len(networks) < len(known.networks):
            log.warning("cdn_networks_refused")
            return None
        with suppress(OSError):
            fresh = self._kept.with_suffix(".new")
            document = {"fetched_at": now.isoformat(), "networks": networks}
            fresh.write_text(json.dumps(document))
            fresh.replace(self._kept)
        return CdnNetworks(networks, now)


def connect(
    policy: EgressPolicy, resolver: Resolver, clock: Callable[[], datetime], kept: Path
) -> Callable[[str], CdnNetworks | None]:
    """Return what tells from where the network of a DNS provider asks origins, None where nobody knows.

    A fetched list is kept in the file `kept`. Nothing is connected before the first question.
    """

    @cache
    def networks() -> CloudflareNetworks:
        from nameplate.adapters.http.client import trusted  # noqa: PLC0415 - where records are proxied
        from nameplate.adapters.http.fetch import SafeFetcher  # noqa: PLC0415 - as above

        fetcher = SafeFetcher(policy, resolver.addresses, tls=trusted())
        return CloudflareNetworks(fetcher, clock, kept=kept)

    return lambda kind: networks().newest() if kind == "cloudflare" else None
