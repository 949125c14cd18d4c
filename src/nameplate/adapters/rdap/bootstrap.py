"""Which server has the registration data of a domain: IANA's list (RFC 9224), shipped and refreshed."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from nameplate.ports.fetcher import Fetcher, HttpOutcome

_HOST, _PATH = "data.iana.org", "/rdap/dns.json"
_MAX_SIZE = 512 * 1024
_MAX_AGE = timedelta(days=30)
_RETRY = timedelta(days=1)
_SUCCESS = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RdapService:
    """Where the registration data of a suffix is."""

    scheme: Literal["http", "https"]
    host: str
    path: str
    """Begins and ends with a slash."""


@dataclass(frozen=True, slots=True)
class ServiceList:
    """IANA's list of one day."""

    published_at: datetime
    services: Mapping[str, RdapService]
    """By suffix, without dots around it."""

    def of(self, domain: str) -> RdapService | None:
        """Return the service of the longest suffix of a domain that is listed."""
        _, _, rest = domain.partition(".")
        while rest:
            if rest in self.services:
                return self.services[rest]
            _, _, rest = rest.partition(".")
        return None


def read(body: bytes, schemes: frozenset[str] = frozenset({"https"})) -> ServiceList:
    """Read IANA's file; services that cannot be asked safely are left out.

    Raises `ValueError`, `TypeError` or `KeyError` for anything else.
    """
    document: Any = json.loads(body)
    found: dict[str, RdapService] = {}
    for entry in document["services"]:
        suffixes, urls = _pair(entry)
        service = next(filter(None, (_service(url, schemes) for url in urls)), None)
        if service is not None:
            found |= {one.lower().strip("."): service for one in suffixes if one.isascii()}
    published = datetime.fromisoformat(str(document.get("publication")))
    published = published if published.tzinfo else published.replace(tzinfo=UTC)
    return ServiceList(published.astimezone(UTC), found)


def _pair(entry: object) -> tuple[list[str], list[str]]:
    if not isinstance(entry, list) or len(entry) < 2:  # noqa: PLR2004 - suffixes and addresses
        return [], []
    suffixes, urls = (
        [text for text in part if isinstance(text, str)] if isinstance(part, list) else []
        for part in entry[:2]
    )
    return suffixes, urls


def _service(url: str, schemes: frozenset[str]) -> RdapService | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    is_plain = parts.scheme in schemes and port in {None, usual} and "@" not in parts.netloc
    if not is_plain or not parts.hostname or parts.query:
        return None
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return RdapService("https" if parts.scheme == "https" else "http", parts.hostname, path)


def shipped() -> ServiceList:
    """Return the list that came with this version."""
    return read(resources.files(__package__).joinpath("dns.json").read_bytes())


class Bootstrap:
    """The newest list there is: shipped, kept in a file, or fetched when that is older than a month."""

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Callable[[], datetime],
        *,
        kept: Path | None = None,
        first: Callable[[], ServiceList] = shipped,
    ) -> None:
        """Keep what is fetched in `kept`, for the processes that start later."""
        self._fetcher, self._clock, self._kept = fetcher, clock, kept
        self._first = first
        self._list: ServiceList | None = None
        self._next_try: datetime | None = None
        self._lock = threading.Lock()

    def service(self, domain: str) -> RdapService | None:
        """Return where to ask about a domain; None: its registry is not on the list."""
        with self._lock:
            now = self._clock()
            found = self._list or self._stored()
            if now - found.published_at > _MAX_AGE and (
                self._next_try is None or now >= self._next_try
            ):
                self._next_try = now + _RETRY
                found = self._fetched(found) or found
            self._list = found
        return found.of(domain)

    def _stored(self) -> ServiceList:
        found = self._first()
        if self._kept is not None:
            with suppress(OSError, ValueError, TypeError, KeyError):
                kept = read(self._kept.read_bytes())
                found = max(found, kept, key=lambda one: one.published_at)
        return found

    def _fetched(self, known: ServiceList) -> ServiceList | None:
        got = self._fetcher.fetch(_HOST, _PATH, scheme="https", max_body=_MAX_SIZE)
        if got.category is not HttpOutcome.ANSWERED or got.status != _SUCCESS:
            log.info("rdap_list_not_refreshed", extra={"outcome": got.category.value})
            return None
        try:
            found = read(got.body)
        except (ValueError, TypeError, KeyError, RecursionError):
            found = None
        # A list that lost half of its registries, or is older, is a mistake of somebody's.
        if (
            found is None
            or found.published_at < known.published_at
            or 2 * len(found.services) < len(known.services)
        ):
            log.warning("rdap_list_refused")
            return None
        if self._kept is not None:
            with suppress(OSError):
                new = self._kept.with_suffix(".new")
                new.write_bytes(got.body)
                new.replace(self._kept)
        return found
