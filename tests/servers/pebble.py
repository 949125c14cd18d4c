"""Pebble, the small ACME server of Let's Encrypt, and the DNS and HTTP server that goes with it.

Debian's pebble 2.4.0 locks up with 32 requests in flight: send it at most 8 at a time. Of Debian's
unstable distribution there is a newer one beside it, unpacked, with ARI and profiles.
"""

import json
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers.process import Server, free_port, listens, program

NEWER = "/opt/pebble-sid/usr/bin/pebble"
"""Where `make servers` unpacks the newer one."""


class Pebble:
    """A certificate authority on loopback; validates at once unless `sleep` (seconds, at most) is given.

    `nonce_reject` and `authz_reuse` are percentages. With `eab` accounts need `{key id: HMAC key}`.
    `always_valid` skips looking at proofs, for benchmarks. Names of `blocklist` are refused.
    `newer` starts the one with ARI and profiles, which maps names to their `seconds`.
    Each certificate has a chain to each of `alternate_roots`, too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dns_server: str,
        http_port: int = 5002,
        tls_port: int = 5001,
        nonce_reject: int = 0,
        sleep: int = 0,
        authz_reuse: int = 0,
        eab: dict[str, str] | None = None,
        always_valid: bool = False,
        blocklist: Sequence[str] = (),
        newer: bool = False,
        profiles: Mapping[str, int] | None = None,
        alternate_roots: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, management = free_port(), free_port()
        self.ca_bundle = folder / "api-root.pem"
        self.directory_url = f"https://127.0.0.1:{port}/dir"
        self._management = f"https://127.0.0.1:{management}"
        _write_api_certificate(folder, self.ca_bundle)
        self.api_port = port
        self.api_pair = folder / "api.pem", folder / "api.key"
        settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(folder / "api.pem"),
            "privateKey": str(folder / "api.key"),
            "httpPort": http_port,
            "tlsPort": tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": eab is not None,
            "externalAccountMACKeys": eab or {},
            "domainBlocklist": [*blocklist],
        }
        if profiles is not None:
            settings["profiles"] = {
                name: {"description": name, "validityPeriod": seconds}
                for name, seconds in profiles.items()
            }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        pace = {"PEBBLE_VA_SLEEPTIME": str(sleep)} if sleep else {"PEBBLE_VA_NOSLEEP": "1"}
        env = {
            **pace,
            "PEBBLE_VA_ALWAYS_VALID": "1" if always_valid else "0",
            "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
            "PEBBLE_AUTHZREUSE": str(authz_reuse),
            "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots),
        }
        config = ["-config", str(folder / "pebble.json"), "-dnsserver", dns_server]
        self._start = lambda: Server(
            [program(NEWER if newer else "pebble"), *config],
            folder,
            ready=lambda: listens(port) and listens(management),
            env=env,
        )
        self._server = self._start()

    def root_pem(self, number: int = 0) -> bytes:
        """Return a root of the certificates that this Pebble issues; new at each start."""
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        with urllib.request.urlopen(
            f"{self._management}/roots/{number}", context=context
        ) as answer:
            body: bytes = answer.read()
            return body

    def is_revoked(self, certificate: bytes) -> bool:
        """Tell what Pebble itself notes of a certificate (PEM) that it has issued."""
        serial = f"{x509.load_pem_x509_certificates(certificate)[0].serial_number:x}"
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        url = f"{self._management}/cert-status-by-serial/{serial}"
        with urllib.request.urlopen(url, context=context) as answer:
            return bool(json.load(answer)["Status"] == "Revoked")

    def suggest(self, certificate: bytes, document: Mapping[str, Any] | str) -> None:
        """Have ARI answer this for a certificate (PEM): JSON, or a text that is none."""
        text = document if isinstance(document, str) else json.dumps(document)
        message = {"Certificate": certificate.decode(), "ARIResponse": text}
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        data = json.dumps(message).encode()
        with urllib.request.urlopen(
            f"{self._management}/set-renewal-info/", data=data, context=context
        ) as answer:
            answer.read()

    def forget(self) -> None:
        """Start anew: accounts, orders and the root are gone, since it keeps nothing."""
        self._server.stop()
        self._server = self._start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._server.pid

    def orders(self) -> tuple[int, int]:
        """Return how many orders were made, and how many proofs were looked at in vain."""
        log = self._server.log.read_text(errors="replace")
        return log.count("Added order "), log.count(" set INVALID by completed challenge ")

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ChallTestSrv:
    """A DNS server that answers 127.0.0.1 for every name, and serves http-01 answers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        dns, management, self.http_port = free_port(), free_port(), free_port()
        self.dns_server = f"127.0.0.1:{dns}"
        self._management = f"http://127.0.0.1:{management}"
        self._server = Server(
            [
                program("pebble-challtestsrv"),
                *("-dns01", self.dns_server),
                *("-http01", f"127.0.0.1:{self.http_port}"),
                *("-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""),
                *("-management", f"127.0.0.1:{management}"),
            ],
            folder,
            ready=lambda: listens(management) and listens(self.http_port) and listens(dns),
        )

    def add_a(self, name: str, *addresses: str) -> None:
        self._post("add-a", host=name, addresses=addresses)

    def clear_a(self, name: str) -> None:
        self._post("clear-a", host=name)

    def set_txt(self, name: str, value: str) -> None:
        """Add one TXT beside those that are there (what the server calls set)."""
        self._post("set-txt", host=f"{name}.", value=value)

    def clear_txt(self, name: str) -> None:
        self._post("clear-txt", host=f"{name}.")

    def set_servfail(self, name: str) -> None:
        self._post("set-servfail", host=f"{name}.")

    def add_http01(self, token: str, content: str) -> None:
        self._post("add-http01", token=token, content=content)

    def del_http01(self, token: str) -> None:
        self._post("del-http01", token=token)

    def _post(self, path: str, **message: Any) -> None:
        data = json.dumps(message).encode()
        with urllib.request.urlopen(f"{self._management}/{path}", data=data) as answer:
            answer.read()

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _write_api_certificate(folder: Path, bundle: Path) -> None:
    """Write a root (to trust) and a certificate for 127.0.0.1 and localhost signed by it."""
    now = datetime.now(UTC)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pebble API root")])

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=7))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(key_id, critical=False)
        )

    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    root = (
        builder(root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
        .sign(root_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    leaf = (
        builder(x509.Name([]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    bundle.write_bytes(root.public_bytes(Encoding.PEM))
    (folder / "api.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "api.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
