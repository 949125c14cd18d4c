"""The console in Chromium over 100,000 domains: what it loads, how soon it can be used, how it scrolls."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from tests.servers.console import STORED
from tests.servers.process import program

Call = Callable[..., Any]
"""Makes a request of the API: method, path, token, body."""
LOADS, SECONDS, PIXELS = 5, 10, 150
"""Cold loads of a page; seconds and pixels of each frame of scrolling."""

USABLE = """
window.usable = new Promise(done => {
  const look = () => {
    const button = [...document.querySelectorAll("main button")].find(one => one.textContent === "Check now");
    if (button && !button.disabled && document.querySelector(".timeline li")) {
      // it answers to clicks once the main thread has nothing else to do
      setTimeout(() => done(performance.now()));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
SCROLL = """
([seconds, pixels]) => new Promise(done => {
  const frames = [];
  const step = at => {
    frames.push(at);
    window.scrollBy(0, pixels);
    if (at - frames[0] < seconds * 1000) requestAnimationFrame(step); else done(frames);
  };
  requestAnimationFrame(step);
})
"""
SHOWN = """
text => new Promise(done => {
  const look = () => { if (document.body.textContent.includes(text)) { observer.disconnect(); done(Date.now()); } };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  look();
})
"""


@dataclass(frozen=True, slots=True)
class Scrolled:
    """How a list moved."""

    frames: float
    """For each second."""
    longest: float
    """Milliseconds between two frames, at most."""
    dropped: int
    """Frames that the compositor has thrown away, by the trace."""
    rows: int
    """How many had been loaded in the end."""
    work: float
    """Milliseconds of CPU that the main thread took for each frame: what another machine's load leaves as it is."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's browser."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def page(browser: Browser, token: str) -> Page:
    """Open a signed-in tab with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.set_default_timeout(60_000)
    context.add_init_script(f"sessionStorage.setItem({STORED!r}, {token!r})")
    return context.new_page()


def first_load(browser: Browser, url: str, token: str) -> int:
    """Return the bytes of script, as they were sent, until the list of domains is there."""
    tab = page(browser, token)
    tab.goto(f"{url}/domains")
    tab.locator("tr.item").first.wait_for()
    sizes = tab.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(one => one.name.endsWith('.js')).map(one => one.encodedBodySize)"
    )
    tab.context.close()
    return sum(sizes)


def usable(browser: Browser, url: str, token: str, name: str) -> list[float]:
    """Return the seconds from the navigation to a domain's page until its button can be pressed."""
    found = []
    for _ in range(LOADS):
        tab = page(browser, token)
        tab.add_init_script(USABLE)
        tab.goto(f"{url}/domains/{name}/overview")
        found.append(tab.evaluate("window.usable") / 1000)
        tab.context.close()
    return found


def scrolled(browser: Browser, url: str, token: str) -> Scrolled:
    """Scroll the list of domains, whose pages are fetched on the way, under Chromium's own trace."""
    tab = page(browser, token)
    tab.goto(f"{url}/domains")
    tab.locator("tr.item").first.wait_for()
    session = tab.context.new_cdp_session(tab)
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    session.on("Tracing.dataCollected", lambda found: events.extend(found["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    categories = "devtools.timeline,disabled-by-default-devtools.timeline.frame"
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _worked(session)
    session.send("Tracing.start", {"categories": categories, "transferMode": "ReportEvents"})
    frames = tab.evaluate(SCROLL, [SECONDS, PIXELS])
    after = _worked(session)
    session.send("Tracing.end")
    while not ended:
        tab.wait_for_timeout(50)
    rows = tab.evaluate("[...document.querySelectorAll('tr.item')].at(-1).ariaRowIndex")
    tab.context.close()
    gaps = [later - earlier for earlier, later in itertools.pairwise(frames)]
    return Scrolled(
        frames=1000 * len(gaps) / sum(gaps),
        longest=max(gaps),
        dropped=sum(one["name"] == "DroppedFrame" for one in events),
        rows=int(rows) - 1,
        work=1000 * (after - before) / len(gaps),
    )


def _worked(session: CDPSession) -> float:
    """Return the seconds of CPU that the page's main thread has taken."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def told(url: str, token: str, call: Call, changes: int) -> list[float]:
    """Return the seconds from each commit until a page, where it is looked at, shows the change."""
    found = []
    with chromium() as browser:
        tab = page(browser, token)
        with tab.expect_request(lambda one: urlsplit(one.url).path == "/v1/events/stream"):
            tab.goto(f"{url}/tokens")
        tab.wait_for_timeout(1000)
        for at in range(changes):
            name = f"seen {at} {time.time_ns()}"
            tab.evaluate(f"window.shown = ({SHOWN})({json.dumps(name)}); 0")
            call("POST", "/v1/tokens", token, {"name": name})
            committed = time.time()
            found.append(tab.evaluate("window.shown") / 1000 - committed)
            tab.wait_for_timeout(100)
    return found
