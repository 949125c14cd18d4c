"""Looking at a host as a visitor would, but through one given address."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from nameplate.core.serials import same_form


class Failure(StrEnum):
    """Why a look ended without a complete HTTP answer."""

    ADDRESS_REFUSED = "address_refused"
    """Our own policy forbids this address; nothing was sent."""
    UNRESOLVED = "unresolved"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    """The handshake was rejected or broken: usually no certificate for this name."""
    CLOSED = "closed"
    """The connection ended before an answer."""
    MALFORMED = "malformed"
    """The answer is not HTTP/1.1 (RFC 9112) or its head is too large."""
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """What to look at: `hostname` goes into SNI and Host, `address` is where to connect."""

    address: str
    port: int
    hostname: str
    path: str = "/"
    scheme: str = "https"
    expected_serial: str | None = None
    """Serial number of the certificate that should be presented, hexadecimal."""
    timeout: float | None = None
    """Seconds for this look, when it is to be shorter than the prober's own deadline."""
    is_tenants: bool = False
    """A tenant wrote the address: it is dialled only if the egress policy allows all it leads to."""
    is_upstream: bool = False
    """The operator wrote the address of an application: private ones are dialled, those where clouds hand
    out credentials never."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one look saw. Whatever the other side does is a value here, never an exception."""

    target: ProbeTarget
    failure: Failure | None = None
    message: str = ""
    """What failed, in one sentence for a person; never a byte of the answer."""
    connected: bool = False
    serial: str | None = None
    """Serial number of the presented leaf, as `core.serials.hex_serial` writes it."""
    fingerprint: str | None = None
    """SHA-256 of the presented leaf (DER), lower-case hexadecimal."""
    status: int | None = None
    body_sha256: str = ""
    """Digest of the body, or of its first 64 KiB."""
    seconds: float = 0.0
    """From the start until the answer or the failure."""

    @property
    def serial_matches(self) -> bool:
        """The expected certificate was presented; true when none was expected."""
        wanted = self.target.expected_serial
        return wanted is None or self.serial == same_form(wanted)

    @property
    def answered(self) -> bool:
        """A complete answer came, with the right certificate, and the server did not fail (5xx)."""
        return self.status is not None and self.status < 500 and self.serial_matches  # noqa: PLR2004  # RFC 9110 section 15.6


class Prober(Protocol):
    """Something that can look. May be called from several threads; never raises for what it sees."""

    def look(self, target: ProbeTarget) -> ProbeResult:
        """Connect, read one bounded answer within a deadline, and tell what was seen."""
        ...

    def look_many(self, targets: Sequence[ProbeTarget]) -> Sequence[ProbeResult]:
        """Look at all targets at once; the findings are in the order of the targets."""
        ...
