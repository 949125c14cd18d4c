"""What a screen reader is told, where the focus goes, and how the page looks in print and other scripts."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.keys import Keys
from tests.servers.console import STORED, Chromium, Console

MOVES = """() => [...document.querySelectorAll("*")].filter(one => {
  const style = getComputedStyle(one);
  const lasts = times => times.split(",").some(time => parseFloat(time) > 0);
  return (style.animationName !== "none" && lasts(style.animationDuration)) || lasts(style.transitionDuration);
}).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture
def page(console: Console, chromium: Chromium) -> Iterator[Any]:
    tab = chromium.page(
        viewport={"width": 1440, "height": 900}, locale="en-GB", base_url=console.url
    )
    tab.add_init_script(f"sessionStorage.setItem({STORED!r}, {console.token!r})")
    yield tab
    tab.context.close()


def _shown(page: Any, place: str) -> str:
    """Go there and return what a screen reader is told of the page."""
    page.goto(f"/{place}")
    page.wait_for_selector("main h1")
    page.locator("[aria-busy=true]").first.wait_for(state="detached")
    told: str = page.locator("body").aria_snapshot()
    return told


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("domains", [
            'navigation "Main"', 'heading "Domains" [level=1]', 'searchbox "Search by name"',
            'combobox "Status"', 'button "Add domains"', 'table "Domains"',
            'columnheader "What is missing"', 'checkbox "Select harbor.example"',
            'link "harbor.example"',
        ]),
        ("domains/labs-northwind.example/overview", [
            'heading "labs-northwind.example" [level=1]', 'list "From claim to live site"',
            "Proved : Action needed", 'navigation "Parts of the domain"',
            'region "To do now"', 'region "Records to publish"', 'columnheader "Value"',
            'button "Copy host of the TXT record"', 'button "Copy TXT"', 'region "All checks"',
        ]),
        ("domains/northwind.example/records", [
            'region "Records"', 'columnheader "Actions"', 'button "Add record"',
            'button "Edit ', 'button "Undo last change"',
        ]),
        ("certificates", ['button "Details of the certificate for northwind.example"']),
        ("bindings", ['columnheader "Health"', 'cell "Partly answering"']),
        ("tokens", ['button "Revoke console"', 'button "Add token"']),
        ("events", ['combobox "Kind of event"', 'columnheader "What"']),
    ],
)  # fmt: skip
def test_a_screen_reader_is_told_what_everything_is(place: str, told: list[str], page: Any) -> None:
    shown = _shown(page, place)
    assert [one for one in told if one not in shown] == [], shown


def test_dialogs_keep_the_focus_and_give_it_back(page: Any) -> None:
    _shown(page, "tokens")
    keys = Keys(page)
    keys.use("button", "Add token")
    dialog = page.get_by_role("dialog", name="Add token")
    dialog.wait_for()
    for _ in range(8):
        keys.press("Tab")
        assert dialog.evaluate("one => one.contains(document.activeElement)")
    keys.press("Escape")
    dialog.wait_for(state="detached")
    button = page.get_by_role("button", name="Add token")
    assert button.evaluate("one => one === document.activeElement")


def test_a_printed_page_is_dark_on_light_and_without_controls(page: Any) -> None:
    _shown(page, "domains/labs-northwind.example/overview")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.get_by_role("navigation", name="Main").count() == 0
    assert page.get_by_role("button").count() == 0
    value = page.get_by_label("Records to publish").locator(".value").last
    assert value.is_visible()
    ink = value.evaluate("one => getComputedStyle(one).color.match(/\\d+/g).map(Number)")
    assert max(ink) < 80, ink
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_moves_for_those_who_want_it_so(page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.route("**/v1/domains?*", lambda route: None)  # held: the skeleton stays
    page.goto("/domains")
    page.locator(".skeleton").first.wait_for()
    assert page.evaluate(MOVES) == []
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(MOVES) != []


@pytest.mark.parametrize(
    ("name", "ascii_name", "scripts"),
    [
        ("bücher-tests.com", "xn--bcher-tests-thb.com", None),
        ("p\u0430ypal-tests.com", None, "Latin, Cyrillic"),
        ("東京カナ-tests.com", None, None),
    ],
)
def test_other_scripts_are_shown_in_both_forms_with_a_warning_for_mixtures(
    name: str, ascii_name: str | None, scripts: str | None, console: Console, page: Any
) -> None:
    found = console.call("POST", "/v1/domains", {"name": name, "organization": "harbor"})
    assert found["unicode_name"] == name
    assert found["name"].startswith("xn--")
    assert ascii_name in {None, found["name"]}
    _shown(page, f"domains/{found['name']}/overview")
    assert page.get_by_role("heading", level=1).inner_text() == name
    assert page.get_by_text(found["name"], exact=True).first.is_visible()
    warning = page.get_by_text("This name mixes scripts")
    assert warning.count() == (1 if scripts else 0)
    if scripts:
        assert scripts in warning.inner_text()
    _shown(page, "domains")
    assert page.get_by_role("row").filter(has_text=name).get_by_title(found["name"]).count() == 1
