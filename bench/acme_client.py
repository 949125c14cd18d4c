"""Certificates per second and CPU per certificate of the ACME adapter alone, against Pebble.

    python -m bench.acme_client [certificates] [threads]

Pebble neither sleeps, refuses nonces, reuses authorizations nor looks at proofs, so that the client
is what is measured. Beside it, on the same server, the least that any client must do: a bare one
made of http.client, json and one signature per request. No database on either side.
"""

import http.client
import json
import resource
import ssl
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import certificates, keys
from nameplate.core.orders import OrderStatus
from nameplate.core.secret import Secret

POLL = 0.01
STALLED = 20.0
"""Seconds without an answer after which Pebble is given up: at times it stops for good (its issue 554)."""


def adapter(authority: AcmeAuthority, name: str) -> bytes:
    """Issue one certificate through the port, as a worker would."""
    order = authority.order([name])
    authority.respond(next(c for c in order.challenges if c.type == "http-01"))
    key = keys.new_key()
    request = certificates.csr(key, [name])
    while (order := authority.refresh(order.url)).status is not OrderStatus.READY:
        time.sleep(POLL)
    order = authority.finalize(order, request)
    while order.status is not OrderStatus.VALID:
        time.sleep(POLL)
        order = authority.refresh(order.url)
    return authority.download(order)


class Bare:
    """The least that issues a certificate."""

    def __init__(self, directory_url: str, key: Secret, account_url: str, verify: str) -> None:
        self.key: Any = keys.load(key)
        self.account_url = account_url
        self.host = urlsplit(directory_url).netloc
        self.context = ssl.create_default_context(cafile=verify)
        self.local = local()
        self.directory = json.loads(self.send("GET", directory_url, None)[1])

    def send(self, method: str, url: str, body: bytes | None) -> tuple[Any, bytes]:
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPSConnection(
                self.host, context=self.context, timeout=STALLED
            )
        connection = self.local.connection
        connection.request(
            method, urlsplit(url).path, body, {"Content-Type": "application/jose+json"}
        )
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        self.local.nonce = answer.headers["Replay-Nonce"]
        return answer.headers, content

    def post(self, url: str, message: dict[str, Any] | None) -> tuple[Any, bytes]:
        if getattr(self.local, "nonce", None) is None:
            self.send("HEAD", self.directory["newNonce"], None)
        head = {"alg": "ES256", "kid": self.account_url, "nonce": self.local.nonce, "url": url}
        protected = _b64(json.dumps(head).encode())
        payload = "" if message is None else _b64(json.dumps(message).encode())
        signature = self.key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
        pair = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(signature))
        jws = {"protected": protected, "payload": payload, "signature": _b64(pair)}
        return self.send("POST", url, json.dumps(jws).encode())

    def issue(self, name: str) -> bytes:
        wanted = {"identifiers": [{"type": "dns", "value": name}]}
        headers, body = self.post(self.directory["newOrder"], wanted)
        url, order = headers["Location"], json.loads(body)
        proof = json.loads(self.post(order["authorizations"][0], None)[1])
        chosen = next(c for c in proof["challenges"] if c["type"] == "http-01")
        self.post(chosen["url"], {})
        key = ec.generate_private_key(ec.SECP256R1())
        request = (
            x509.CertificateSigningRequestBuilder(x509.Name([]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
            .sign(key, hashes.SHA256())
        )
        while json.loads(self.post(url, None)[1])["status"] != "ready":
            time.sleep(POLL)
        self.post(order["finalize"], {"csr": _b64(request.public_bytes(Encoding.DER))})
        while (order := json.loads(self.post(url, None)[1]))["status"] != "valid":
            time.sleep(POLL)
        return self.post(order["certificate"], None)[1]


def _b64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def measure(label: str, issue: Callable[[str], bytes], count: int, threads: int) -> float:
    """Issue `count` certificates in `threads` threads, print and return certificates per second."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(issue, (f"warm{n}.{label}.example.com" for n in range(threads))))
        cpu, start = time.process_time(), time.perf_counter()
        done = list(pool.map(issue, (f"n{n}.{label}.example.com" for n in range(count))))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert all(b"BEGIN CERTIFICATE" in pem for pem in done)
    rate = count / seconds
    print(f"{label:8} {rate:7.1f} certificates/s  {cpu / count * 1000:6.2f} ms CPU each")
    return rate


def main(count: int = 300, threads: int = 8) -> None:
    """Measure both clients on one Pebble and print the ratio."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with (
            ChallTestSrv(folder / "dns") as dns,
            Pebble(folder / "ca", dns_server=dns.dns_server, always_valid=True) as pebble,
        ):
            key, verify = keys.new_key(), str(pebble.ca_bundle)
            account = accounts.register(pebble.directory_url, key, verify=verify)
            authority = AcmeAuthority(pebble.directory_url, key, account, verify=verify)
            bare = Bare(pebble.directory_url, key, account, verify)
            lowest = measure("bare", bare.issue, count, threads)
            ours = measure("adapter", lambda name: adapter(authority, name), count, threads)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"adapter / bare {ours / lowest:.0%}; {threads} threads, peak memory {memory:.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
