"""Signing in by an identity provider: whose answer counts, whom it lets in, and where it leads."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.api.browser import Browser
from tests.api.client import LOCAL, Answer, Api
from tests.fakes import oidc
from tests.fakes.oidc import CLIENT, SECRET, Provider

from nameplate.adapters import oidc as adapter
from nameplate.adapters.oidc import OidcClient, OidcProvider
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.secret import Secret

START = "/v1/session/oidc"


@pytest.fixture
def there() -> Iterator[Provider]:
    with oidc.running() as provider:
        yield provider


@pytest.fixture
def with_provider(api: Api, there: Provider) -> Api:
    client = OidcClient(there.issuer, CLIENT, Secret(SECRET), "Acme login")
    provider = OidcProvider(client, lambda: datetime.now(UTC))
    tools = replace(api.tools, identity_provider=provider)
    app = create(api.sessions, tools, local_token=Secret(LOCAL))
    return replace(api, tools=tools, transport=InProcess(app))


def _began(browser: Browser, return_to: str = "/") -> str:
    answer = browser.send("GET", f"{START}?return_to={quote(return_to, safe='')}")
    assert answer.status == 303
    return answer.headers["location"]


def _back(browser: Browser, query: dict[str, Any]) -> Answer:
    return browser.send("GET", f"{START}/callback?{urlencode(query)}")


def test_a_person_is_let_in_and_known_by_the_subject_from_then_on(
    with_provider: Api, there: Provider
) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    browser = Browser(with_provider)
    assert browser.get("/v1/session:methods")["oidc"] == "Acme login"
    back = there.authorize(_began(browser, "/domains?status=live#top"))
    assert browser.attributes["nameplate-oidc"]["httponly"] is True
    answer = _back(browser, back)
    assert (answer.status, answer.headers["location"]) == (303, "/domains?status=live#top")
    assert browser.get("/v1/session")["user"]["email"] == "ada@example.com"
    assert "nameplate-oidc" not in browser.cookies
    there.email = "ada.byron@example.com"
    again = Browser(with_provider)
    _back(again, there.authorize(_began(again)))
    assert again.get("/v1/session")["user"]["email"] == "ada@example.com"
    there.subject, there.email = "somebody-else", "ada@example.com"
    other = Browser(with_provider)
    refused = _back(other, there.authorize(_began(other)))
    assert refused.headers["location"] == "/sign-in?error=user_unknown"
    assert "nameplate-session" not in other.cookies


def test_an_address_that_nobody_verified_is_nobodys(with_provider: Api, there: Provider) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    there.email_verified = False
    browser = Browser(with_provider)
    answer = _back(browser, there.authorize(_began(browser)))
    assert answer.headers["location"] == "/sign-in?error=user_unknown"


def test_an_answer_for_another_browser_counts_nothing(with_provider: Api, there: Provider) -> None:
    """The attacker's answer in the victim's browser would sign the victim in as the attacker."""
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    attacker, victim = Browser(with_provider), Browser(with_provider)
    planted = there.authorize(_began(attacker))
    assert _back(victim, planted).headers["location"] == "/sign-in?error=identity_refused"
    _began(victim)
    assert _back(victim, planted).headers["location"] == "/sign-in?error=identity_refused"
    assert "nameplate-session" not in victim.cookies
    assert "/token" not in there.asked
    mine = there.authorize(_began(victim))
    for wrong in ({"state": "0" * 64}, {"iss": "https://evil.example"}, {"error": "access_denied"}):
        answer = _back(victim, mine | wrong)
        assert answer.headers["location"] == "/sign-in?error=identity_refused"
        mine = there.authorize(_began(victim))
    assert _back(victim, mine).headers["location"] == "/"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "javascript:alert(1)", "evil.example", "/a\r\nSet-Cookie: x=1",
        "/%0d%0a\n", "", "/" + "a" * 600, "/ä",
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(with_provider: Api, there: Provider, elsewhere: str) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    browser = Browser(with_provider)
    answer = _back(browser, there.authorize(_began(browser, elsewhere)))
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_a_provider_that_is_away_is_said(with_provider: Api, there: Provider, api: Api) -> None:
    there.is_away = True
    browser = Browser(with_provider)
    assert _began(browser) == "/sign-in?error=identity_provider_unavailable"
    assert Browser(api).send("GET", START).headers["location"] == (
        "/sign-in?error=identity_provider_missing"
    )
    assert Browser(api).get("/v1/session:methods") == {"password": True, "oidc": None}


def test_a_login_begins_a_session_that_nobody_knew_before(
    with_provider: Api, there: Provider
) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    planted = "chosen-by-an-attacker-0123456789abcdefghij"
    browser = Browser(with_provider, {"nameplate-session": planted})
    _back(browser, there.authorize(_began(browser)))
    first = browser.cookies["nameplate-session"]
    assert first != planted
    assert (
        Browser(with_provider, {"nameplate-session": planted}).send("GET", "/v1/session").status
        == 401
    )
    _back(browser, there.authorize(_began(browser)))
    assert browser.cookies["nameplate-session"] != first
    assert (
        Browser(with_provider, {"nameplate-session": first}).send("GET", "/v1/session").status
        == 401
    )
    assert browser.get("/v1/session")["user"]["email"] == "ada@example.com"


def test_a_provider_that_goes_away_on_the_way_lets_nobody_in(
    with_provider: Api, there: Provider
) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    browser = Browser(with_provider)
    back = there.authorize(_began(browser))
    there.is_away = True
    answer = _back(browser, back)
    assert answer.headers["location"] == "/sign-in?error=identity_provider_unavailable"
    assert "nameplate-session" not in browser.cookies
    there.is_away = False
    again = _back(browser, back)  # the question is over: another answer is not waited for
    assert again.headers["location"] == "/sign-in?error=identity_refused"


def test_keys_that_change_between_two_logins_are_read_again(
    with_provider: Api, there: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_provider.post("/v1/users", {"email": "ada@example.com"})
    first = Browser(with_provider)
    _back(first, there.authorize(_began(first)))
    there.rotate()
    monkeypatch.setattr(adapter, "_KEYS_AGAIN", timedelta(0))
    second = Browser(with_provider)
    assert _back(second, there.authorize(_began(second))).headers["location"] == "/"
    assert second.get("/v1/session")["user"]["email"] == "ada@example.com"
