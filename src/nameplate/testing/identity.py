"""What every `IdentityProvider` must do, before a provider that the test can be at."""

import dataclasses
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.ports.identity import IdentityProvider, IdentityQuestion

Visit = Callable[[str], tuple[str, str | None]]
"""Goes to the address as a browser does, signs in as `ada@example.com`, and returns code and issuer."""


class IdentityProviderConformance:
    """Subclass it with fixtures `provider`, `visit` and `question`."""

    def test_who_was_asked_is_known(
        self, provider: IdentityProvider, visit: Visit, question: IdentityQuestion
    ) -> None:
        """The address asks for a code with PKCE, and the answer names the person."""
        assert provider.name
        address = provider.address(question)
        asked = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["state"] == question.state
        assert asked["code_challenge_method"] == "S256"
        assert question.verifier.reveal() not in address
        found = provider.identity(question, *visit(address))
        assert found.email == "ada@example.com"
        assert found.subject

    def test_an_answer_to_another_question_is_refused(
        self, provider: IdentityProvider, visit: Visit, question: IdentityQuestion
    ) -> None:
        """A code of another login, or of another browser, names nobody."""
        for other in (
            dataclasses.replace(question, nonce="another"),
            dataclasses.replace(question, verifier=Secret("v" * 64)),
        ):
            code, issuer = visit(provider.address(question))
            with pytest.raises(Refused) as refused:
                provider.identity(other, code, issuer)
            assert refused.value.code == "identity_refused"
