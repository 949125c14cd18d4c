"""An ACME authority that costs next to nothing: it believes every signature, nonce and proof.

It stands for an authority on other machines, whose work is none of this one's: plain HTTP, one process
without threads, and about a tenth of a millisecond for each request. Benchmarks use it where Pebble,
which shares the processors with what is measured, would be what they measure.
"""

import argparse
import asyncio
import itertools
import json
import sys
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.servers.process import Server, free_port, listens

_TOKEN = "a" * 43
_ROOT = Path(__file__).parents[2]


class LightAcme:
    """The authority in a process of its own.

    With `is_pending` it never decides on a proof. Each answer comes `delay` seconds late, as over a
    distance.
    """

    def __init__(self, folder: Path, *, is_pending: bool = False, delay: float = 0.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.directory_url = f"http://127.0.0.1:{port}/dir"
        options = ["--port", str(port), "--delay", str(delay)]
        self._server = Server(
            [sys.executable, "-m", __name__, *options, *(["--pending"] if is_pending else [])],
            folder,
            ready=lambda: listens(port),
            env={"PYTHONPATH": str(_ROOT)},
        )
        self.pid = self._server.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


@dataclass(slots=True)
class _Order:
    names: list[str]
    is_ready: bool = False
    told: set[int] = field(default_factory=set)
    chain: bytes = b""

    @property
    def status(self) -> str:
        return "valid" if self.chain else "ready" if self.is_ready else "pending"


Answer = tuple[int, dict[str, str], bytes]


class _Authority:
    """What it answers."""

    def __init__(self, base: str, *, is_pending: bool) -> None:
        self._base, self._is_pending = base, is_pending
        self._orders: dict[str, _Order] = {}
        self._numbers = itertools.count(1)
        self._signer = _Signer()
        resources = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
        self._directory = {name: f"{base}/{path}" for name, path in resources.items()}
        self._directory["revokeCert"] = f"{base}/revoke"

    def answer(self, path: str, payload: Any) -> Answer:
        """Answer one request, of which the path and the signed message are known."""
        kind, _, rest = path.lstrip("/").partition("/")
        match kind:
            case "dir":
                return _json(200, self._directory)
            case "nonce":
                return 200, {}, b""
            case "account":
                return _json(200, {"status": "valid"}, f"{self._base}/account/1")
            case "order" if not rest:
                return self._created([one["value"] for one in payload["identifiers"]])
        number, _, place = rest.partition("/")
        return self._of_order(kind, number, int(place or 0), payload)

    def _created(self, names: list[str]) -> Answer:
        number = str(next(self._numbers))
        self._orders[number] = _Order(names)
        return _json(201, self._order(number), f"{self._base}/order/{number}")

    def _of_order(self, kind: str, number: str, place: int, payload: Any) -> Answer:
        order = self._orders[number]
        match kind:
            case "authorization":
                return _json(200, self._authorization(number, place))
            case "challenge":
                order.told.add(place)
                order.is_ready = len(order.told) == len(order.names) and not self._is_pending
                return _json(200, self._challenge(number, place))
            case "certificate":
                return 200, {"Content-Type": "application/pem-certificate-chain"}, order.chain
            case "finalize":
                csr = urlsafe_b64decode(payload["csr"] + "==")
                order.chain = self._signer.chain(csr, order.names)
        return _json(200, self._order(number))

    def _order(self, number: str) -> dict[str, Any]:
        order = self._orders[number]
        places = range(len(order.names))
        return {
            "status": order.status,
            "identifiers": [{"type": "dns", "value": name} for name in order.names],
            "authorizations": [f"{self._base}/authorization/{number}/{n}" for n in places],
            "finalize": f"{self._base}/finalize/{number}",
            **({"certificate": f"{self._base}/certificate/{number}"} if order.chain else {}),
        }

    def _authorization(self, number: str, place: int) -> dict[str, Any]:
        order = self._orders[number]
        return {
            "status": "valid" if order.is_ready else "pending",
            "identifier": {"type": "dns", "value": order.names[place]},
            "challenges": [self._challenge(number, place)],
        }

    def _challenge(self, number: str, place: int) -> dict[str, str]:
        order = self._orders[number]
        status = "valid" if order.is_ready else "processing" if place in order.told else "pending"
        url = f"{self._base}/challenge/{number}/{place}"
        return {"type": "http-01", "url": url, "token": _TOKEN, "status": status}


class _Signer:
    """Signs whatever it is given."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Light authority")])
        self._now = datetime.now(UTC)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        root = self._builder(self._name, self._key.public_key())
        root = root.add_extension(constraints, critical=True)
        self._root = root.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _builder(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(hours=1))
            .not_valid_after(self._now + timedelta(days=90))
        )

    def chain(self, csr: bytes, names: list[str]) -> bytes:
        key = x509.load_der_x509_csr(csr).public_key()
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        leaf = self._builder(x509.Name([]), key).add_extension(alternatives, critical=True)
        return leaf.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM) + self._root


def _json(status: int, value: object, location: str = "") -> Answer:
    headers = {"Content-Type": "application/json"}
    if location:
        headers["Location"] = location
    return status, headers, json.dumps(value).encode()


class _Connection(asyncio.Protocol):
    """One HTTP connection, whose requests are answered one after the other."""

    def __init__(self, authority: _Authority, delay: float, nonces: "itertools.count[int]") -> None:
        self._authority, self._delay, self._nonces = authority, delay, nonces
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = lines[0].split(" ")
        answer = self._answer(method, path, rest[:length])
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        payload = json.loads(body)["payload"] if body else ""
        message = json.loads(urlsafe_b64decode(payload + "==")) if payload else None
        status, headers, content = self._authority.answer(path, message)
        headers |= {
            "Replay-Nonce": f"nonce{next(self._nonces)}",
            "Content-Length": str(len(content)),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sent = b"" if method == "HEAD" else content
        return f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode() + sent


async def _serve(port: int, delay: float, *, is_pending: bool) -> None:
    authority = _Authority(f"http://127.0.0.1:{port}", is_pending=is_pending)
    nonces = itertools.count(1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(authority, delay, nonces), "127.0.0.1", port, backlog=256
    )
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--pending", action="store_true")
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.delay, is_pending=options.pending))


if __name__ == "__main__":
    main()
