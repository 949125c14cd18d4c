"""Namecheap's XML API: one account's connection and rate limit, for its DNS and its registrations."""

import threading
import time
import xml.etree.ElementTree as ET  # documents with entities are refused below
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

from nameplate.adapters.changes.answers import failure, is_success, short
from nameplate.adapters.http.client import Api
from nameplate.core.budget import Limit
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.pacing import TakeTurn

Explain = Callable[[frozenset[str], str], NameplateError]
"""Returns what the numbers of an answer's errors mean; the second is what Namecheap says."""

NS = "{http://api.namecheap.com/xml.response}"
LIMITS = ((20, 60.0), (700, 3600.0), (8000, 86_400.0))
"""Requests in so many seconds."""
SHARED_LIMITS = (
    Limit(8, timedelta(seconds=40)),
    Limit(100, timedelta(seconds=600)),
    Limit(1000, timedelta(seconds=12_350)),
)
"""What keeps to the same over all processes: a burst, and what is earned back meanwhile, together stay
below each of them."""
_FULL = SHARED_LIMITS[0].period
"""Until a whole step of work is possible again: one that could send a part only would never come through."""
_RATE_LIMIT = 405  # so it answers, and not 429
_TOO_MANY = "500000"
_ADDRESS = frozenset({"1011150", "1011148", "1011107"})
_CREDENTIAL = ("1010", "1011", "1016", "1017", "1030", "1050")
"""Beginnings of the numbers of errors about user, key, address and permission."""
_MAX_ERRORS, _MAX_NUMBER = 10, 10
"""Errors of one answer that are looked at, and characters of the number of one."""
_PATIENCE = 6.0
"""Seconds for which a request waits for its turn."""


class RequestPace:
    """Counts the requests of one account over all its windows."""

    def __init__(
        self,
        limits: tuple[tuple[int, float], ...] = LIMITS,
        *,
        provider: str = "Namecheap",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow what `limits` say: pairs of a number and seconds."""
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._provider = provider
        self._sent: deque[float] = deque(maxlen=max(number for number, _ in limits))
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for a turn. Raises `RateLimited` when that takes longer than a few seconds."""
        with self._lock:
            now = self._clock()
            at = max([now, *self._free_at()])
            if at - now > _PATIENCE:
                raise RateLimited(
                    "rate_limited",
                    f"This {self._provider} account has used up its requests. Try again later.",
                    timedelta(seconds=at - now),
                )
            self._sent.append(at)
        if at > now:
            self._sleep(at - now)

    def _free_at(self) -> list[float]:
        return [
            self._sent[-number] + seconds
            for number, seconds in self._limits
            if len(self._sent) >= number
        ]


class SharedPace:
    """Counts the requests of one account over all processes."""

    def __init__(
        self, take: TakeTurn, key: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Count by `take`, under a key of the account."""
        self._take, self._key, self._sleep = take, key, sleep

    def take(self) -> None:
        """Wait for a turn. Raises `RateLimited` when that takes longer than a few seconds."""
        waited = 0.0
        while (wait := self._take(self._key, SHARED_LIMITS)) > timedelta(0):
            waited += wait.total_seconds()
            if waited > _PATIENCE:
                raise RateLimited(
                    "rate_limited",
                    "This Namecheap account has used up its requests. Try again later.",
                    max(wait, _FULL),
                )
            self._sleep(wait.total_seconds())


class NamecheapApi:
    """One API user at Namecheap, for any number of threads."""

    def __init__(
        self,
        api: Api,
        user: str,
        key: Secret,
        client_ip: str,
        pace: RequestPace | None = None,
        *,
        budget: str = "namecheap",
    ) -> None:
        """Send `client_ip`, an address on the account's allowlist; `budget` names the account."""
        self._api, self._key, self._budget = api, key, budget
        self._pace: RequestPace | SharedPace | None = pace
        self._credential = {"ApiUser": user, "UserName": user, "ClientIp": client_ip}

    def pace_by(self, take: TakeTurn) -> None:
        """Count requests over all processes from now on."""
        self._pace = SharedPace(take, self._budget)

    def command(
        self, command: str, element: str, parameters: Mapping[str, str], explain: Explain
    ) -> ET.Element:
        """Send one command and return the CommandResponse, or the named element in it.

        Raises `RateLimited` before anything was done, `Refused` for the credential, and otherwise
        what `explain` makes of the errors.
        """
        if self._pace is not None:
            self._pace.take()
        # Always POST: a key in an address ends in logs, and long zones do not fit into one.
        form = {**self._credential, "Command": f"namecheap.{command}", **parameters}
        reply = self._api.request(
            "POST",
            "/xml.response",
            content=urlencode({**form, "ApiKey": self._key.reveal()}),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        if reply.status == _RATE_LIMIT:
            raise RateLimited("rate_limited", "Namecheap limits requests. Try again later.")
        if not is_success(reply):
            raise failure("Namecheap", reply, f"status {reply.status}")
        return _result(reply.body, element, explain)

    def reading(
        self, command: str, element: str, parameters: Mapping[str, str], explain: Explain
    ) -> ET.Element:
        """Read, once more when the answer was lost: reading changes nothing."""
        for last in (False, True):
            try:
                return self.command(command, element, parameters, explain)
            except Unavailable as error:
                if isinstance(error, RateLimited):
                    raise
                if last:
                    raise Unavailable("provider_unreachable", error.detail) from None
        raise AssertionError


_SHARED: WeakValueDictionary[tuple[str, ...], Any] = WeakValueDictionary()
_SHARING = threading.Lock()


def shared(url: str, user: str, key: Secret, client_ip: str) -> NamecheapApi:
    """Return the one connection of an account in this process, whatever it is used for.

    Requests are counted by user, as Namecheap does, and by key: who only knows the name of a user
    uses up nothing of theirs.
    """
    account = sha256(f"{url}\n{user}\n{key.reveal()}".encode()).hexdigest()[:32]
    with _SHARING:
        found: NamecheapApi | None = _SHARED.get((account, client_ip))
        if found is None:
            pace = _SHARED.get((account,))
            if pace is None:
                pace = _SHARED[account,] = RequestPace()
            made = NamecheapApi(Api(url), user, key, client_ip, pace, budget=f"namecheap:{account}")
            found = _SHARED[account, client_ip] = made
    return found


def domain_parts(name: str) -> dict[str, str]:
    """Return the parameters that name a domain; a registered one is one label and its suffix."""
    label, _, suffix = name.partition(".")
    return {"SLD": label, "TLD": suffix}


def texts(node: ET.Element, element: str) -> list[str]:
    """Return the texts of all elements of this name below `node`."""
    return [one.text or "" for one in node.iter(f"{NS}{element}")]


def attributes(node: ET.Element, element: str) -> list[Mapping[str, str]]:
    """Return the attributes of all elements of this name below `node`."""
    return [one.attrib for one in node.iter(f"{NS}{element}")]


def malformed() -> Unavailable:
    """Return the error for an answer that is not what it should be."""
    return Unavailable("answer_malformed", "Namecheap sent an answer that is not its XML.")


def _result(body: bytes, element: str, explain: Explain) -> ET.Element:
    root = _parsed(body)
    if root.get("Status") != "OK":
        raise _error(root, explain)
    found = root.find(f"{NS}CommandResponse" + (f"/{NS}{element}" if element else ""))
    if found is None:
        raise malformed()
    return found


def _parsed(body: bytes) -> ET.Element:
    try:
        text = body.decode()
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise malformed()
        root = ET.fromstring(text)  # noqa: S314  # no entities, and bounded by the HTTP client
    except (UnicodeDecodeError, ET.ParseError):
        raise malformed() from None
    if root.tag != f"{NS}ApiResponse":
        raise malformed()
    return root


def _error(root: ET.Element, explain: Explain) -> NameplateError:
    errors = list(root.iter(f"{NS}Error"))[:_MAX_ERRORS]
    said = short("; ".join(error.text or "" for error in errors))
    numbers = frozenset(short(error.get("Number", ""), _MAX_NUMBER) for error in errors)
    if numbers & _ADDRESS:
        return Refused(
            "credential_refused",
            f"Namecheap does not accept requests from this address: {said}. Add the account's "
            "`client_ip` to the allowlist in Namecheap's API settings.",
        )
    if any(number.startswith(_CREDENTIAL) for number in numbers):
        return Refused("credential_refused", f"Namecheap rejected the credential: {said}")
    if _TOO_MANY in numbers:
        return RateLimited("rate_limited", "Namecheap limits requests. Try again later.")
    return explain(numbers, said)
