"""A DNS host that speaks Domain Connect over HTTPS on loopback, as the specification shows it.

It has zones and templates, and its apply page does what the draft says a DNS host does: it looks the
public key up in the DNS, verifies the query as it came, and renders the template into records.
"""

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

Record = tuple[str, str, str]
"""Absolute name, type, value."""


class DnsHost:
    """Serves `zones` and `templates` at `host`; `look_up` returns the TXT records of a name."""

    def __init__(self, host: str, folder: Path, look_up: Callable[[str], list[str]]) -> None:
        self.host = host
        self.zones: set[str] = set()
        self.templates: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {
            "providerId": "virtucondomains.example",
            "providerName": "Virtucon Domains",
            "providerDisplayName": "Virtucon",
            "urlSyncUX": f"https://{host}/sync",
            "urlAPI": f"https://{host}/api",
            "urlControlPanel": "https://panel.virtucondomains.example/?domain=%domain%",
            "nameServers": ["ns1.virtucondomainsdns.example"],
            "width": 750,
            "vnd.virtucon.color": "blue",
        }
        self.asked: list[str] = []
        self._look_up = look_up
        server_tls, self.client_tls = certified(folder, host)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = server_tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        settings = re.fullmatch(r"/dc/v2/([^/]+)/settings", path)
        if settings:
            held = settings[1] in self.zones
            return (200, json.dumps(self.settings).encode()) if held else (404, b"")
        template = self.templates.get(path.removeprefix("/api"))
        return (404, b"") if template is None else (200, b'{"version": 1}')

    def consent(self, url: str) -> list[Record]:
        """Do what the DNS host does when its customer confirms; raise for a bad link."""
        parts = urlsplit(url)
        assert parts.netloc == self.host
        template = self.templates[parts.path.removeprefix("/sync").removesuffix("/apply")]
        signed = "&".join(
            pair for pair in parts.query.split("&") if pair.partition("=")[0] not in {"sig", "key"}
        )
        given = dict(parse_qsl(parts.query, strict_parsing=True))
        key = self._public_key(f"{given.pop('key')}.{template['syncPubKeyDomain']}")
        signature = base64.b64decode(given.pop("sig"), validate=True)
        try:
            key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise ValueError("the signature does not fit the query") from None
        assert unquote(signed).isprintable()
        return _rendered(template, given)

    def _public_key(self, name: str) -> rsa.RSAPublicKey:
        fragments: dict[int, str] = {}
        for text in self._look_up(name):
            pairs = dict(pair.split("=", 1) for pair in text.split(","))
            assert pairs.get("a", "RS256") == "RS256"
            fragments[int(pairs["p"])] = pairs["d"]
        encoded = "".join(fragments[number] for number in sorted(fragments))
        key = serialization.load_der_public_key(base64.b64decode(encoded, validate=True))
        assert isinstance(key, rsa.RSAPublicKey)
        return key


def _rendered(template: dict[str, Any], given: dict[str, str]) -> list[Record]:
    """Render the active groups (sections "Variable substitution" and "Host Name Rendering")."""
    domain, host = given.pop("domain"), given.pop("host", "")
    groups = given.pop("groupId").split(",")
    scope = f"{host}.{domain}" if host else domain
    records = []
    for one in template["records"]:
        if one["groupId"] not in groups:
            continue
        value = re.sub(r"%([\w-]+)%", lambda m: given[m[1]], one.get("data") or one["pointsTo"])
        name = scope if one["host"] in {"", "@"} else f"{one['host']}.{scope}"
        records.append((name, one["type"], value))
    return records


def _handler(host: DnsHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = host.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def certified(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context for `host`, and a client's that trusts only that one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    place = folder / f"{host}.pem"
    place.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(place)
    return server, ssl.create_default_context(cadata=pem.decode())
