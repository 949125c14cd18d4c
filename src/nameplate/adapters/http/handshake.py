"""What one address presents in a TLS handshake, for a host that somebody else chose."""

import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import ip_address

import httpcore2

from nameplate.adapters.http.outcome import Stopped
from nameplate.adapters.http.pinned import Deadline, PinnedBackend
from nameplate.core.egress import Detour, EgressPolicy
from nameplate.ports.fetcher import Fetched, HttpOutcome

_PORT = 443
_MAX_BYTES = 64 * 1024


def presenter(
    policy: EgressPolicy, deadline: timedelta, detours: Sequence[Detour] = ()
) -> Callable[[str, str, Sequence[str], int | None], Fetched]:
    """Return what shakes hands with `(address, host, protocols, port)` and returns the certificate (DER).

    `detours` are the operator's word: what they lead to is not vetted. Every end is a value.
    """

    def present(address: str, host: str, protocols: Sequence[str], port: int | None) -> Fetched:
        detour = next((one for one in detours if ip_address(address) in one.network), None)
        if detour is not None:
            address = detour.address
        elif policy.refusal(address):
            return Fetched(HttpOutcome.ADDRESS_REFUSED)
        try:
            left = Deadline(deadline.total_seconds())
            return _shake(
                PinnedBackend([address], port or _PORT, left, _MAX_BYTES), host, protocols
            )
        except Stopped as stopped:
            return Fetched(stopped.outcome)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError, ValueError):
            return Fetched(HttpOutcome.TLS_FAILED)

    return present


def _shake(backend: PinnedBackend, host: str, protocols: Sequence[str]) -> Fetched:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the answer is compared with what we expect
    context.set_alpn_protocols(list(protocols))
    stream = backend.connect_tcp(host, _PORT)
    try:
        stream = stream.start_tls(context, host)
        tls = stream.get_extra_info("ssl_object")
        if tls.selected_alpn_protocol() != protocols[0]:
            return Fetched(HttpOutcome.TLS_FAILED)
        der = tls.getpeercert(True)
        return Fetched(HttpOutcome.ANSWERED, body=der or b"")
    finally:
        stream.close()
