"""Every page for everybody: no violation that axe knows, in both themes, narrow and wide."""

from collections.abc import Callable

import pytest
from tests.browser.conftest import Seen
from tests.servers.console import AXE, STORED, Console

PLACES = (
    "domains", "certificates", "bindings", "registrations", "applications", "servers", "accounts",
    "tokens", "events", "members", "organizations", "settings?organization=northwind",
    "domains/labs-northwind.example/overview", "domains/northwind.example/overview",
    "domains/northwind.example/records", "domains/northwind.example/bindings",
    "domains/northwind.example/settings", "domains/no/such/place",
)  # fmt: skip
DIALOGS = (
    ("accounts", "Add account"), ("servers", "Add server"), ("servers", "Add group"),
    ("applications", "Add application"), ("members", "Add member"), ("members", "Invite person"),
    ("organizations", "Add organization"), ("certificates", "Details of the certificate"),
    ("domains/northwind.example/records", "at the servers"),
    ("domains/labs-northwind.example/overview", "Connect"),
    ("domains/northwind.example/records", "Import"), ("domains", "Add domains"),
    ("registrations", "Name servers of"), ("registrations", "Register a name"),
)  # fmt: skip
WIDTHS = (320, 1440)
_ASK = (
    "of => axe.run(document, {resultTypes: ['violations'], ...of}).then(r => r.violations.map("
    "v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).join(' | ')}`))"
)
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
THEMES: dict[str, dict[str, object]] = {"light": {}, "dark": {"runOnly": _COLOURS}}
"""What axe looks at in each: between themes only colours differ."""


def violations(seen: Seen) -> list[str]:
    """Return what is wrong with what is shown."""
    if not seen.page.evaluate("'axe' in window"):
        seen.page.evaluate(AXE.read_text())
    wrong = []
    for theme, rules in THEMES.items():
        seen.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in WIDTHS:
            seen.page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{theme} {width} {one}" for one in seen.page.evaluate(_ASK, rules)]
            if seen.page.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"{theme} {width}: wider than the window")
    return wrong


@pytest.mark.parametrize("place", ["sign-in", *PLACES])
def test_everybody_can_use_a_page(place: str, seen: Seen) -> None:
    if place == "sign-in":
        seen.page.add_init_script(f"sessionStorage.removeItem({STORED!r})")
        place = "domains"
    seen.go(place)
    assert violations(seen) == []


@pytest.mark.parametrize(("place", "button"), DIALOGS)
def test_everybody_can_use_a_dialog(place: str, button: str, seen: Seen) -> None:
    seen.go(place)
    seen.page.get_by_role("button", name=button).first.click()
    seen.page.get_by_role("dialog").wait_for()
    seen.page.locator("[role=dialog] [aria-busy=true]").first.wait_for(state="detached")
    assert violations(seen) == []


def test_everybody_can_use_the_page_of_a_setup_link(seen: Seen, console: Console) -> None:
    """Whoever runs the customer's DNS opens it, perhaps on a telephone."""
    name = "labs-northwind.example"
    seen.page.goto(console.call("POST", "/v1/setup-links", {"domain": name})["url"])
    assert violations(seen) == []
    seen.page.get_by_role("button").click()
    seen.page.get_by_role("heading", name=name).first.wait_for()
    assert violations(seen) == []


def test_everybody_can_use_the_own_page(person: Callable[..., Seen]) -> None:
    mine = person("viewer", "northwind")
    mine.go("me")
    assert violations(mine) == []
    mine.page.get_by_role("button", name="Set up authenticator").click()
    mine.page.get_by_role("dialog").get_by_label("Current password").wait_for()
    assert violations(mine) == []
