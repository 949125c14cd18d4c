"""Fetching a small file from a host that somebody else chose, who may be hostile."""

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from types import MappingProxyType
from typing import Literal

import httpcore2

from nameplate import __version__
from nameplate.adapters.http.locations import Location
from nameplate.adapters.http.outcome import Stopped
from nameplate.adapters.http.pinned import Deadline, PinnedBackend
from nameplate.adapters.http.sites import same_site
from nameplate.core.egress import Detour, EgressPolicy
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome

_MAX_HEADERS = 32 * 1024
_MAX_TRANSFER = 640 * 1024
"""Bytes of one answer, however much of a body is wanted. The kernel takes in some 256 KiB more before
it is told to stop."""
_TLS = 128 * 1024
"""Bytes that certificates and records may take beside it."""
_MAX_REDIRECTS = 5
_MAX_ADDRESSES = 4
_REDIRECTS = frozenset({301, 302, 307, 308})
_HTTP_PORTS = MappingProxyType({"http": 80, "https": 443})


class SafeFetcher:
    """Fetches from names chosen by tenants without reaching what only Nameplate can reach.

    Resolves each name once, refuses it when any of its addresses is refused, connects to a vetted
    literal, follows redirects by hand within one site, and bounds time and bytes. Certificates are
    checked only with a `tls` that does so, as in ACME's http-01 (RFC 8555 section 8.3): the owner
    of a name may not have one yet.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        resolve: Callable[[str], tuple[str, ...]],
        *,
        same_site: Callable[[str, str], bool] = same_site,
        ports: Mapping[str, int] = _HTTP_PORTS,
        deadline: timedelta = timedelta(seconds=10),
        tls: ssl.SSLContext | None = None,
        detours: Sequence[Detour] = (),
    ) -> None:
        """Follow redirects between hosts that are the `same_site`; `ports` is for sandboxes only.

        `detours` are the operator's word for `fetch_at`: what they lead to is not vetted.
        """
        self._policy = policy
        self._resolve = resolve
        self._same_site = same_site
        self._ports = ports
        self._deadline = deadline
        self._tls = tls or _unchecked()
        self._detours = tuple(detours)

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
        """Fetch `path` of `host` (canonical name). Every end is a value; nothing is raised."""
        trip = _Trip(Deadline(self._deadline.total_seconds()), max_body, self._ports)
        trip.follows, trip.truncates, trip.takes_errors = redirects, truncate, any_status
        return self._travel(Location(scheme, host, path), trip)

    def fetch_at(
        self, address: str, host: str, path: str, *, port: int | None = None, max_body: int = 1024
    ) -> Fetched:
        """Fetch from `address` alone, or from where a detour leads instead; see `AddressFetcher`."""
        trip = _Trip(Deadline(self._deadline.total_seconds()), max_body, self._ports)
        detour = next((one for one in self._detours if ip_address(address) in one.network), None)
        if detour is not None:
            address, port = detour.address, detour.port
            trip.trusted = host
        trip.addresses[host] = (address,)
        if port is not None:
            trip.ports = {**trip.ports, "http": port}
        return self._travel(Location("http", host, path), trip)

    def has_route(self, address: str) -> bool:
        """Tell whether the system would know where to send a packet to `address`; none is sent."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 80))
        except OSError:
            return False
        return True

    def _travel(self, location: Location, trip: "_Trip") -> Fetched:
        host = location.host
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                redirect = self._visit(location, trip)
                if redirect is None:
                    return Fetched(HttpOutcome.ANSWERED, tuple(trip.hops), trip.body)
                if not trip.follows:
                    return Fetched(HttpOutcome.REDIRECT_REFUSED, tuple(trip.hops))
                location = self._followed(location, redirect, host)
                if any(hop.url == str(location) for hop in trip.hops):
                    break
        except Stopped as stopped:
            return Fetched(stopped.outcome, tuple(trip.hops))
        return Fetched(HttpOutcome.TOO_MANY_REDIRECTS, tuple(trip.hops))

    def _followed(self, location: Location, header: str, host: str) -> Location:
        target = location.redirected(header)
        if not self._same_site(host, target.host):
            raise Stopped(HttpOutcome.REDIRECT_REFUSED)
        return target

    def _visit(self, location: Location, trip: "_Trip") -> str | None:
        """Make one request; return the `Location` header of a redirect, None at the end."""
        trip.hops.append(Hop(str(location), ""))
        backend = PinnedBackend(
            self._vetted(location.host, trip),
            trip.ports[location.scheme],
            trip.deadline,
            # Chunked coding of single bytes takes 6 for 1.
            min(_MAX_HEADERS + 8 * trip.max_body, _MAX_TRANSFER)
            + (_TLS if location.scheme == "https" else 0),
        )
        try:
            return self._exchange(location, trip, backend)
        except httpcore2.TimeoutException:
            raise Stopped(HttpOutcome.TIMEOUT) from None
        except httpcore2.ProtocolError:
            raise Stopped(HttpOutcome.MALFORMED) from None
        except httpcore2.NetworkError:
            raise Stopped(HttpOutcome.UNREACHABLE) from None

    def _vetted(self, host: str, trip: "_Trip") -> tuple[str, ...]:
        # One resolution for a whole fetch: a second answer cannot differ from the vetted one.
        if host not in trip.addresses:
            trip.addresses[host] = self._resolved(host, trip.deadline)
        addresses = trip.addresses[host]
        if not addresses:
            raise Stopped(HttpOutcome.NO_ADDRESS)
        if host != trip.trusted and any(self._policy.refusal(address) for address in addresses):
            raise Stopped(HttpOutcome.ADDRESS_REFUSED)
        return addresses[:_MAX_ADDRESSES]

    def _resolved(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        """Resolve in a thread of its own, for which nobody waits longer than the fetch may take."""
        answers: queue.SimpleQueue[tuple[str, ...] | Exception] = queue.SimpleQueue()

        def resolve() -> None:
            try:
                answers.put(self._resolve(host))
            except Exception as error:  # noqa: BLE001 - raised again by who waits
                answers.put(error)

        threading.Thread(target=resolve, name="nameplate-resolve", daemon=True).start()
        try:
            found = answers.get(timeout=deadline.left())
        except queue.Empty:
            raise Stopped(HttpOutcome.TIMEOUT) from None
        if isinstance(found, Exception):
            raise found
        return found

    def _exchange(self, location: Location, trip: "_Trip", backend: PinnedBackend) -> str | None:
        origin = httpcore2.Origin(
            location.scheme.encode(), location.host.encode(), _HTTP_PORTS[location.scheme]
        )
        request = httpcore2.Request(
            "GET",
            httpcore2.URL(
                scheme=origin.scheme, host=origin.host, port=origin.port, target=location.target
            ),
            headers=[
                ("Host", location.host),
                ("User-Agent", f"nameplate-verification/{__version__}"),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        with httpcore2.HTTPConnection(
            origin, ssl_context=self._tls, network_backend=backend
        ) as connection:
            try:
                response = connection.handle_request(request)
            finally:
                trip.hops[-1] = Hop(str(location), backend.peer)
            headers = _headers(response)
            trip.hops[-1] = Hop(str(location), backend.peer, response.status, headers)
            if response.status in _REDIRECTS:
                return headers.get("location", "")
            is_success = 200 <= response.status < 300  # noqa: PLR2004  # as RFC 9110 has it
            if is_success or trip.takes_errors:
                trip.body = _body(response, headers, trip)
            return None


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Trip:
    """What one fetch has used and gathered so far."""

    def __init__(self, deadline: Deadline, max_body: int, ports: Mapping[str, int]) -> None:
        self.deadline = deadline
        self.max_body = max_body
        self.ports = ports
        self.follows, self.truncates, self.takes_errors = True, False, False
        self.trusted = ""
        """Host whose address the operator named."""
        self.addresses: dict[str, tuple[str, ...]] = {}
        self.hops: list[Hop] = []
        self.body = b""


def _headers(response: httpcore2.Response) -> Mapping[str, str]:
    size = sum(len(name) + len(value) + 4 for name, value in response.headers)
    if size > _MAX_HEADERS:
        raise Stopped(HttpOutcome.TOO_LARGE)
    return MappingProxyType(
        {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
    )


def _body(response: httpcore2.Response, headers: Mapping[str, str], trip: _Trip) -> bytes:
    if headers.get("content-encoding", "identity") != "identity":
        raise Stopped(HttpOutcome.ENCODED)
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        trip.deadline.left()  # a read may bring ten thousand chunks
        if len(body) > trip.max_body:
            if trip.truncates:
                break
            raise Stopped(HttpOutcome.TOO_LARGE)
    del body[trip.max_body :]
    return bytes(body)
