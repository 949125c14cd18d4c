"""The console in a real browser: what a person sees, does, and can do without a mouse."""

import pytest
from tests.browser.conftest import Seen
from tests.browser.keys import Keys
from tests.servers.console import STORED, Chromium, Console

HOSTILE = '<img src=x onerror="window.hit=1"> {{7*7}} \u202egnp.exe javascript:alert(1)'


def test_a_person_signs_in_and_finds_a_domain(console: Console, chromium: Chromium) -> None:
    page = chromium.page(locale="en-GB")
    page.goto(f"{console.url}/domains?show=pending_verification")
    page.get_by_role("button", name="API token").click()
    page.get_by_label("API token").fill("np_wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("Request").wait_for()
    page.get_by_label("API token").fill(console.token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="labs-northwind.example").click()
    page.get_by_role("heading", name="labs-northwind.example").wait_for()
    page.get_by_text("Not proved").wait_for()
    assert console.token not in page.url
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate(f"sessionStorage.getItem({STORED!r})") is None
    page.context.close()


def test_filters_are_in_the_address(seen: Seen) -> None:
    seen.go("domains")
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("harbo")
    seen.page.wait_for_url("**/domains?q=harbo")
    seen.page.get_by_role("link", name="northwind.example", exact=True).wait_for(state="detached")
    assert seen.page.locator("tr.item").count() == 3
    seen.page.get_by_label("Status").select_option("suspended")
    seen.page.wait_for_url("**/domains?q=harbo&show=suspended")
    seen.page.reload()
    seen.page.get_by_role("link", name="press.harbor.example").wait_for()
    assert seen.page.locator("tr.item").count() == 1


def test_names_are_judged_before_they_are_added(seen: Seen) -> None:
    seen.go("domains")
    seen.page.get_by_role("button", name="Add domains").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Organization").select_option(label="Harbor Media")
    dialog.get_by_label("Names").fill(
        "one.harbor-tests.com\nno..name\nhttps://harbor-tests.com/x\n"
    )
    dialog.get_by_role("button", name="Check").click()
    dialog.get_by_role("button", name="Add 2 domains").wait_for()
    assert dialog.get_by_text("Can be added.").count() == 2
    dialog.get_by_role("button", name="Add 2 domains").click()
    dialog.get_by_text("Added.").nth(1).wait_for()
    dialog.get_by_role("button", name="Done").click()
    seen.page.get_by_role("link", name="one.harbor-tests.com").wait_for()


def test_one_name_leads_to_its_page_by_keyboard_alone(seen: Seen) -> None:
    seen.go("domains?organization=")
    seen.page.get_by_role("button", name="Add domains").focus()
    seen.page.keyboard.press("Enter")
    seen.page.get_by_role("dialog").wait_for()
    names = seen.page.get_by_label("Names")
    for _ in range(4):
        if names.evaluate("one => one === document.activeElement"):
            break
        seen.page.keyboard.press("Tab")
    seen.page.keyboard.type("keys-tests.com")
    Keys(seen.page).use("button", "Add 1 domain")
    seen.page.get_by_role("heading", name="keys-tests.com").wait_for()
    seen.page.get_by_role("heading", name="Records to publish").wait_for()
    assert seen.page.get_by_label("From claim to live site").get_by_role("listitem").count() == 5
    seen.page.get_by_role("button", name="Copy TXT").first.wait_for()


def test_a_change_elsewhere_is_seen_without_a_reload(seen: Seen, console: Console) -> None:
    seen.go("domains/press.harbor.example/overview")
    seen.page.evaluate("window.kept = true")
    console.call("POST", "/v1/domains/press.harbor.example:resume")
    seen.page.get_by_role("main").get_by_text("Suspended", exact=True).first.wait_for(
        state="detached"
    )
    assert seen.page.evaluate("window.kept") is True


def test_a_network_that_comes_back_is_used_at_once(seen: Seen, console: Console) -> None:
    """With the tab's clock stopped nothing is asked again because time has passed."""
    seen.page.clock.install()
    with seen.page.expect_response("**/v1/events/stream?*"):
        seen.go("domains/press.harbor.example/overview")
    seen.page.clock.pause_at(seen.page.evaluate("Date.now()") + 1000)
    seen.page.context.set_offline(True)
    console.call("POST", "/v1/domains/press.harbor.example:suspend", {"reason": "Paused."})
    with (
        seen.page.expect_response("**/v1/events?*") as asked,
        seen.page.expect_response("**/v1/events/stream?*"),
    ):
        seen.page.context.set_offline(False)
    assert asked.value.status == 200
    seen.page.get_by_role("main").get_by_text("Suspended", exact=True).first.wait_for()
    console.call("POST", "/v1/domains/press.harbor.example:resume")


def test_what_tenants_write_is_text(seen: Seen, console: Console) -> None:
    for path, body in (
        ("applications", {"name": HOSTILE, "organization": "harbor"}),
        ("tokens", {"name": HOSTILE, "organization": "harbor"}),
        ("records", {"domain": "harbor.example", "type": "TXT", "name": "x", "value": HOSTILE}),
    ):
        console.call("POST", f"/v1/{path}", body)
    for place in ("applications", "tokens", "domains/harbor.example/records", "events"):
        seen.go(place)
        assert seen.page.evaluate("[window.hit, document.querySelectorAll('main img').length]") == [
            None,
            0,
        ]
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert (
        HOSTILE.split(maxsplit=1)[0] in seen.page.content()
        or seen.page.get_by_text("harbor").count()
    )


def test_a_record_is_checked_while_it_is_typed(seen: Seen) -> None:
    seen.go("domains/northwind.example/records")
    seen.page.get_by_role("button", name="Add record").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Host").fill("typed")
    dialog.get_by_label("Value").fill("192.0.2.300")
    dialog.locator(".wrong").wait_for()
    assert dialog.get_by_role("button", name="Save").is_disabled()
    dialog.get_by_label("Value").fill("192.0.2.30")
    dialog.locator(".wrong").wait_for(state="detached")
    dialog.get_by_role("button", name="Save").click()
    seen.page.get_by_role("row").filter(has_text="typed").wait_for()


HOST = """<!doctype html><html lang="en"><head><title>Host</title>
<link rel="stylesheet" href="/host.css"><script type="module" src="/nameplate-elements.js"></script></head>
<body><main><h1 class="card">Host</h1>
<nameplate-domain-manager></nameplate-domain-manager>
<nameplate-domain-setup domain="labs-northwind.example" language="de"></nameplate-domain-setup>
<nameplate-dns-record-editor domain="northwind.example"></nameplate-dns-record-editor>
<nameplate-application-domain-binding domain="northwind.example"></nameplate-application-domain-binding>
</main></body></html>"""
HOST_STYLE = "* { color: rgb(1, 2, 3) } nameplate-domain-manager { --np-accent: rgb(9, 99, 9) }"
HOST_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


def test_elements_live_in_a_page_of_somebody_else(console: Console, chromium: Chromium) -> None:
    page = chromium.page(viewport={"width": 1200, "height": 900})
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if "Security Policy" in one.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    headers = {"Content-Security-Policy": HOST_POLICY}
    page.route(
        "**/host.html",
        lambda route: route.fulfill(body=HOST, content_type="text/html", headers=headers),
    )
    page.route("**/host.css", lambda route: route.fulfill(body=HOST_STYLE, content_type="text/css"))
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { window.told = [];"
        "addEventListener('nameplate:domain-opened', e => told.push(e.detail.name));"
        "for (const one of document.querySelectorAll('main > *'))"
        f"  if ('renewToken' in one || one.localName.includes('-')) one.setAttribute('token', {console.token!r}) }})"
    )
    page.goto(f"{console.url}/host.html")
    page.get_by_role("heading", name="Zu veröffentlichende Einträge").wait_for()
    page.locator("nameplate-dns-record-editor").get_by_role("table").wait_for()
    page.locator("nameplate-application-domain-binding").get_by_role("table").wait_for()
    manager = page.locator("nameplate-domain-manager")
    link = manager.get_by_role("link", name="northwind.example", exact=True)
    button = manager.locator(".button.primary").first
    assert button.evaluate("b => getComputedStyle(b).backgroundColor") == "rgb(9, 99, 9)"
    assert button.evaluate("b => getComputedStyle(b).color") != "rgb(1, 2, 3)"
    assert (
        page.locator("h1.card").first.evaluate("h => getComputedStyle(h).borderTopWidth") == "0px"
    )
    link.click()
    manager.get_by_role("heading", name="northwind.example", exact=True).wait_for()
    assert page.evaluate("told") == ["northwind.example"]
    assert said == []
    page.context.close()


def test_events_of_one_domain_are_found_by_its_name(seen: Seen, console: Console) -> None:
    console.call("PATCH", "/v1/domains/harbor.example", {"notes": "seen by the harbour"})
    seen.go("events")
    with seen.page.expect_response(lambda answer: "domain=harbor.example" in answer.url):
        field = seen.page.get_by_role("searchbox", name="Domain")
        field.fill("harbor.example")
        field.press("Enter")
    rows = seen.page.locator("tbody tr")
    seen.page.get_by_role("link", name="northwind.example", exact=True).wait_for(state="detached")
    assert rows.count() > 0
    assert "domain=harbor.example" in seen.page.url
    field.fill("nobody.example")
    field.press("Enter")
    seen.page.get_by_text("domain_not_found").wait_for()


def test_a_dense_page_has_lower_rows_and_stays_so(seen: Seen) -> None:
    def row() -> float:
        seen.go("domains")
        box = seen.page.locator("tbody tr").first.bounding_box()
        return float(box["height"])

    comfortable = row()
    seen.go("settings?organization=northwind")
    seen.page.get_by_label("Density").select_option(label="Compact")
    assert row() < comfortable
    seen.page.reload()
    assert row() < comfortable


@pytest.mark.parametrize("place", ["domains", "domains/labs-northwind.example/overview"])
def test_lines_stay_readable_on_a_very_wide_screen(place: str, seen: Seen) -> None:
    seen.page.set_viewport_size({"width": 3840, "height": 2160})
    seen.go(place)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 3840
    column = seen.page.locator("main > .column").bounding_box()
    assert column["width"] <= 1200
    assert abs(column["x"] + column["width"] / 2 - 3840 / 2) < 300, "it stands in the middle"
