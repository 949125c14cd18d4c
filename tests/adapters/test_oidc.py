"""An identity provider: what is signed has to fit, and a provider that is away is an error of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.fakes import oidc
from tests.fakes.oidc import CLIENT, SECRET, Provider

from nameplate.adapters.oidc import OidcClient, OidcProvider
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.identity import IdentityQuestion
from nameplate.testing.identity import IdentityProviderConformance, Visit

QUESTION = IdentityQuestion(
    "a-state", "a-nonce", Secret("v" * 50), "https://nameplate.example/v1/session/oidc/callback"
)


@pytest.fixture
def there() -> Iterator[Provider]:
    with oidc.running() as provider:
        yield provider


def _client(there: Provider, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Any:
    return OidcProvider(OidcClient(there.issuer, CLIENT, Secret(SECRET), "Acme login"), clock)


class TestOidcProvider(IdentityProviderConformance):
    """Against our own small provider."""

    @pytest.fixture
    def provider(self, there: Provider) -> OidcProvider:
        found: OidcProvider = _client(there)
        return found

    @pytest.fixture
    def visit(self, there: Provider) -> Visit:
        def visited(address: str) -> tuple[str, str | None]:
            back = there.authorize(address)
            return back["code"], back.get("iss")

        return visited

    @pytest.fixture
    def question(self) -> IdentityQuestion:
        return QUESTION


def _outcome(there: Provider, client: OidcProvider | None = None) -> str:
    made = client or _client(there)
    try:
        back = there.authorize(made.address(QUESTION))
        found = made.identity(QUESTION, back["code"], back.get("iss"))
    except NameplateError as error:
        return error.code
    return f"{found.subject} {found.email}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"iss": "https://evil.example"}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
        {"claims": {"nonce": "of-another-login"}},
        {"claims": {"nonce": None}},
        {"claims": {"exp": 1_700_000_000}},
        {"claims": {"sub": ""}},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"calls_itself": "https://evil.example"},
        {"says_issuer": False},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(there: Provider, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(there, name, value)
    assert _outcome(there) == "identity_refused"


def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used(there: Provider) -> None:
    client = _client(there)
    back = there.authorize(client.address(QUESTION))
    with pytest.raises(Refused):
        client.identity(QUESTION, back["code"], "https://evil.example")
    assert "/token" not in there.asked


def test_a_code_counts_once(there: Provider) -> None:
    client = _client(there)
    back = there.authorize(client.address(QUESTION))
    assert client.identity(QUESTION, back["code"], back["iss"]).subject == "person-1"
    with pytest.raises(Refused):
        client.identity(QUESTION, back["code"], back["iss"])


def test_an_address_counts_only_when_it_was_verified(there: Provider) -> None:
    assert _outcome(there) == "person-1 ada@example.com"
    there.email_verified = False
    assert _outcome(there) == "person-1 None"


def test_keys_are_read_again_when_they_change_and_not_for_every_unknown_one(
    there: Provider,
) -> None:
    at = [datetime.now(UTC)]
    client = _client(there, lambda: at[0])
    assert _outcome(there, client).startswith("person-1")
    assert there.asked.count("/keys") == 1
    there.rotate()
    assert _outcome(there, client) == "identity_refused"  # read a moment ago
    assert there.asked.count("/keys") == 1
    at[0] += timedelta(seconds=31)
    assert _outcome(there, client).startswith("person-1")
    assert there.asked.count("/keys") == 2


def test_a_provider_that_is_away_is_waited_for(there: Provider) -> None:
    client = _client(there)
    there.is_away = True
    with pytest.raises(Unavailable) as away:
        client.address(QUESTION)
    assert away.value.code == "identity_provider_unavailable"
    there.is_away = False
    assert _outcome(there, client).startswith("person-1")
