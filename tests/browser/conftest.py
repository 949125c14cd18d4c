"""The console in a real browser, over one installation that the tests of a process here share."""

import secrets
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.databases import Templates
from tests.servers.console import STORED, Chromium, Console

PASSWORD = "correct horse battery staple"


@dataclass
class Seen:
    """A tab, and what its console said that nobody wants to read there."""

    page: Any
    url: str
    said: list[str] = field(default_factory=list)

    def go(self, place: str) -> None:
        """Go there and wait for what it shows."""
        self.page.goto(f"{self.url}/{place}")
        self.page.wait_for_selector("main h1")
        self.page.locator("[aria-busy=true]").first.wait_for(state="detached")

    def see_as(self, url: str) -> None:
        """Take an invitation, and be signed in as that person."""
        self.page.goto(url)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_selector(".shell")

    def hear(self, message: Any) -> None:
        """Keep an error; refused requests are told of by the page itself."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.said.append(message.text)


@pytest.fixture(scope="session")
def console(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    running = Console(tmp_path_factory.mktemp("console"), templates.url("sqlite"))
    yield running
    running.stop()


_RUNNING: list[Chromium] = []


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Start the browser of all tests here."""
    with Chromium() as running:
        _RUNNING.append(running)
        yield running
        _RUNNING.remove(running)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Show the browser's event loop to the tests here alone: it would stand in the way of others."""
    for browser in _RUNNING:
        if "chromium" in getattr(item, "fixturenames", ()):
            browser.enter()
    try:
        return (yield)
    finally:
        for browser in _RUNNING:
            browser.leave()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the browser showed."""
    report = yield
    if call.when == "call" and report.failed and "chromium" in getattr(item, "fixturenames", ()):
        report.sections += [("open tabs", browser.shown()) for browser in _RUNNING]
    return report


@pytest.fixture
def person(console: Console, chromium: Chromium) -> Iterator[Callable[..., Seen]]:
    """Return what signs somebody new in, with a role in an organization, or as an operator."""
    opened: list[Seen] = []

    def sign_in(role: str | None = None, organization: str | None = None) -> Seen:
        page = chromium.page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        found = Seen(page, console.url)
        page.on("console", found.hear)
        page.on("pageerror", lambda error: found.said.append(str(error)))
        email = f"{role or 'operator'}-{secrets.token_hex(4)}@example.com"
        found.see_as(console.person(email, role, organization))
        opened.append(found)
        return found

    yield sign_in
    for one in opened:
        one.page.context.close()
        assert one.said == []


@pytest.fixture
def seen(console: Console, chromium: Chromium) -> Iterator[Seen]:
    """Open a signed-in tab. It may have said nothing bad when the test is over."""
    page = chromium.page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page.add_init_script(f"sessionStorage.setItem({STORED!r}, {console.token!r})")
    found = Seen(page, console.url)
    page.on("console", found.hear)
    page.on("pageerror", lambda error: found.said.append(str(error)))
    yield found
    page.context.close()
    assert found.said == []
