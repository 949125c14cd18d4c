"""Another site that says who somebody is (OpenID Connect)."""

from dataclasses import dataclass
from typing import Protocol

from nameplate.core.secret import Secret


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """One login that has begun: what the provider is asked, and what its answer has to fit."""

    state: str
    nonce: str
    verifier: Secret
    """Of PKCE (RFC 7636), which nobody else can know."""
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    """What the provider calls the person, for good."""
    email: str | None
    """Only where the provider says that it has verified it."""


class IdentityProvider(Protocol):
    """May be called from several threads.

    Raises Unavailable `identity_provider_unavailable` when the provider cannot be asked, and Refused
    `identity_refused` for an answer that does not fit the question.
    """

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def address(self, question: IdentityQuestion) -> str:
        """Return the address of the provider's page to send the browser to."""
        ...

    def identity(self, question: IdentityQuestion, code: str, issuer: str | None) -> Identity:
        """Exchange a code, once; `issuer` is the `iss` of the answer (RFC 9207), where there was one."""
        ...
