"""Whatever somebody writes into a field, the page shows it as text: no script runs, no layout breaks."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest
from tests.browser.hostile_strings import DIRECTIONS, STRINGS
from tests.browser.hostile_world import LISTS, ZONE, HostileWorld
from tests.databases import Templates
from tests.servers.console import STORED, Chromium

PATIENCE = 120_000
"""Milliseconds; lists grow long here, and how fast they are shown is measured elsewhere."""
WIDTHS = (320, 1440)
MOST = 50
"""Of the sixty; what no field takes are control characters, and more than it has room for."""
DOMAINS = (
    f"{ZONE}/overview", "northwind.example/overview", "harbor.example/records",
    "northwind.example/certificates", "northwind.example/bindings", "harbour.example/overview",
    "press.harbor.example/overview", "northwind.example/settings",
)  # fmt: skip
LISTEN = """
window.broken = [];
addEventListener("securitypolicyviolation", e => broken.push(`policy: ${e.violatedDirective} ${e.blockedURI}`));
"""
LOOK = r"""(directions) => {
  const wrong = [...window.broken];
  if (window.__pwned !== undefined) wrong.push("a script ran");
  const made = "script, iframe, object, embed, base, video, math, meta, link, style, form[action]";
  for (const one of document.body.querySelectorAll(made)) wrong.push(`made: ${one.outerHTML.slice(0, 80)}`);
  for (const one of document.body.querySelectorAll("*"))
    for (const given of one.attributes)
      if (given.name.startsWith("on") || given.name === "srcdoc") wrong.push(`attribute: ${given.name}`);
  for (const one of document.body.querySelectorAll("a[href]"))
    if (!/^(https?|mailto):$/.test(one.protocol) || one.hostname === "attacker.example") wrong.push(`link: ${one.href.slice(0, 80)}`);
  const isolates = one => /isolate|plaintext/.test(getComputedStyle(one).unicodeBidi);
  const isolate = node => { let at = node.parentElement; while (at && !isolates(at)) at = at.parentElement; return at; };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode, text = node.data.trim();
    if (node.parentElement.closest("option") || !directions.some(one => text.includes(one.trim()))) continue;
    const around = isolate(node);
    let beside = "";
    const others = document.createTreeWalker(around, NodeFilter.SHOW_TEXT);
    while (others.nextNode()) if (others.currentNode !== node && isolate(others.currentNode) === around) beside += others.currentNode.data.trim();
    if (beside || !directions.some(one => text.endsWith(one.trim()))) wrong.push(`not isolated: ${around.outerHTML.slice(0, 200)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    const out = [...document.body.querySelectorAll("*")].filter(one => one.getBoundingClientRect().right > innerWidth + 1).slice(-1);
    wrong.push(`wider than ${innerWidth}: ${out.map(one => one.outerHTML.slice(0, 160))}`);
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def world(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    with ExitStack() as stack:
        yield HostileWorld(tmp_path_factory.mktemp("hostile"), templates.url("sqlite"), stack)


@pytest.fixture(scope="module")
def tab(world: HostileWorld, chromium: Chromium) -> "Tab":
    return Tab(world, chromium)


class Tab:
    """A signed-in tab, and everything that went wrong in it."""

    def __init__(self, world: HostileWorld, chromium: Chromium) -> None:
        self.page = chromium.page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        self.page.set_default_timeout(PATIENCE)
        self.url = world.console.url
        self.wrong: list[str] = []
        self.page.add_init_script(f"sessionStorage.setItem({STORED!r}, {world.console.token!r})")
        self.page.add_init_script(LISTEN)
        self.page.on("dialog", self._asked)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", self._heard)

    def _asked(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrong.append(f"console: {message.text[:200]}")

    def places(self) -> list[str]:
        """Return every page that the navigation leads to."""
        self.open("domains")
        links = self.page.locator("nav .links a").all()
        return [str(one.get_attribute("href")).lstrip("/") for one in links]

    def open(self, place: str) -> None:
        """Go there, wait for what it shows, and unfold it."""
        self.page.goto(f"{self.url}/{place}")
        self.page.wait_for_selector("h1", state="attached")  # a name of marks alone has no width
        self.page.locator("[aria-busy=true]").first.wait_for(state="detached")
        self.page.evaluate("document.querySelectorAll('details.fold').forEach(d => d.open = true)")

    def look(self, place: str) -> None:
        """Look at what is shown, narrow and wide."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.wrong += [
                f"{place} {width}: {one}" for one in self.page.evaluate(LOOK, list(DIRECTIONS))
            ]

    def visit(self, place: str) -> str:
        """Go there, ask for all of it, look, and return its text."""
        self.open(place)
        more = self.page.locator("main").get_by_role("button", name="Show more")
        while more.count():
            rows = self.page.locator("tr").count()
            more.click()
            self.page.locator("tr").nth(rows).wait_for()
        self.look(place)
        text: str = self.page.evaluate("document.querySelector('main').textContent")
        return text

    def settle(self) -> None:
        """Fail with what went wrong since the last time."""
        wrong, self.wrong = sorted(set(self.wrong)), []
        assert wrong == [], "\n".join(wrong[:40])


def test_every_list_shows_what_was_written_as_text(world: HostileWorld, tab: Tab) -> None:
    """All sixty in each field that the API takes them in; no page of the console is left out."""
    fitting = dict.fromkeys(one[:255] for one in STRINGS)
    taken = {kind: [one for one in fitting if world.write(kind, one)] for kind in LISTS}
    assert sum(world.write("records", one) for one in STRINGS) > MOST
    taken["records"] = world.values("harbor.example")
    shown = {place: tab.visit(place) for place in tab.places()}
    shown["users"] = shown["members"]
    shown["records"] = tab.visit("domains/harbor.example/records")
    chooser = tab.page.get_by_role("combobox", name="Organization")
    shown.setdefault("organizations", chooser.text_content())
    tab.settle()
    for kind, texts in taken.items():
        assert len(texts) > MOST, kind
        assert [one for one in texts if one.strip() not in shown[kind]] == [], kind


def test_what_others_answer_is_quoted_as_text(world: HostileWorld, tab: Tab) -> None:
    """DNS answers by the diagnosis; messages of proxies and authorities, and reasons, in turn."""
    world.answer(STRINGS[:57])
    tab.open(f"domains/{ZONE}/overview")
    tab.page.get_by_role("button", name="Find the cause").click()
    tab.page.get_by_role("button", name="Look again").wait_for(timeout=60_000)
    tab.look("diagnosis")
    for text in (STRINGS[4], *DIRECTIONS[:2], STRINGS[-3]):
        world.tell(text)
        settings = "settings?organization=northwind"
        lists = ("servers", "certificates", "applications", "accounts", settings)
        for place in (*lists, *(f"domains/{one}" for one in DOMAINS)):
            tab.visit(place)
    tab.settle()


def test_addresses_are_text(tab: Tab) -> None:
    for text in STRINGS[::6]:
        written = quote(text[:1500], safe="")
        for place in (f"domains?q={written}", f"domains/{written}", f"sign-in?error={written}"):
            tab.visit(place)
    tab.settle()


def _dialogs(tab: Tab) -> None:
    """Open what opens over a page."""
    for place, button in (
        ("domains/harbor.example/records", "Edit TXT"),
        ("domains/harbor.example/settings", "Release domain"),
        ("certificates", "Details of the certificate"),
        ("tokens", "Revoke"),
        ("domains", "Add domains"),
    ):
        tab.open(place)
        tab.page.get_by_role("button", name=button).first.click()
        tab.page.get_by_role("dialog").wait_for()
        tab.look(f"{place}: {button}")


def test_dialogs_are_text(tab: Tab) -> None:
    _dialogs(tab)
    tab.settle()


@pytest.mark.torture
def test_every_string_in_every_field_on_every_page(world: HostileWorld, tab: Tab) -> None:
    places = [*tab.places(), *(f"domains/{one}" for one in DOMAINS)]
    for text in STRINGS:
        for kind in (*LISTS, "records"):
            world.write(kind, text)
        reason = {"reason": text[:500]}
        if world.accepts("POST", "/v1/domains/northwind.example:suspend", reason):
            tab.visit("domains/northwind.example/overview")
            world.console.call("POST", "/v1/domains/northwind.example:resume")
        world.answer([text])
        world.tell(text)
        for place in places:
            tab.visit(place)
        written = quote(text[:1500], safe="")
        for place in (f"domains?q={written}", f"domains/{written}", f"sign-in?error={written}"):
            tab.visit(place)
        assert tab.wrong == [], json.dumps(text[:200])
    _dialogs(tab)
    tab.settle()
