"""The key of a claim, whose authorization answers challenges in the forms of RFC 8555 section 8."""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from josepy.b64 import b64encode

_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class ChallengeAnswer:
    """What answers the challenge of one claim.

    Its key is made of the verification's token, and of no other: with one key for all claims a server
    that answers every challenge with the key's thumbprint would prove its name for anybody. Who sees
    the challenge's token, in a request, cannot tell the thumbprint.
    """

    token: str
    """Part of the path of http-01."""
    key_authorization: str

    @property
    def digest(self) -> str:
        """The value of the TXT record of dns-01."""
        return _text(hashlib.sha256(self.key_authorization.encode()).digest())


def answer(verification_token: str) -> ChallengeAnswer:
    """Return the answer for a verification. Pure."""
    secret = verification_token.encode()
    token = _text(hashlib.sha256(b"nameplate acme token " + secret).digest()[:_TOKEN_BYTES])
    key = Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(b"nameplate acme key " + secret).digest()
    )
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return ChallengeAnswer(token, f"{token}.{thumbprint(public)}")


def thumbprint(public_key: bytes) -> str:
    """Return the thumbprint of an Ed25519 key (RFC 7638, RFC 8037 appendix A.3)."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{_text(public_key)}"}}'
    return _text(hashlib.sha256(jwk.encode()).digest())


def _text(data: bytes) -> str:
    return b64encode(data).decode()
