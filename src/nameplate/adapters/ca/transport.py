"""HTTPS to an ACME server: what goes wrong, in the terms of an authority."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import certifi

from nameplate import __version__
from nameplate.adapters.ca import problems
from nameplate.adapters.http.connections import Connections, Origin
from nameplate.adapters.http.exchange import Lost, NotSent, TooLarge
from nameplate.core.errors import Unavailable

MAX_ANSWER = 1024 * 1024
"""Bytes."""
_LINK = re.compile(r"<([^<>]{1,2000})>([^<]{0,500})")
_ALTERNATE = re.compile(r";\s*rel\s*=\s*\"?[^\";,]*\balternate\b", re.IGNORECASE)
CONNECT_SECONDS, READ_SECONDS = 10, 45
_HEADERS = {
    "User-Agent": f"nameplate/{__version__} (+https://pypi.org/project/nameplate)",
    "Accept-Language": "en",
}


@dataclass(frozen=True, slots=True)
class AcmeResponse:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """By names such as `Retry-After`, whatever case the server prefers."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body. Raises `Unavailable` when it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise problems.malformed("the answer is not a JSON object")
        return value

    def alternates(self) -> list[str]:
        """Return where other forms of the resource are (RFC 8288, RFC 8555 section 7.4.2)."""
        links = _LINK.findall(self.headers.get("Link", ""))
        return [url for url, params in links if _ALTERNATE.search(params)]

    def location(self) -> str:
        """Return the URL of the created resource. Raises `Unavailable` when it is missing."""
        try:
            return self.headers["Location"]
        except KeyError:
            raise problems.malformed("the answer lacks its Location") from None


class AcmeTransport:
    """Sends requests one by one, from any number of threads."""

    def __init__(self, verify: str | None) -> None:
        """Prepare; `verify` is the path of a CA bundle to trust instead of the public authorities."""
        self._connections = Connections(
            ssl.create_default_context(cafile=verify or certifi.where()),
            connecting=CONNECT_SECONDS,
            reading=READ_SECONDS,
            largest=MAX_ANSWER,
        )

    def send(self, method: str, url: str, body: bytes | None = None) -> AcmeResponse:
        """Send one request and read its answer.

        Raises `Unavailable` with `ca_untrusted`, `ca_unreachable` or `ca_answer_malformed`.
        """
        headers = (
            _HEADERS if body is None else {**_HEADERS, "Content-Type": "application/jose+json"}
        )
        try:
            origin, target = Origin.of(url)
            answer = self._connections.request(origin, method, target, headers, body)
        except TooLarge:
            raise problems.malformed("the answer is too large") from None
        except (NotSent, Lost, ValueError) as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise Unavailable(
                    "ca_untrusted", f"No trusted TLS connection to {_host(url)}: {error.__cause__}."
                ) from error
            raise Unavailable("ca_unreachable", f"No answer from {_host(url)}: {error}.") from error
        found = {name.title(): value for name, value in answer.headers}
        if "Link" in found:
            links = (value for name, value in answer.headers if name.title() == "Link")
            found["Link"] = ", ".join(links)
        return AcmeResponse(answer.status, found, answer.body)


def _host(url: str) -> str:
    return problems.plain(url.partition("://")[2].partition("/")[0])
