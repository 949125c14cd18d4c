"""A small OpenID Connect provider, by its published rules: discovery, keys, code flow with PKCE.

It answers on a loopback port. What it does wrong is said by its fields.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "nameplate", "s3cret of the client"


@cache
def _key(number: int) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": f"key-{number}"})


@dataclass
class Provider:
    """One provider, and who has signed in there."""

    port: int = 0
    subject: str = "person-1"
    email: str = "ada@example.com"
    email_verified: bool = True
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims that are said otherwise than they should be."""
    algorithm: str = "RS256"
    says_issuer: bool = True
    """Whether its answer has `iss` (RFC 9207)."""
    calls_itself: str = ""
    is_away: bool = False
    keys: list[RSAKey] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    rotations: int = 0
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rotate(self) -> None:
        """Sign with another key from now on; the former one is gone."""
        self.rotations += 1
        self.keys = [_key(self.rotations)]

    def authorize(self, address: str) -> dict[str, str]:
        """Sign the person in, as its page does; return the query that the browser comes back with."""
        query = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"]}
        return back | ({"iss": self.issuer} if self.says_issuer else {})

    def answer(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, Any]:
        """Answer one request."""
        self.asked.append(path)
        if self.is_away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.calls_itself or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": True,
            }
        if path == "/keys":
            return 200, KeySet(list(self.keys)).as_dict(private=False)
        if (method, path) == ("POST", "/token"):
            return self._token(body, authorization)
        return 404, {}

    def _token(self, body: bytes, authorization: str) -> tuple[int, Any]:
        form = {name: one[0] for name, one in parse_qs(body.decode()).items()}
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        asked = self.codes.pop(form["code"], None)
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if (
            asked is None
            or pair != f"{CLIENT}:{SECRET.replace(' ', '%20')}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": self.email,
            "email_verified": self.email_verified,
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(claims)}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            texts = [base64.urlsafe_b64encode(json.dumps(one).encode()) for one in parts]
            return ".".join(text.decode().rstrip("=") for text in texts) + "."
        key: Any = self.keys[0]
        if self.algorithm == "HS256":
            key = OctKey.import_key(SECRET.ljust(32))
        header = {"alg": self.algorithm, "kid": str(self.keys[0].kid)}
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider on a free loopback port."""
    provider = Provider()
    provider.rotate()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            given = self.headers.get("authorization", "")
            status, found = provider.answer(self.command, self.path, body, given)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - as the base class calls it

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
