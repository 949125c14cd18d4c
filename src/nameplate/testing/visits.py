"""Visiting a real proxy as a browser would, and key pairs for it to present."""

import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from nameplate.core.secret import Secret
from nameplate.core.serials import hex_serial
from nameplate.ports.proxy import EDGE_HEADER, KeyPair

_numbers = count(1)
_LIFETIME = timedelta(hours=-1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visitor saw; `status` is None when the connection was closed or rejected."""

    status: int | None
    origin: int | None = None
    """Port of the origin that answered."""
    location: str = ""
    hsts: str = ""
    serial: str = ""
    """Serial number of the presented certificate, lower-case hexadecimal."""
    body: bytes = b""
    edge: bool = False
    """The answer carries the mark of our own proxies."""


def self_signed(
    *names: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    lifetime: tuple[timedelta, timedelta] = _LIFETIME,
) -> tuple[KeyPair, str]:
    """Return a new self-signed key pair for `names` and its serial number, hexadecimal.

    `lifetime` is from when to when it is valid, from now.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "conformance")])
    now = datetime.now(UTC)
    serial = x509.random_serial_number()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now + lifetime[0])
        .not_valid_after(now + lifetime[1])
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    bundle = certificate.public_bytes(Encoding.PEM).decode()
    return KeyPair(f"crt_{next(_numbers)}", bundle, Secret(pem)), hex_serial(serial)


def _secured(sock: socket.socket, name: str, newest: ssl.TLSVersion | None) -> ssl.SSLSocket:
    """Make a connection one of TLS, whatever certificate is presented."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if newest is not None:
        context.maximum_version = newest
    return context.wrap_socket(sock, server_hostname=name or None)


def visit(
    address: tuple[str, int],
    hostname: str,
    path: str = "/",
    *,
    scheme: str = "https",
    sni: str | None = None,
    newest: ssl.TLSVersion | None = None,
) -> Visit:
    """Send one request to a real proxy, with at most this version of TLS.

    The origin tells its port in `X-Origin`.
    """
    serial = ""
    sock = socket.create_connection(address, timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as every browser does
    try:
        if scheme == "https":
            sock = tls = _secured(sock, hostname if sni is None else sni, newest)
            der = tls.getpeercert(binary_form=True) or b""
            serial = hex_serial(x509.load_der_x509_certificate(der).serial_number)
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n\r\n".encode()
        )
        raw = b"".join(iter(lambda: sock.recv(65536), b""))
    except OSError:
        return Visit(None, serial=serial)
    finally:
        sock.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 "):
        return Visit(None, serial=serial)
    text = head.decode("latin-1")
    fields = {name.lower(): value for name, value in re.findall(r"(?m)^([\w-]+): *(.*?)\r?$", text)}
    return Visit(
        status=int(text.split()[1]),
        origin=int(fields["x-origin"]) if "x-origin" in fields else None,
        location=fields.get("location", ""),
        hsts=fields.get("strict-transport-security", ""),
        serial=serial,
        body=body,
        edge=EDGE_HEADER.lower() in fields,
    )
