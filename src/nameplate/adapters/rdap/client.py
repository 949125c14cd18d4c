"""Asking registries for registration data, over the fetcher that reaches nothing private."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from nameplate.adapters.http.client import Reply, retry_after
from nameplate.adapters.rdap import answers
from nameplate.adapters.rdap.bootstrap import Bootstrap, RdapService
from nameplate.ports.fetcher import Fetched, Fetcher, HttpOutcome
from nameplate.ports.registration_data import RegistrationLook, RegistryAnswer

_MAX_BODY = 512 * 1024
_FOUND, _ABSENT = 200, 404
_LIMITED = frozenset({429, 503})
_PAUSE = timedelta(minutes=15)
"""After a registry said that it was asked too much, and not for how long."""
_PATIENCE = 5.0
"""Seconds for which a look waits for its turn at a registry."""


class RdapClient:
    """Registration data of any domain whose registry is on IANA's list.

    Each registry is asked once a second at most, and not at all while it wants us to wait.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        bootstrap: Bootstrap,
        clock: Callable[[], datetime],
        *,
        pace: timedelta = timedelta(seconds=1),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask what `bootstrap` names; `pace` lies between two questions to one registry."""
        self._fetcher, self._bootstrap, self._clock = fetcher, bootstrap, clock
        self._pace, self._sleep = pace, sleep
        self._free_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def look(self, domain: str) -> RegistrationLook:
        """Look up one registrable domain (canonical name). Every end is a value; nothing is raised."""
        service = self._bootstrap.service(domain)
        if service is None:
            return RegistrationLook(RegistryAnswer.UNSUPPORTED, was_asked=False)
        wait = self._turn(service)
        if wait.total_seconds() > _PATIENCE:
            return RegistrationLook(RegistryAnswer.LIMITED, retry_after=wait, was_asked=False)
        self._sleep(wait.total_seconds())
        got = self._fetcher.fetch(
            service.host,
            f"{service.path}domain/{domain}",
            scheme=service.scheme,
            max_body=_MAX_BODY,
        )
        return self._judged(service, domain, got)

    def _turn(self, service: RdapService) -> timedelta:
        """Return how long to wait for a turn; one that is soon enough is taken."""
        with self._lock:
            now = self._clock()
            at = max(self._free_at.get(service.host, now), now)
            if (at - now).total_seconds() <= _PATIENCE:
                self._free_at[service.host] = at + self._pace
            return at - now

    def _judged(self, service: RdapService, domain: str, got: Fetched) -> RegistrationLook:
        is_safe = all(hop.url.startswith(f"{service.scheme}://") for hop in got.hops)
        if (
            got.category is not HttpOutcome.ANSWERED or not is_safe
        ):  # sent to where anybody may answer
            return RegistrationLook(RegistryAnswer.UNREACHABLE)
        if got.status in _LIMITED:
            return self._limited(service, got)
        if got.status != _FOUND:
            is_absent = got.status == _ABSENT
            return RegistrationLook(
                RegistryAnswer.ABSENT if is_absent else RegistryAnswer.UNREACHABLE
            )
        try:
            return RegistrationLook(RegistryAnswer.FOUND, answers.read(got.body, domain))
        except answers.UnreadableAnswer:
            return RegistrationLook(RegistryAnswer.MALFORMED)

    def _limited(self, service: RdapService, got: Fetched) -> RegistrationLook:
        now = self._clock()
        asked = retry_after(Reply(got.status, got.hops[-1].headers, b""), now)
        with self._lock:
            self._free_at[service.host] = now + (asked or _PAUSE)
        return RegistrationLook(RegistryAnswer.LIMITED, retry_after=asked or _PAUSE)
