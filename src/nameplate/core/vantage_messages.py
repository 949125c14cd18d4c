"""What a control plane and its vantages say to each other: JSON, signed with a shared secret.

    POST /v1/look     {"vantage": "fra", "name": …, "type": …, "nonce": …, "at": seconds since 1970}
    200               {"zone": …, "answers": [{"kind", "server", "values", "ttl", "detail"}]}

Both have their signature in `X-Nameplate-Signature`: HMAC-SHA256, as hexadecimal digits. That of an
answer covers the nonce of its request, so that no other answer can take its place.
"""

import hmac
import json
from dataclasses import dataclass
from typing import Any, Self

from nameplate.core.secret import Secret

PATH = "/v1/look"
HEADER = "x-nameplate-signature"
MAX_REQUEST = 2048
MAX_ANSWER = 256 * 1024
WINDOW = 60
"""Seconds by which the clocks of both sides may differ, the time on the way included."""
TYPES = frozenset({"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "TXT"})
MIN_SECRET = 32
_MAX_NAME = 253
_NONCE = 32
_REQUEST, _ANSWER = b"nameplate vantage request\n", b"nameplate vantage answer\n"


@dataclass(frozen=True, slots=True)
class VantageRequest:
    """One question to one vantage."""

    vantage: str
    name: str
    rdtype: str
    nonce: str
    """32 hexadecimal digits, for this question alone."""
    at: int
    """When it was asked, in seconds since 1970."""

    def body(self) -> bytes:
        """Return it as it is sent and signed."""
        told = {
            "vantage": self.vantage,
            "name": self.name,
            "type": self.rdtype,
            "nonce": self.nonce,
            "at": self.at,
        }
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a body whose signature holds. Raises ValueError when it is no question."""
        told: Any = json.loads(body)
        if not isinstance(told, dict) or set(told) != {"vantage", "name", "type", "nonce", "at"}:
            raise ValueError("not a question")
        at = told.pop("at")
        if type(at) is not int or not all(isinstance(one, str) for one in told.values()):
            raise ValueError("not a question")
        if told["type"] not in TYPES or not 0 < len(told["name"]) <= _MAX_NAME:
            raise ValueError("not to be asked")
        if len(told["nonce"]) != _NONCE:
            raise ValueError("not a nonce")
        return cls(told["vantage"], told["name"], told["type"], told["nonce"], at)


def sign_request(secret: Secret, body: bytes) -> str:
    """Return the signature of a request."""
    return _sign(secret, _REQUEST + body)


def sign_answer(secret: Secret, nonce: str, body: bytes) -> str:
    """Return the signature of the answer to the request with this nonce."""
    return _sign(secret, _ANSWER + nonce.encode() + b"\n" + body)


def is_signed(expected: str, given: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _sign(secret: Secret, message: bytes) -> str:
    return hmac.new(secret.reveal().encode(), message, "sha256").hexdigest()
