"""Looking at a host through one given address: is it served, and with which certificate.

Connections are dialled to that address alone, whatever the host's DNS says. The certificate is read,
not verified: its serial number tells whether it is the expected one.
"""

import asyncio
import contextlib
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore2

from nameplate import __version__
from nameplate.core.egress import EgressPolicy
from nameplate.core.serials import hex_serial
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget

Policy = Callable[[IPv4Address | IPv6Address], bool]
"""Whether an address may be dialled."""

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024
_AGENT = f"nameplate-probe/{__version__}"
_TICK = 0.05
"""Seconds between two looks at whether the event loop is held up."""
_ON_TIME = 0.01
"""Seconds by which a loop that is not held up may be late."""
_CLOSED = "the connection was closed without an answer"
_BACKEND = httpcore2.AnyIOBackend()


def anywhere(_: IPv4Address | IPv6Address) -> bool:
    """Allow every address: right for proxies, which the operator registers."""
    return True


def public(address: IPv4Address | IPv6Address) -> bool:
    """Allow what anybody on the Internet can reach: right for addresses that a tenant wrote."""
    return EgressPolicy().refusal(address) is None


_UPSTREAMS = EgressPolicy(allow=(ip_network("0.0.0.0/0"), ip_network("::/0")))


def upstream(address: IPv4Address | IPv6Address) -> bool:
    """Allow all but what hands out credentials: right for addresses of applications, the operator's."""
    return _UPSTREAMS.refusal(address) is None


def probe(
    address: str,
    port: int,
    hostname: str,
    path: str = "/",
    *,
    expected_serial: str | None = None,
    timeout: float = 10.0,
    scheme: str = "https",
    allowed: Policy = anywhere,
) -> ProbeResult:
    """Look once at `hostname` through `address`; everything together takes at most `timeout` seconds."""
    target = ProbeTarget(address, port, hostname, path, scheme, expected_serial)
    return asyncio.run(look(target, timeout=timeout, allowed=allowed))


def probe_many(
    targets: Sequence[ProbeTarget],
    *,
    concurrency: int = 100,
    timeout: float = 10.0,
    allowed: Policy = anywhere,
    tenants: Policy = public,
) -> list[ProbeResult]:
    """Look at all targets in one event loop; the findings are in the order of the targets."""

    async def together() -> list[ProbeResult]:
        gate = asyncio.Semaphore(concurrency)

        async def one(target: ProbeTarget) -> ProbeResult:
            async with gate:
                policy = tenants if target.is_tenants else allowed
                policy = upstream if target.is_upstream else policy
                return await look(target, timeout=timeout, allowed=policy)

        return await asyncio.gather(*map(one, targets))

    return asyncio.run(together())


class HttpProber:
    """The port, with its deadline in seconds and its address policy."""

    def __init__(
        self, *, timeout: float = 10.0, allowed: Policy = anywhere, tenants: Policy = public
    ) -> None:
        """End each probe after `timeout` seconds, and connect only to `allowed` addresses.

        Where a tenant wrote the address, only to what `tenants` allows.
        """
        self._timeout = timeout
        self._allowed = allowed
        self._tenants = tenants

    def look(self, target: ProbeTarget) -> ProbeResult:
        """Look once."""
        return self.look_many([target])[0]

    def look_many(
        self, targets: Sequence[ProbeTarget], concurrency: int = 100
    ) -> list[ProbeResult]:
        """Look at all targets at once."""
        return probe_many(
            targets,
            concurrency=concurrency,
            timeout=self._timeout,
            allowed=self._allowed,
            tenants=self._tenants,
        )


async def look(target: ProbeTarget, *, timeout: float, allowed: Policy = anywhere) -> ProbeResult:  # noqa: ASYNC109  # the deadline covers what came before it, too
    """Look once, inside a running event loop. While that is held up, the deadline waits."""
    start = asyncio.get_running_loop().time()
    visit = _Visit(target, allowed)
    seconds = timeout if target.timeout is None else min(timeout, target.timeout)
    try:
        async with _deadline(seconds):
            await visit.run()
    except TimeoutError:
        visit.fail(Failure.TIMEOUT, f"no complete answer within {seconds:g} s")
    finally:
        await visit.close()
    return replace(visit.finding, seconds=asyncio.get_running_loop().time() - start)


@contextlib.asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError after so many seconds in which the loop could run.

    A machine with too much to do must not find others slow. All together it is twice as long at most.
    """
    async with asyncio.timeout(seconds) as scope:
        following = _FollowedLoop(scope, 2 * seconds)
        try:
            yield
        finally:
            following.stop()


class _FollowedLoop:
    """Puts a deadline off by as long as the event loop is held up."""

    def __init__(self, scope: asyncio.Timeout, most: float) -> None:
        """Begin; all together the deadline is at most so many seconds from now."""
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + most
        self._plan()

    def stop(self) -> None:
        """Leave the loop alone."""
        self._handle.cancel()

    def _plan(self) -> None:
        # It is due before the deadline, and so it is called first where both are late.
        self._due = self._loop.time() + _TICK
        self._handle = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        late = self._loop.time() - self._due
        until = self._scope.when()
        if late > _ON_TIME and until is not None and not self._scope.expired():
            self._scope.reschedule(min(until + late, self._end))
        self._plan()


class _Visit:
    """One look in progress: what was seen so far stays when a later step fails."""

    def __init__(self, target: ProbeTarget, allowed: Policy) -> None:
        self.finding = ProbeResult(target)
        self._target = target
        self._allowed = allowed
        self._stream: httpcore2.AsyncNetworkStream | None = None

    def fail(self, failure: Failure, message: str) -> None:
        """Note the failure, unless the answer is there already."""
        if self.finding.status is None:
            self.finding = replace(self.finding, failure=failure, message=message)

    async def close(self) -> None:
        """Drop the connection without waiting for the other side."""
        if self._stream is not None:
            await self._stream.aclose()

    async def run(self) -> None:
        """Connect, ask, read."""
        address = await self._address()
        if address is None or not await self._connect(address):
            return
        try:
            await self._ask()
        except (httpcore2.ProtocolError, ValueError) as error:
            if isinstance(error, httpcore2.RemoteProtocolError) and error.__cause__ is None:
                # The parser had nothing to object to: the end came before that of the head.
                self.fail(Failure.CLOSED, _CLOSED)
            else:
                self.fail(Failure.MALFORMED, "the answer is not HTTP/1.1, or its head is too large")
        except (httpcore2.NetworkError, OSError):
            self.fail(Failure.CLOSED, _CLOSED)

    async def _address(self) -> str | None:
        """Return the first address of the target, when all that it has are allowed."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                self._target.address, self._target.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            self.fail(Failure.UNRESOLVED, "the proxy's address cannot be resolved")
            return None
        addresses = [str(peer[0]) for *_, peer in found]
        if all(self._allowed(ip_address(one.partition("%")[0])) for one in addresses):
            return addresses[0]
        self.fail(Failure.ADDRESS_REFUSED, "the address policy forbids to connect there")
        return None

    async def _connect(self, address: str) -> bool:
        """Open TCP, and then TLS on top, so that the two fail with different messages."""
        try:
            stream = await _BACKEND.connect_tcp(address, self._target.port)
        except httpcore2.ConnectError:
            self.fail(Failure.CONNECTION_FAILED, f"nothing accepts connections at {address}")
            return False
        self._stream = stream
        self.finding = replace(self.finding, connected=True)
        if self._target.scheme != "https":
            return True
        try:
            self._stream = await stream.start_tls(_context(), self._target.hostname)
        except (httpcore2.ConnectError, OSError, ValueError):
            self.fail(
                Failure.TLS_FAILED,
                f"the TLS handshake for {self._target.hostname} failed: "
                "usually the proxy has no certificate for it",
            )
            return False
        self._read_certificate(self._stream.get_extra_info("ssl_object"))
        return True

    def _read_certificate(self, tls: ssl.SSLObject) -> None:
        from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - large, and only here

        der = tls.getpeercert(binary_form=True) or b""
        self.finding = replace(self.finding, fingerprint=hashlib.sha256(der).hexdigest())
        with contextlib.suppress(ValueError):
            serial = load_der_x509_certificate(der).serial_number
            self.finding = replace(self.finding, serial=hex_serial(serial))

    async def _ask(self) -> None:
        """Send one request and read the answer; the body is cut at 64 KiB."""
        if self._stream is None:
            return
        request = _request(self._target)
        connection = httpcore2.AsyncHTTP11Connection(request.url.origin, self._stream)
        response = await connection.handle_async_request(request)
        if sum(len(name) + len(value) + 4 for name, value in response.headers) > _MAX_HEAD:
            raise ValueError("the head is too large")
        body = b""
        self._note(response.status, body)
        # A deadline from here on leaves an answer whose body was cut, not a failure.
        async with contextlib.aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                body = (body + chunk)[:_MAX_BODY]
                self._note(response.status, body)
                if len(body) == _MAX_BODY:
                    break

    def _note(self, status: int, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()
        self.finding = replace(self.finding, status=status, body_sha256=digest)


@cache
def _context() -> ssl.SSLContext:
    """Return what every handshake begins with, made once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _request(target: ProbeTarget) -> httpcore2.Request:
    """Return the request; raises ValueError for text that would be more than one request line."""
    parts = (target.hostname, target.path)
    if not all(part.isascii() and part.isprintable() and " " not in part for part in parts):
        raise ValueError("host and path must be printable ASCII without spaces")
    return httpcore2.Request(
        "GET",
        httpcore2.URL(
            scheme=target.scheme, host=target.hostname, port=target.port, target=target.path
        ),
        headers=[
            ("Host", target.hostname),
            ("User-Agent", _AGENT),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
