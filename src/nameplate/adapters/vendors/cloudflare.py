"""Cloudflare's API v4: one token's connection and rate limit, for its DNS and its custom hostnames."""

import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused, failure, read, short
from nameplate.adapters.http.client import Api, Reply
from nameplate.adapters.vendors.namecheap import RequestPace
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.secret import Secret

URL = "https://api.cloudflare.com/client/v4"
LIMITS = ((1150, 300.0),)
"""Requests in so many seconds: a user has 1,200 in five minutes, over all tokens."""
_PROVIDER = "Cloudflare"
_NOT_FOUND = 404
_ZONE_CODES = frozenset({1001, 7000, 7003})  # no such zone for this token, or a malformed id
_MOVED_CODES = frozenset({81044, 81057, 81058})  # gone, or there already: our reading was old
_CREDENTIAL_CODES = frozenset({6003, 6111, 9109, 10000})


class PacedApi(Api):
    """A connection whose requests wait for their turn. Raises `RateLimited` before it sends."""

    def __init__(self, base_url: str, token: Secret, pace: RequestPace | None = None) -> None:
        """Send `token` with every request."""
        bearer = Secret(f"Bearer {token.reveal()}")
        super().__init__(base_url, headers={"Authorization": bearer})
        self._pace = pace or RequestPace(LIMITS, provider=_PROVIDER)

    def request(self, method: str, path: str, **more: Any) -> Reply:  # noqa: ANN401 - as `Api.request`
        """Send one request when it is its turn; as `Api.request` otherwise."""
        self._pace.take()
        return super().request(method, path, **more)


_SHARED: WeakValueDictionary[str, PacedApi] = WeakValueDictionary()
_LOCK = threading.Lock()


def connected(token: Secret) -> PacedApi:
    """Return the connection of a token: everything that uses the same one shares its rate limit."""
    with _LOCK:
        found = _SHARED.get(token.reveal())
        if found is None:
            found = _SHARED[token.reveal()] = PacedApi(URL, token)
        return found


def pages(api: Api, path: str, query: Mapping[str, str], size: int) -> list[dict[str, Any]]:
    """Return a whole listing. Raises `Unavailable("listing_incomplete")` and what `explain` makes."""

    def read_once() -> tuple[list[dict[str, Any]], int]:
        entries: list[dict[str, Any]] = []
        number = count = 1
        while number <= count:
            params = {**query, "page": str(number), "per_page": str(size)}
            answer = read(api, path, params, explain).json()
            entries += answer["result"]
            count = int(answer["result_info"]["total_pages"])
            number += 1
        return entries, int(answer["result_info"]["total_count"])

    return rows.complete(read_once, lambda entry: str(entry["id"]), _PROVIDER)


def explain(reply: Reply) -> NameplateError:
    """Return the error for an answer that is no success."""
    told = _errors(reply)
    codes = {error.get("code") for error in told}
    said = "; ".join(str(error.get("message", "")) for error in told) or f"status {reply.status}"
    if codes & _CREDENTIAL_CODES:
        return Refused("credential_refused", f"Cloudflare rejected the token: {short(said)}")
    if codes & _MOVED_CODES:
        return ChangeRefused("record_moved", f"Cloudflare: {short(said)}")
    if reply.status == _NOT_FOUND or codes & _ZONE_CODES:
        return Refused("zone_missing", f"Cloudflare has no such zone for this token: {short(said)}")
    return failure(_PROVIDER, reply, said)


def _errors(reply: Reply) -> list[Mapping[str, Any]]:
    try:
        found = reply.json().get("errors")
    except (Unavailable, AttributeError):
        return []
    return [error for error in found or () if isinstance(error, dict)]
