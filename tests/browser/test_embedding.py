"""Parts of the page in pages of others, at another origin, with real embed tokens and a strict policy."""

import base64
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.browser import hosts
from tests.browser.hosts import Host
from tests.databases import Templates
from tests.servers.console import STATIC, Chromium, Console

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM
from nameplate.models import EmbedToken
from nameplate.settings import Settings

DOMAIN = "northwind.example"
LOUD = "rgb(250, 0, 0)"
READS = ("domains:read", "records:read", "bindings:read", "events:read")
ELEMENTS = (
    "nameplate-domain-manager", "nameplate-domain-setup", "nameplate-dns-record-editor",
    "nameplate-application-domain-binding",
)  # fmt: skip
SHOWN = {"plain": "nameplate-domain-setup", "vue": ".setup", "react": "nameplate-domain-setup"}

pytestmark = pytest.mark.timeout(400)


@dataclass
class World:
    """Nameplate, and the hosts that show parts of it."""

    console: Console
    folder: Path
    hosts: dict[str, Host]

    def token(self, origin: str, *actions: str, **fields: Any) -> str:
        """Get an embed token as a host's server does."""
        body = {"actions": list(actions or READS), "origins": [origin], **fields}
        token: str = self.console.call("POST", "/v1/embed-tokens", body)["token"]
        return token

    def expire(self) -> None:
        """Let the hour of every embed token be over."""
        sessions = bootstrap.sessions(Settings(home=self.folder))
        with sessions.begin(PLATFORM) as session:
            past = datetime.now(UTC) - timedelta(minutes=1)
            session.execute(sa.update(EmbedToken).values(expires_at=past))
        sessions.dispose()


@pytest.fixture(scope="module")
def world(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, project = tmp_path_factory.mktemp("console"), tmp_path_factory.mktemp("hosts") / "all"
    packages = hosts.packed(project.parent / "packed")
    console = Console(folder, templates.url("sqlite"))
    hosts.installed(project, packages)
    hosts.written(project, console.url, DOMAIN)
    hosts.built(project)
    named = {"name": "host", "organization": "northwind"}
    token = console.call("POST", "/v1/tokens", named)["token"]
    running = {name: Host(project / name, console.url, token) for name in hosts.NAMES}
    running["elsewhere"] = Host(project / "plain", console.url, token, "127.0.0.1")
    yield World(console, folder, running)
    for one in running.values():
        one.stop()
    console.stop()


@dataclass
class Visit:
    """A tab with a host, and what browser and host said."""

    page: Any
    violations: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """The answers of the host's server."""

    def hear(self, message: Any) -> None:
        if "Security Policy" in message.text or "TrustedHTML" in message.text:
            self.violations.append(message.text)

    def asked(self, answer: Any) -> None:
        if answer.url.endswith("/nameplate-token"):
            self.tokens.append(answer.text())


@pytest.fixture
def visit(chromium: Chromium) -> Iterator[Visit]:
    """Open a tab; no policy may be violated and no error thrown in it."""
    page = chromium.page(viewport={"width": 1200, "height": 900}, locale="en-GB")
    found, errors = Visit(page), []
    page.on("console", found.hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", found.asked)
    page.add_init_script(
        "window.violated = []; addEventListener('securitypolicyviolation',"
        " e => violated.push(`${e.violatedDirective} ${e.blockedURI}`))"
    )
    yield found
    violated = page.evaluate("window.violated ?? []")
    page.context.close()
    assert (found.violations, violated, errors) == ([], [], [])


def _style(locator: Any, name: str) -> str:
    return str(locator.evaluate("(one, name) => getComputedStyle(one)[name]", name))


def _see_that_nothing_leaks_in(part: Any, heading: Any) -> None:
    for name, wanted in (
        ("textTransform", "none"), ("letterSpacing", "normal"), ("textAlign", "start"),
        ("fontSize", "18px"), ("paddingTop", "0px"),
    ):  # fmt: skip
        assert _style(heading, name) == wanted, name
    inside = part.evaluate(
        "one => [...one.shadowRoot.querySelectorAll('.np, .np *')].map(each => {"
        "const s = getComputedStyle(each); return [s.color, s.backgroundColor, s.outlineColor] })"
    )
    assert len(inside) > 30
    assert not any(LOUD in colours or colours[0] == "rgb(1, 2, 3)" for colours in inside)


_EVERYTHING = (
    "one => [one, ...one.querySelectorAll('*')].map(each => JSON.stringify([...getComputedStyle(each)]"
    ".map(name => [name, getComputedStyle(each).getPropertyValue(name)])))"
)


@pytest.mark.parametrize("name", hosts.NAMES)
def test_a_host_shows_a_part_in_its_theme_and_nothing_leaks(
    name: str, world: World, visit: Visit
) -> None:
    page, host = visit.page, world.hosts[name]
    page.goto(host.url)
    part = page.locator(SHOWN[name])
    part.get_by_role("heading", name=DOMAIN, exact=True).wait_for()
    part.get_by_role("list", name="From claim to live site").wait_for()
    assert len(visit.tokens) == 1
    assert not any(token in page.content() for token in visit.tokens)
    chip = part.locator(".chip").first
    assert _style(chip, "borderTopStyle") == "dotted"
    assert _style(chip, "borderTopColor") == "rgb(7, 8, 9)"
    assert _style(part.locator(".card").first, "borderTopLeftRadius") == "0px"
    heading = part.get_by_role("heading", name=DOMAIN, exact=True)
    assert _style(heading, "fontFamily") == "Georgia, serif"
    _see_that_nothing_leaks_in(part, heading)
    own = page.locator("#own")
    with_part = own.evaluate(_EVERYTHING)
    assert f'outline-color\\",\\"{LOUD}' in json.dumps(with_part)
    part.evaluate("one => one.remove()")
    assert own.evaluate(_EVERYTHING) == with_part
    before = page.context.new_page()
    before.route("**/*.js", lambda route: route.abort())
    before.goto(host.url)
    assert before.locator("#own").evaluate(_EVERYTHING) == with_part
    before.close()


@pytest.mark.parametrize("name", hosts.NAMES)
def test_a_token_that_ends_in_the_middle_is_replaced(name: str, world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(world.hosts[name].url)
    part = page.locator(SHOWN[name])
    part.get_by_role("list", name="From claim to live site").wait_for()
    with page.expect_response("**/nameplate-token", timeout=60_000):
        world.expire()
    with page.expect_response(
        lambda one: one.url.endswith(f"/v1/domains/{DOMAIN}") and one.status == 200, timeout=60_000
    ):
        pass
    assert len(set(visit.tokens)) == 2
    assert part.get_by_role("alert").count() == 0
    part.get_by_role("heading", name=DOMAIN, exact=True).wait_for()


def _add(page: Any, element: str, **attributes: str) -> Any:
    """Put an element into the page, as a script of the host would."""
    page.evaluate(
        "([name, attributes]) => { const one = document.createElement(name);"
        "for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);"
        "window.told = []; for (const event of ['records-changed', 'token-expired'])"
        "  one.addEventListener(`nameplate:${event}`, e => told.push([event, e.detail.name]));"
        "document.body.append(one) }",
        [element, attributes],
    )
    return page.locator(f"{element}[token]")


@pytest.mark.parametrize("element", ELEMENTS)
def test_each_element_shows_what_its_token_is_for(element: str, world: World, visit: Visit) -> None:
    host = world.hosts["plain"].url
    visit.page.goto(host)
    token = world.token(host, organization="northwind")
    part = _add(visit.page, element, token=token, domain=DOMAIN, theme="dark", language="de")
    part.locator("table, ol").first.wait_for()
    assert _style(part.locator(".card").first, "backgroundColor") == "rgb(22, 26, 33)"
    part.evaluate("one => one.removeAttribute('theme')")
    assert _style(part.locator(".card").first, "backgroundColor") == "rgb(255, 255, 255)"
    assert part.get_by_role("alert").count() == 0


def test_what_a_token_does_not_allow_is_refused_and_said(world: World, visit: Visit) -> None:
    host, page = world.hosts["plain"].url, visit.page
    page.goto(host)
    setup, editor = "nameplate-domain-setup", "nameplate-dns-record-editor"
    of_one = world.token(host, domain=DOMAIN)
    other = _add(page, setup, token=of_one, domain="labs-northwind.example")
    other.get_by_role("alert").get_by_text("domain_not_found").wait_for()
    other.evaluate("one => one.remove()")
    foreign = _add(page, setup, token=of_one, domain="harbor.example")
    foreign.get_by_role("alert").get_by_text("domain_not_found").wait_for()
    foreign.evaluate("one => one.remove()")
    listed = _add(page, "nameplate-domain-manager", token=of_one)
    listed.get_by_role("alert").get_by_text("scope_insufficient").wait_for()
    listed.evaluate("one => one.remove()")
    reads = _add(
        page, editor, token=world.token(host, "domains:read", domain=DOMAIN), domain=DOMAIN
    )
    reads.get_by_role("alert").get_by_text("scope_insufficient").wait_for()
    reads.evaluate("one => one.remove()")
    token = world.token(host, "domains:read", "records:read", "records:write", domain=DOMAIN)
    writes = _add(page, editor, token=token, domain=DOMAIN)
    writes.get_by_role("button", name="Add record").click()
    dialog = writes.get_by_role("dialog")
    dialog.get_by_label("Host").fill("embedded")
    dialog.get_by_label("Value").fill("192.0.2.77")
    dialog.get_by_role("button", name="Save").click()
    writes.get_by_role("row").filter(has_text="embedded").wait_for()
    page.wait_for_function("told.length > 0")
    assert page.evaluate("told") == [["records-changed", DOMAIN]]


OFFERS = (
    "Check now", "Find the cause", "Add record", "Plan changes", "Bind application", "Add domains",
    "Link for whoever manages the DNS", "Release domain", "Request certificate", "Records",
    "Certificates", "Bindings",
)  # fmt: skip


def _offered(part: Any) -> set[str]:
    """Return what the page of a domain offers on all tabs that it has."""
    found = set()
    part.get_by_role("link", name=DOMAIN, exact=True).click()
    part.get_by_role("list", name="From claim to live site").wait_for()
    parts = part.get_by_role("navigation", name="Parts of the domain").get_by_role("button")
    for one in parts.all():
        one.click()
        part.locator("[aria-busy=true]").first.wait_for(state="detached")
        for name in OFFERS:
            if part.get_by_role("button", name=name, exact=True).count():
                found.add(name)
        if part.locator("summary").filter(has_text="Actions").count():
            found.add("Actions")
    return found


@pytest.mark.parametrize(
    ("actions", "offered"),
    [
        (("domains:read",), {"Find the cause"}),
        (
            ("domains:read", "domains:check", "records:read"),
            {"Find the cause", "Check now", "Records"},
        ),
        (
            ("domains:read", "records:read", "records:write", "bindings:read", "bindings:write"),
            {"Find the cause", "Records", "Add record", "Plan changes"}
            | {"Bindings", "Bind application", "Actions"},
        ),
        (("domains:read", "certificates:read"), {"Find the cause", "Certificates"}),
    ],
)
def test_a_part_offers_what_its_token_permits(
    actions: tuple[str, ...], offered: set[str], world: World, visit: Visit
) -> None:
    host, page = world.hosts["plain"].url, visit.page
    page.goto(host)
    token = world.token(host, *actions, organization="northwind")
    with page.expect_response("**/v1/embed-tokens/current"):
        part = _add(page, "nameplate-domain-manager", token=token)
    assert _offered(part) == offered
    assert part.get_by_role("alert").count() == 0


def test_a_part_whose_stream_is_cut_asks_for_the_events_of_its_domain(
    world: World, visit: Visit
) -> None:
    host, page = world.hosts["plain"].url, visit.page
    page.route("**/v1/events/stream?*", lambda route: route.abort())
    page.goto(host)
    part = page.locator("nameplate-domain-setup")
    with page.expect_response(lambda one: "/v1/events?" in one.url) as asked:
        part.get_by_role("list", name="From claim to live site").wait_for()
    domain = world.console.call("GET", f"/v1/domains/{DOMAIN}")["id"]
    assert (asked.value.status, f"domain={domain}" in asked.value.url) == (200, True)
    told: list[Any] = []

    def hear(answer: Any) -> None:
        if "/v1/events?" in answer.url:
            told.extend(answer.json()["data"])

    page.on("response", hear)
    for is_forced in (False, True):
        world.console.call("PATCH", f"/v1/domains/{DOMAIN}", {"force_https": is_forced})
    world.console.call("PATCH", "/v1/domains/labs-northwind.example", {"force_https": False})
    with (
        page.expect_response(lambda one: one.url.endswith(f"/v1/domains/{DOMAIN}")),
        page.expect_response(lambda one: "/v1/events?" in one.url, timeout=60_000),
    ):
        pass
    assert {one["domain"] for one in told} == {domain}


_FETCH = (
    "([url, token]) => fetch(url, {headers: {Authorization: `Bearer ${token}`}})"
    ".then(answer => answer.status, error => error.name)"
)


def test_another_page_gets_nothing_with_the_same_token(world: World, visit: Visit) -> None:
    mine, other = world.hosts["plain"].url, world.hosts["elsewhere"].url
    token, page = world.token(mine, domain=DOMAIN), visit.page
    request = urllib.request.Request(f"{world.console.url}/v1/domains/{DOMAIN}")
    request.add_header("Authorization", f"Bearer {token}")
    for origin in (other, "https://evil.example", None):
        if origin is not None:
            request.add_header("Origin", origin)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        with refused.value as answer:
            assert (answer.code, json.load(answer)["code"]) == (403, "origin_not_allowed")
            assert answer.headers["Access-Control-Allow-Origin"] in {None, other}
    page.route("**/nameplate-token", lambda route: route.fulfill(body=token))
    page.goto(other)
    part = page.locator("nameplate-domain-setup")
    part.get_by_role("alert").wait_for()
    assert DOMAIN not in part.inner_text()
    there = [f"{world.console.url}/v1/domains/{DOMAIN}", token]
    assert page.evaluate(_FETCH, there) == "TypeError"
    world.token(other, "domains:read", organization="harbor")  # now browsers there may ask
    assert page.evaluate(_FETCH, there) == 403


def test_a_policy_that_names_the_scripts_hash_is_enough(
    world: World, visit: Visit, tmp_path: Path
) -> None:
    digest = hashlib.sha256((STATIC / "nameplate-elements.js").read_bytes()).digest()
    hashed = f"sha256-{base64.b64encode(digest).decode()}"
    policy = (
        f"default-src 'none'; script-src '{hashed}'; style-src 'self'; base-uri 'none'; "
        f"connect-src {world.console.url}; require-trusted-types-for 'script'; trusted-types vue"
    )
    (tmp_path / "app.py").write_text(f"{hosts.block('python')}\nPOLICY = {policy!r}\n")
    (tmp_path / "dist").mkdir()
    host = Host(tmp_path, world.console.url, world.console.token)
    (tmp_path / "dist" / "index.html").write_text(
        '<!doctype html><html lang="en"><title>Host</title><script type="module" '
        f'src="{world.console.url}/nameplate-elements.js" integrity="{hashed}"></script>'
        f'<nameplate-domain-setup domain="{DOMAIN}" token="{world.token(host.url, domain=DOMAIN)}">'
    )
    try:
        visit.page.goto(host.url)
        visit.page.get_by_role("heading", name=DOMAIN, exact=True).wait_for()
    finally:
        host.stop()
