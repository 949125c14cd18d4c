"""Setup links: what a visitor sees, what a link is worth to anybody else, and when it ends."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import Answer, Api
from tests.api.conftest import World

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.models import SetupLink

NAME = "setup-acme.com"


def made(api: Api, domain: str = NAME, **body: Any) -> dict[str, Any]:
    if domain == NAME:
        api.post("/v1/domains", {"name": NAME})
    link: dict[str, Any] = api.post("/v1/setup-links", {"domain": domain, **body})
    return link


def path(link: dict[str, Any]) -> str:
    address: str = link["url"]
    return address[address.index("/setup/") :]


def opened(visitor: Api, link: dict[str, Any]) -> tuple[str, Api]:
    """Open a link as a browser does; return where it leads and the browser with its cookie."""
    answer = visitor.send("POST", path(link))
    assert answer.status == 303, answer.raw
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", f"Path={answer.headers['location']}"} <= set(
        cookie.split("; ")
    )
    return answer.headers["location"], visitor.with_(cookie=cookie.partition(";")[0])


def text(answer: Answer) -> str:
    return html.unescape(answer.raw.decode())


@pytest.fixture
def visitor(api: Api) -> Api:
    return api.as_(None)


def test_a_visitor_sees_what_to_publish_and_checks(world: World, visitor: Api) -> None:
    link = made(world.as_acme)
    first = visitor.send("GET", path(link))
    assert first.status == 200
    assert NAME not in text(first)
    where, browser = opened(visitor, link)
    seen = browser.send("GET", where)
    instructions = world.as_acme.get(f"/v1/domains/{NAME}")["instructions"]
    assert seen.status == 200
    for one in instructions:
        assert one["sentence"] in text(seen)
        assert all(field["value"] in text(seen) for field in one["fields"])
    assert browser.send("POST", f"{where}/check").status == 303


def test_a_page_is_loaded_again_by_itself_only_when_asked(world: World, visitor: Api) -> None:
    """What changes under somebody who reads it slowly cannot be read (WCAG 2.2.1)."""
    link = made(world.as_acme)
    where, browser = opened(visitor, link)
    quiet, following = (text(browser.send("GET", f"{where}{query}")) for query in ("", "?follow=1"))
    assert 'http-equiv="refresh"' not in quiet
    assert f'href="{where}?follow=1"' in quiet
    assert f'content="20;url={where}?follow=1"' in following
    assert f'href="{where}"' in following


def test_no_page_needs_a_script_or_leaks_its_address(world: World, visitor: Api) -> None:
    link = made(world.as_acme)
    where, browser = opened(visitor, link)
    for answer in (browser.send("GET", where), visitor.send("GET", path(link))):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert not re.search(r"<script|\son\w+=|javascript:|https?://", text(answer))
    assert path(link).rpartition("/")[2] not in text(browser.send("GET", where))


def test_a_link_opens_once_and_a_look_does_not_use_it_up(world: World, visitor: Api) -> None:
    link = made(world.as_acme)
    for _ in range(3):
        assert visitor.send("GET", path(link)).status == 200
    where, _ = opened(visitor, link)
    gone = visitor.send("GET", path(link))
    assert gone.status == 404
    never = visitor.send("GET", "/setup/open/" + "a" * 40)
    assert (visitor.send("POST", path(link)).raw, never.raw) == (gone.raw, gone.raw)
    assert visitor.send("GET", where).status == 404
    stranger = visitor.with_(cookie="nameplate_setup=" + "b" * 40)
    assert stranger.send("GET", where).status == 404


def test_a_cookie_opens_its_own_link_only(world: World, visitor: Api) -> None:
    world.as_globex.post("/v1/domains", {"name": "other-globex.com"})
    theirs, _ = opened(visitor, made(world.as_globex, "other-globex.com"))
    _, browser = opened(visitor, made(world.as_acme))
    for way in ("", "/check", "/share"):
        assert browser.send("POST" if way else "GET", f"{theirs}{way}").status == 404


@pytest.mark.parametrize("how", ["revoked", "expired", "domain removed"])
def test_a_link_ends(world: World, api: Api, visitor: Api, how: str) -> None:
    link = made(world.as_acme)
    where, browser = opened(visitor, link)
    unopened = made(world.as_acme, domain=link["domain"])
    if how == "revoked":
        for one in (link, unopened):
            assert world.as_acme.send("DELETE", f"/v1/setup-links/{one['id']}").status == 204
    elif how == "expired":
        with api.sessions.begin(PLATFORM) as session:
            past = datetime.now(UTC) - timedelta(seconds=1)
            session.execute(sa.update(SetupLink).values(expires_at=past))
    else:
        assert world.as_acme.send("DELETE", f"/v1/domains/{NAME}").status == 204
    assert browser.send("GET", where).status == 404
    assert visitor.send("GET", path(unopened)).status == 404
    assert visitor.send("POST", path(unopened)).status == 404


def test_a_visitor_passes_the_task_on(world: World, visitor: Api) -> None:
    where, browser = opened(visitor, made(world.as_acme))
    shared = browser.send("POST", f"{where}/share")
    found = re.search(r"/setup/open/[a-z2-7]{40}", text(shared))
    assert found is not None
    there, other = opened(visitor, {"url": found[0]})
    assert there != where
    assert NAME in text(other.send("GET", there))
    links = world.as_acme.get("/v1/setup-links?domain=" + NAME)["data"]
    assert len({one["expires_at"] for one in links}) == 1
    assert len(links) == 2


def test_checks_by_hand_are_counted_for_the_domain(world: World, visitor: Api) -> None:
    where, browser = opened(visitor, made(world.as_acme))
    for _ in range(5):
        assert browser.send("POST", f"{where}/check").status == 303
    refused = browser.send("POST", f"{where}/check")
    assert refused.status == 429
    assert "checked too often" in text(refused)
    (row,) = world.as_acme.get(f"/v1/verifications?domain={NAME}")["data"]
    by_api = world.as_acme.send("POST", f"/v1/verifications/{row['id']}:check")
    assert (by_api.status, by_api.code) == (429, "checks_spent")
    assert int(by_api.headers["retry-after"]) <= 120


def test_links_are_their_organization_s(world: World) -> None:
    link = made(world.as_acme)
    here = f"/v1/setup-links/{link['id']}"
    assert world.as_acme.get(here)["opened_at"] is None
    assert "url" not in world.as_acme.get(here)
    assert world.as_globex.get("/v1/setup-links")["data"] == []
    for method in ("GET", "DELETE"):
        answer = world.as_globex.send(method, here)
        assert (answer.status, answer.code) == (404, "setup_link_not_found")
    foreign = world.as_globex.send("POST", "/v1/setup-links", {"domain": link["domain"]})
    assert (foreign.status, foreign.code) == (404, "domain_not_found")


def test_a_domain_has_a_bounded_number_of_links(world: World, visitor: Api) -> None:
    link = made(world.as_acme)
    where, browser = opened(visitor, link)
    for _ in range(19):
        made(world.as_acme, link["domain"])
    full = world.as_acme.send("POST", "/v1/setup-links", {"domain": NAME})
    assert (full.status, full.code) == (409, "too_many_links")
    assert browser.send("POST", f"{where}/share").status == 409


@pytest.mark.parametrize("days", [-1, 31])
def test_a_link_lives_for_up_to_thirty_days(world: World, days: int) -> None:
    world.as_acme.post("/v1/domains", {"name": NAME})
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    refused = world.as_acme.send("POST", "/v1/setup-links", {"domain": NAME, "expires_at": until})
    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == "/expires_at"


def test_one_address_may_not_try_tokens_for_ever(world: World, visitor: Api) -> None:
    tried = [visitor.send("GET", f"/setup/open/{number:040}").status for number in range(70)]
    assert tried[:60] == [404] * 60
    assert set(tried[61:]) == {429}
    refused = visitor.send("GET", "/setup/open/" + "a" * 40)
    assert "Too many requests" in text(refused)
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_what_others_published_is_shown_as_text(world: World, api: Api, visitor: Api) -> None:
    where, browser = opened(visitor, made(world.as_acme))
    from nameplate.models import Domain

    with api.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(Domain).where(Domain.full_domain == NAME)).one()
        row.error_message = row.trouble_message = "<script>alert(1)</script>"
    assert b"<script>alert" not in browser.send("GET", where).raw


def test_only_pages_that_the_operator_lists_show_it_in_a_frame(
    world: World, visitor: Api, api: Api
) -> None:
    def framing(browser: Api, address: str) -> str:
        policy = browser.send("GET", address).headers["content-security-policy"]
        return policy.partition("frame-ancestors ")[2]

    link = made(world.as_acme)
    where, browser = opened(visitor, link)
    for address in (path(link), where, "/setup/open/nobody", "/setup/nobody"):
        assert framing(browser, address) == "'none'"
    listed = ("https://shop.example.com", "https://admin.example.com:8443")
    app = create(api.sessions, replace(api.tools, frame_ancestors=listed))
    framed = replace(browser, transport=InProcess(app))
    for address in (where, "/setup/open/nobody", "/setup/nobody"):
        assert framing(framed, address) == " ".join(listed)
