"""An identity provider that speaks OpenID Connect: code flow with PKCE (RFC 7636), by Authlib.

What it says of itself is read once an hour, its keys also when it signs with one that is not known yet.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from nameplate.adapters.http.client import Api, Reply
from nameplate.core.errors import Invalid, NameplateError, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.identity import Identity, IdentityQuestion

_KEPT = timedelta(hours=1)
_KEYS_AGAIN = timedelta(seconds=30)
"""How often keys are read at most, however many unknown ones are named."""
_LEEWAY = 60
_MAX_ANSWER = 1024 * 1024
_TIMEOUT = 10.0
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures by a key pair: with a shared secret, whoever knows it could vouch for anybody."""
_SUCCESS, _SERVER_ERROR = 200, 500


@dataclass(frozen=True, slots=True)
class OidcClient:
    """The provider, and what Nameplate is there."""

    issuer: str
    client_id: str
    client_secret: Secret | None
    name: str


@dataclass(frozen=True, slots=True)
class _ProviderKeys:
    """What the provider says of itself, and its keys."""

    metadata: Mapping[str, Any]
    keys: Any
    read_at: datetime


class OidcProvider:
    """Implements `IdentityProvider`."""

    def __init__(self, client: OidcClient, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._known: _ProviderKeys | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What people call it."""
        return self._client.name

    def address(self, question: IdentityQuestion) -> str:
        """Return the address of the provider's page, with everything that its answer has to fit."""
        metadata = self._current().metadata
        asked = {
            "response_type": "code",
            "scope": "openid email",
            "client_id": self._client.client_id,
            "redirect_uri": question.redirect_uri,
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": create_s256_code_challenge(question.verifier.reveal()),
            "code_challenge_method": "S256",
        }
        at = self._address(metadata, "authorization_endpoint")
        return f"{at}{'&' if '?' in at else '?'}{urlencode(asked, quote_via=quote)}"

    def identity(self, question: IdentityQuestion, code: str, issuer: str | None) -> Identity:
        """Exchange a code, and read what the provider signed. Raises as the port says."""
        known = self._current()
        promised = known.metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._client.issuer and (issuer is not None or promised):
            raise _refused("The answer comes from another identity provider.")
        told = self._exchanged(known.metadata, question, code)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise _refused("The identity provider has signed nothing.")
        claims = self._checked(token, question.nonce)
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(
            str(claims["iss"]), str(claims["sub"]), email if isinstance(email, str) else None
        )

    def _exchanged(
        self, metadata: Mapping[str, Any], question: IdentityQuestion, code: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": question.redirect_uri,
            "code_verifier": question.verifier.reveal(),
            "client_id": self._client.client_id,
        }
        headers: dict[str, Secret | str] = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._client.client_secret is not None:
            pair = f"{quote(self._client.client_id)}:{quote(self._client.client_secret.reveal())}"
            headers["Authorization"] = Secret(f"Basic {b64encode(pair.encode()).decode()}")
        at = self._address(metadata, "token_endpoint")
        reply = _asked("POST", at, content=urlencode(form), headers=headers)
        if reply.status >= _SERVER_ERROR:
            raise _away(f"It answered with HTTP status {reply.status}.")
        if reply.status != _SUCCESS:
            raise _refused("The identity provider does not accept the answer. Sign in again.")
        return _object(reply)

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return what is signed, by a key of the provider, for us, in answer to this question."""
        try:
            signed = self._opened(token)
            options = {
                "iss": {"essential": True, "value": self._client.issuer},
                "aud": {"essential": True, "value": self._client.client_id},
                "sub": {"essential": True},
            }
            params = {"nonce": nonce, "client_id": self._client.client_id}
            claims = CodeIDToken(signed.claims, signed.header, options, params)
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused(
                f"What the identity provider signed does not fit ({type(error).__name__})."
            ) from None
        if not claims["sub"]:
            raise _refused("The identity provider names no subject.")
        found: Mapping[str, Any] = claims
        return found

    def _opened(self, token: str) -> Any:  # noqa: ANN401 - joserfc's own
        known = self._current()
        try:
            return jwt.decode(token, known.keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            if self._clock() - known.read_at < _KEYS_AGAIN:
                raise
        with self._lock:  # it may sign with a newer key
            self._known = self._read()
            return jwt.decode(token, self._known.keys, algorithms=_ALGORITHMS)

    def _current(self) -> _ProviderKeys:
        with self._lock:
            known = self._known
            if known is None or self._clock() - known.read_at > _KEPT:
                known = self._known = self._read()
            return known

    def _read(self) -> _ProviderKeys:
        at = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = _object(_answered("GET", at))
        if metadata.get("issuer") != self._client.issuer:
            raise _refused("The identity provider calls itself otherwise than `oidc_issuer`.")
        keys = _object(_answered("GET", self._address(metadata, "jwks_uri")))
        try:
            imported = KeySet.import_key_set(json.loads(json.dumps(keys)))
        except (JoseError, ValueError, TypeError, KeyError):
            raise _away("Its keys cannot be read.") from None
        return _ProviderKeys(metadata, imported, self._clock())

    def _address(self, metadata: Mapping[str, Any], name: str) -> str:
        """Return an address that the provider gives; it has to be as well protected as the provider."""
        found = metadata.get(name)
        if not isinstance(found, str):
            raise _refused(f"The identity provider has no `{name}`.")
        parts, own = urlsplit(found), urlsplit(self._client.issuer)
        if parts.scheme != "https" and (parts.scheme, parts.hostname) != (own.scheme, own.hostname):
            raise _refused(f"The `{name}` of the identity provider is not protected by TLS.")
        return found


def connect(
    issuer: str,
    client_id: str | None,
    client_secret: Secret | None,
    name: str,
    clock: Callable[[], datetime],
) -> OidcProvider:
    """Return the provider of an installation. Raises Invalid `setting_missing`, `setting_invalid`."""
    if client_id is None:
        raise Invalid(
            "setting_missing",
            "`oidc_issuer` needs `oidc_client_id`: what Nameplate is called there.",
        )
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
        raise Invalid(
            "setting_invalid", "`oidc_issuer` is not protected by TLS. Expected `https://`."
        )
    return OidcProvider(OidcClient(issuer, client_id, client_secret, name), clock)


def _asked(method: str, at: str, **given: Any) -> Reply:  # noqa: ANN401 - options of `Api.request`
    parts = urlsplit(at)
    try:
        api = Api(f"{parts.scheme}://{parts.netloc}", timeout=_TIMEOUT, max_body=_MAX_ANSWER)
        try:
            query = f"?{parts.query}" if parts.query else ""
            return api.request(method, f"{parts.path or '/'}{query}", **given)
        finally:
            api.close()
    except Unavailable as error:
        raise _away(error.detail) from None
    except NameplateError as error:
        raise _refused(error.detail) from None


def _answered(method: str, at: str) -> Reply:
    reply = _asked(method, at)
    if reply.status != _SUCCESS:
        raise _away(f"It answered with HTTP status {reply.status}.")
    return reply


def _object(reply: Reply) -> Mapping[str, Any]:
    try:
        found = reply.json()
    except Unavailable as error:
        raise _away(error.detail) from None
    if not isinstance(found, dict):
        raise _away("Its answer is no JSON object.")
    return found


def _away(why: str) -> Unavailable:
    return Unavailable(
        "identity_provider_unavailable", f"The identity provider cannot be asked. {why}"
    )


def _refused(why: str) -> Refused:
    return Refused("identity_refused", why)
