"""Fetching a small file from a host that somebody else chose, who may be hostile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol


class HttpOutcome(StrEnum):
    """What happened, as a category: nothing that the other side wrote is repeated."""

    ANSWERED = "answered"
    """A complete HTTP response came, whatever its status."""
    NO_ADDRESS = "no_address"
    ADDRESS_REFUSED = "address_refused"
    """The name has an address that Nameplate does not connect to."""
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    MALFORMED = "malformed"
    """What came back is not HTTP/1.1."""
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    """The body is compressed although only plain bytes were asked for."""
    REDIRECT_REFUSED = "redirect_refused"
    """It leads to another site, scheme or port, or is no proper address."""
    TOO_MANY_REDIRECTS = "too_many_redirects"
    """More than five, or a loop."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a fetch and who answered it."""

    url: str
    address: str
    """The address that answered; empty when nobody did."""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a fetch ended. The body is for comparing, never for showing."""

    category: HttpOutcome
    hops: tuple[Hop, ...] = ()
    """Every request that was attempted, in order."""
    body: bytes = b""
    """Of a 2xx answer; of another one where that was asked for."""

    @property
    def status(self) -> int:
        """Status of the last answer, 0 when there was none."""
        return self.hops[-1].status if self.hops else 0

    @property
    def final_url(self) -> str:
        """The address of the last request."""
        return self.hops[-1].url if self.hops else ""

    @property
    def address(self) -> str:
        """The IP address that gave the last answer, empty when nobody did."""
        return self.hops[-1].address if self.hops else ""


class AddressFetcher(Protocol):
    """Looks at one given address of a host, as a certificate authority will.

    May be called from several threads; bounds time and bytes as a `Fetcher` does.
    """

    def fetch_at(
        self, address: str, host: str, path: str, *, port: int | None = None, max_body: int = 1024
    ) -> Fetched:
        """Fetch `path` of `host` by plain HTTP from `address` alone, whatever its DNS says.

        `port` is for sandboxes only. Every end is a value; nothing is raised.
        """
        ...

    def has_route(self, address: str) -> bool:
        """Tell whether this machine can send anything to such an address: many have no IPv6."""
        ...


class Fetcher(Protocol):
    """Fetches without reaching what only Nameplate can reach; bounds time and bytes."""

    def fetch(
        self,
        host: str,
        path: str,
        *,
        scheme: Literal["http", "https"] = "http",
        max_body: int = 1024,
        redirects: bool = True,
        truncate: bool = False,
        any_status: bool = False,
    ) -> Fetched:
        """Fetch `path` of `host` (canonical name). Every end is a value; nothing is raised.

        Without `redirects` none is followed, and one is `REDIRECT_REFUSED`. With `truncate` a longer
        body is cut at `max_body` bytes, else it is `TOO_LARGE`. With `any_status` the body of an error
        is read as well.
        """
        ...
