"""Which certificates a server presents, whatever they are worth: nothing is verified here."""

import socket
import ssl
from collections.abc import Sequence
from typing import Any

from nameplate.core.errors import Unavailable


def certificates(host: str, address: str, port: int, timeout: float = 10.0) -> Sequence[bytes]:
    """Return what the server at `address` presents for `host` (SNI), each as DER, as it sends them.

    Raises `Unavailable` with `tls_failed`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # weak certificates are to be seen, too
    try:
        with (
            socket.create_connection((address, port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return _chain(secure)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "no answer"
        raise Unavailable(
            "tls_failed", f"{address} port {port} presents no certificate for {host}: {reason}."
        ) from None


def _chain(secure: ssl.SSLSocket) -> list[bytes]:
    # Public as `SSLSocket.get_unverified_chain` from Python 3.13 on.
    public = getattr(secure, "get_unverified_chain", None)
    if public is not None:
        return list(public())
    inner: Any = secure._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - as said above
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain()]
