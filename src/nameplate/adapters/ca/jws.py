"""Signatures of requests (RFC 8555 section 6.2): flattened JWS of RFC 7515 with an account's key.

josepy could do it, and takes four times as long: a certificate needs seven of them.
"""

import json
import re
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from josepy.jwk import JWK, JWKEC, JWKRSA

from nameplate.adapters.ca import problems
from nameplate.core import keys
from nameplate.core.secret import Secret

_NONCE = re.compile(r"[A-Za-z0-9_-]+")


class Signer:
    """One account key, and how the server knows it: by its URL, or by the key itself before that."""

    def __init__(self, account_key: Secret, account_url: str | None) -> None:
        """Load the key (PEM). Raises `Invalid` as `keys.load` does."""
        self.key = account_key
        self._key = keys.load(account_key)
        self.account_url = account_url
        self.jwk: JWK = (
            JWKEC(key=self._key)
            if isinstance(self._key, ec.EllipticCurvePrivateKey)
            else JWKRSA(key=self._key)
        )
        self.thumbprint = encode(self.jwk.thumbprint())
        known: dict[str, Any] = {"kid": account_url}
        if account_url is None:
            known = {"jwk": self.jwk.public_key().to_json()}
        self._head = {"alg": self._algorithm(), **known}

    def sign(self, payload: bytes, nonce: str | None, url: str) -> bytes:
        """Return the signed request body for `url`, without nonce where it is part of another one.

        Raises `Unavailable` on a malformed nonce.
        """
        if nonce is not None and not _NONCE.fullmatch(nonce):
            raise problems.malformed("its nonce is not base64url")
        once = {} if nonce is None else {"nonce": nonce}
        head = json.dumps({**self._head, **once, "url": url}).encode()
        protected, text = encode(head), encode(payload)
        signature = encode(self._signature(f"{protected}.{text}".encode()))
        return json.dumps(
            {"protected": protected, "payload": text, "signature": signature}
        ).encode()

    def _algorithm(self) -> str:
        """Return the name of the algorithm (RFC 7518 section 3.1)."""
        if not isinstance(self._key, ec.EllipticCurvePrivateKey):
            return "RS256"
        return "ES256" if isinstance(self._key.curve, ec.SECP256R1) else "ES384"

    def _signature(self, text: bytes) -> bytes:
        if not isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        size = self._key.key_size // 8
        digest = hashes.SHA256() if isinstance(self._key.curve, ec.SECP256R1) else hashes.SHA384()
        pair = decode_dss_signature(self._key.sign(text, ec.ECDSA(digest)))
        return b"".join(number.to_bytes(size, "big") for number in pair)


def encode(content: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()
