"""The API as commands use it: JSON in, JSON out, and its errors as exceptions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from nameplate.cli.transport import ApiConnection, ContextFactory
from nameplate.core.errors import NameplateError, Unavailable

MAX_PER_PAGE = 100

_EXIT_CODES: Mapping[int, int] = {
    400: 2,
    401: 7,
    403: 7,
    404: 3,
    409: 5,
    412: 5,
    413: 2,
    415: 2,
    422: 2,
    429: 8,
}
_AWAY = frozenset({502, 503, 504})
"""Statuses of a proxy whose API does not answer."""


class ApiError(NameplateError):
    """The API answered with a problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:

        super().__init__(
            str(problem.get("code", "answer_malformed")),
            str(problem.get("detail", f"The API answered {status}.")),
        )
        self.status = status
        self.problem = {"code": self.code, "detail": self.detail, **problem}
        self.exit_code = _EXIT_CODES.get(status, 1)


class Client:
    """Connects with the first request."""

    def __init__(self, factory: ContextFactory) -> None:

        self._factory = factory
        self._connection: ApiConnection | None = None
        self.dry_run = False
        """Whether requests that write are only tried."""
        self.has_answered = False
        """Whether one request of this command was answered as it should be."""

    @property
    def connection(self) -> ApiConnection:
        """The API in use."""
        if self._connection is None:
            self._connection = self._factory()
        return self._connection

    def get(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - query values
        """Read one object, or one page."""
        given = {name: value for name, value in query.items() if value is not None}
        return self.send("GET", f"{path}?{urlencode(given)}" if given else path)

    def pages(self, path: str, *, limit: int | None, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - query values
        """Yield the objects of a list, up to `limit`, page by page."""
        cursor, left = None, limit
        while left is None or left > 0:
            size = MAX_PER_PAGE if left is None else min(left, MAX_PER_PAGE)
            page = self.get(path, limit=size, cursor=cursor, **query)
            yield from page["data"]
            left = None if left is None else left - len(page["data"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def send(self, method: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Send one request and return the answer's object; raises ApiError, Unavailable."""
        if self.dry_run and method != "GET":
            path += f"{'&' if '?' in path else '?'}dry_run=true"
        connection = self.connection
        headers = {
            "Authorization": f"Bearer {connection.token.reveal()}",
            "Accept": "application/json",
        }
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = json.dumps(body).encode()
        status, _, answer = connection.transport.send(method, path, headers, raw)
        found = _parsed(status, answer)
        if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
            raise ApiError(status, found)
        self.has_answered = True
        return found


def address(plural: str, reference: str, action: str = "") -> str:
    """Return the path of one object, whatever characters its name has."""
    return f"/v1/{plural}/{quote(reference, safe='')}{action}"


def _parsed(status: int, answer: bytes) -> dict[str, Any]:
    if not answer:
        return {}
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        if status in _AWAY:
            raise Unavailable(
                "api_unreachable",
                f"A proxy answered {status} in place of the API. Try again later.",
            )
        raise Unavailable(
            "answer_malformed",
            f"The API answered {status} without a JSON object. Check `NAMEPLATE_API_URL`.",
        )
    return found
