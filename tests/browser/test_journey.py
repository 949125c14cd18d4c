"""Customers at the page of a whole platform: real servers behind it, a person's clicks and keys before it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.browser.customer import (
    PATIENCE,
    apply_plan,
    bind,
    claim,
    go_to,
    open_domain,
    reaches,
    told,
    turn_to,
)
from tests.browser.keys import Keys, claim_by_keys
from tests.browser.platform import PASSWORD, Platform
from tests.conftest import FOLDER
from tests.databases import Templates
from tests.e2e.installation import fetch
from tests.servers import postgresql
from tests.servers.console import Chromium
from tests.servers.shared import shared

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def platform(
    request: pytest.FixtureRequest,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Platform]:
    port = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)["port"]
    with ExitStack() as stack:
        database = stack.enter_context(templates.postgresql(port))
        yield Platform(tmp_path_factory.mktemp("platform"), database, stack)


@pytest.fixture(scope="module")
def acme(platform: Platform, chromium: Chromium) -> Iterator[Any]:
    """Open the tab of a customer who chooses a password; the test never loads it again."""
    yield from _arrive(platform, chromium, "acme")


@pytest.fixture(scope="module")
def globex(platform: Platform, chromium: Chromium) -> Iterator[Any]:
    """Open that of another customer, in another browser."""
    yield from _arrive(platform, chromium, "globex")


def _arrive(platform: Platform, chromium: Chromium, organization: str) -> Iterator[Any]:
    page = chromium.page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(platform.invite(organization, f"owner@{organization}.example"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="No domains yet").wait_for()
    page.evaluate("window.kept = true")
    yield page
    assert page.evaluate("window.kept"), "the page was loaded again"
    page.context.close()
    assert said == []


def _answers(platform: Platform, host: str, number: int = 12) -> set[str]:
    """Return which applications answer at a host, by HTTPS through nginx."""
    root = platform.pebble.root_pem()
    port = platform.nginx.https_port
    return {json.loads(fetch("127.0.0.1", port, host, root)[1])["marker"] for _ in range(number)}


def test_a_claim_goes_live_although_the_worker_dies(platform: Platform, acme: Any) -> None:
    claim(acme, "shop.customer.com")
    name, value = told(acme, "TXT")
    platform.nameplate.kill_worker(0)
    platform.publish(name, "TXT", f'"{value}"')
    reaches(acme, "Proved")
    turn_to(acme, "Bindings")
    bind(acme, "Blue of acme", shared=True)
    turn_to(acme, "Overview")
    acme.get_by_label("Records to publish").get_by_text("127.0.0.1").first.wait_for(
        timeout=PATIENCE
    )
    name, value = told(acme, "A")
    assert (name, value) == ("shop.customer.com", "127.0.0.1")
    platform.publish(name, "A", value)
    acme.get_by_role("heading", name="Everything works").wait_for(timeout=PATIENCE)
    assert _answers(platform, name) == {"blue"}


def test_the_main_job_takes_no_mouse(platform: Platform, acme: Any, chromium: Chromium) -> None:
    may = ["clipboard-read", "clipboard-write"]
    page = chromium.page(viewport={"width": 1440, "height": 900}, permissions=may)
    keys = Keys(page)
    page.goto(platform.url)
    keys.to("textbox", "Email")
    page.keyboard.type("owner@acme.example")
    keys.press("Tab")
    page.keyboard.type(PASSWORD)
    keys.press("Enter")
    read = claim_by_keys(page, "keys.customer.com")
    platform.publish(read["Copy host of the TXT record"], "TXT", f'"{read["Copy TXT"]}"')
    keys.use("button", "Check now")  # always there: Nameplate may have looked by itself
    reaches(page, "Proved")
    way = page.get_by_role("list", name="From claim to live site").aria_snapshot()
    assert "Proved : Done" in way
    page.context.close()


def test_weights_are_moved_by_keys_and_followed_by_the_proxy(platform: Platform, acme: Any) -> None:
    host = "shop.customer.com"
    open_domain(acme, host, "Bindings")
    bind(acme, "Green of acme", shared=True)
    platform.nameplate.until("both answer", lambda: len(_answers(platform, host)) == 2)
    shares = acme.get_by_label(f"Shares at {host}")
    shares.get_by_role("slider", name="Weight of Blue of acme").focus()
    acme.keyboard.press("Home")
    shares.get_by_text("0 = 0%").wait_for()
    shares.get_by_text("100 = 100%").wait_for()
    _change_beside(platform, acme)
    shares.get_by_text("0 = 0%").wait_for()
    shares.get_by_role("button", name="Save").click()
    shares.get_by_role("button", name="Save").wait_for(state="detached")
    platform.nameplate.until("green alone", lambda: _answers(platform, host) == {"green"})


def _change_beside(platform: Platform, page: Any) -> None:
    """Have somebody else change a binding; return when the page has read it anew."""
    one = platform.nameplate.call("GET", "/v1/bindings?limit=1")["data"][0]
    change = {"hsts_enabled": not one["hsts_enabled"]}
    with page.expect_response(lambda answer: "/v1/bindings?" in answer.url):
        platform.nameplate.call("PATCH", f"/v1/bindings/{one['id']}", change)


def test_records_are_planned_applied_and_undone(platform: Platform, acme: Any) -> None:
    _manage(platform, acme)
    turn_to(acme, "Records")
    acme.get_by_role("button", name="Import").click()
    file = 'api 300 IN A 192.0.2.7\nnote 300 IN TXT "of a person"\n'
    acme.get_by_label("Content of the file").fill(file)
    acme.get_by_role("button", name="Show plan").click()
    apply_plan(acme, 2)
    assert platform.held("api.managed.com", "A") == ("192.0.2.7",)
    acme.get_by_role("row").filter(has_text="192.0.2.7").wait_for()
    acme.get_by_role("button", name="Undo last change").click()
    changes = acme.get_by_role("dialog").get_by_label("Changes").get_by_role("listitem")
    changes.filter(has_text="Removed").nth(1).wait_for()
    apply_plan(acme, 2)
    assert platform.held("api.managed.com", "A") == platform.held("note.managed.com", "TXT") == ()
    acme.get_by_role("row").filter(has_text="192.0.2.7").wait_for(state="detached")


def test_a_change_beside_nameplate_is_shown_and_repaired(platform: Platform, acme: Any) -> None:
    _manage(platform, acme)
    turn_to(acme, "Records")
    acme.get_by_role("button", name="Add record").click()
    acme.get_by_label("Host").fill("www")
    acme.get_by_label("Value").fill("192.0.2.9")
    acme.get_by_role("button", name="Save").click()
    row = acme.get_by_role("row").filter(has_text="192.0.2.9")
    row.get_by_text("Published").wait_for(timeout=PATIENCE)
    platform.publish("www.managed.com", "A", "192.0.2.66")
    acme.get_by_role("button", name="Check now").click()
    drift = acme.get_by_label("Records were changed outside Nameplate")
    drift.get_by_text("192.0.2.66").wait_for(timeout=PATIENCE)
    drift.get_by_role("button", name="Change back").click()
    acme.get_by_role("dialog").get_by_text("Applied").wait_for()
    acme.get_by_role("dialog").get_by_role("button", name="Done").click()
    assert "192.0.2.9" in platform.held("www.managed.com", "A")
    drift.wait_for(state="detached", timeout=PATIENCE)


def test_a_name_is_bought_at_the_price_that_was_shown(platform: Platform, acme: Any) -> None:
    go_to(acme, "Registrations")
    acme.get_by_role("button", name="Register a name").click()
    dialog = acme.get_by_role("dialog")
    dialog.get_by_label("Name to register").fill("bought.test")
    dialog.get_by_role("button", name="Ask for the price").click()
    buy = dialog.get_by_role("button", name="Buy for 10.00 USD")
    buy.wait_for()
    assert buy.is_disabled()
    dialog.get_by_label("Type bought.test to confirm").fill("bought.test")
    buy.click()
    dialog.get_by_role("status").wait_for()
    dialog.get_by_role("button", name="Done").click()
    row = acme.get_by_role("row").filter(has_text="bought.test")
    row.get_by_text("Active").wait_for(timeout=PATIENCE)
    (found,) = platform.nameplate.call("GET", "/v1/registrations")["data"]
    assert (found["name"], found["status"]) == ("bought.test", "active")
    acme.get_by_role("button", name="Name servers of bought.test").click()
    dialog.get_by_label("Delegate to").select_option("given")
    dialog.get_by_label("Name servers", exact=True).fill("ns1.other.example\nns2.other.example")
    dialog.get_by_role("button", name="Show what changes").click()
    dialog.get_by_text("No record was found that stops answering.").wait_for()
    dialog.get_by_role("button", name="Change name servers").click()
    dialog.wait_for(state="detached")
    wanted = ["ns1.other.example", "ns2.other.example"]
    row.get_by_text(f"Changing to {' '.join(wanted)}").wait_for()
    platform.nameplate.until(
        "the registrar has them", lambda: platform.name_servers("bought.test") == wanted
    )


def test_two_customers_work_at_once_and_see_their_own(
    platform: Platform, acme: Any, globex: Any
) -> None:
    tabs = {"one.customer.com": acme, "two.customer.com": globex}
    for name, page in tabs.items():
        claim(page, name)
    published = {name: told(page, "TXT") for name, page in tabs.items()}
    for name, value in published.values():
        platform.publish(name, "TXT", f'"{value}"')
    for page in tabs.values():
        reaches(page, "Proved")
    go_to(globex, "Events")
    globex.get_by_role("cell", name="two.customer.com").first.wait_for()
    assert globex.get_by_text("one.customer.com").count() == 0
    go_to(globex, "Domains")
    globex.get_by_role("link", name="two.customer.com").wait_for()
    assert globex.locator("tr.item").count() == 1


def test_a_page_without_network_says_so_and_catches_up(platform: Platform, acme: Any) -> None:
    open_domain(acme, "shop.customer.com", "Overview")
    platform.network.refuse()
    acme.get_by_text("No connection. Trying again.").wait_for(timeout=PATIENCE)
    platform.nameplate.call("POST", "/v1/domains/shop.customer.com:suspend", {"reason": "Paused."})
    acme.get_by_role("heading", name="shop.customer.com", exact=True).wait_for()
    platform.network.open()
    acme.get_by_role("main").get_by_text("Suspended", exact=True).first.wait_for(timeout=PATIENCE)
    acme.get_by_text("No connection. Trying again.").wait_for(state="detached")
    platform.nameplate.call("POST", "/v1/domains/shop.customer.com:resume")
    acme.get_by_role("heading", name="Everything works").wait_for(timeout=PATIENCE)


def test_an_api_without_database_is_told_of_and_the_page_stays(
    platform: Platform, acme: Any
) -> None:
    open_domain(acme, "shop.customer.com", "Overview")
    platform.database.refuse()
    acme.get_by_role("button", name="Check now").first.click()
    alert = acme.get_by_role("alert")
    alert.get_by_text("database_unavailable").wait_for(timeout=PATIENCE)
    assert alert.get_by_text("Request req_").count() == 1
    acme.get_by_role("list", name="From claim to live site").wait_for()
    platform.database.open()
    platform.nameplate.until(
        "the API answers", lambda: platform.nameplate.ask("GET", "/v1/domains")[0] == 200
    )
    alert.get_by_role("button", name="Try again").click()
    alert.wait_for(state="detached", timeout=PATIENCE)


def test_a_session_that_ends_in_the_middle_goes_on_where_it_was(
    platform: Platform, acme: Any
) -> None:
    open_domain(acme, "shop.customer.com", "Bindings")
    platform.end_sessions()
    acme.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE)
    assert acme.get_by_text("shop.customer.com").count() == 0
    acme.get_by_label("Email").fill("owner@acme.example")
    acme.get_by_label("Password", exact=True).fill(PASSWORD)
    acme.get_by_role("button", name="Sign in").click()
    acme.get_by_role("cell", name="Blue of acme").wait_for()
    assert acme.url.endswith("/domains/shop.customer.com/bindings")


def _manage(platform: Platform, page: Any) -> None:
    """Have Nameplate write the records of a proved domain; the second time it is there."""
    domain = "managed.com"
    if platform.nameplate.ask("GET", f"/v1/domains/{domain}")[0] == 404:
        claim(page, domain)
        platform.nameplate.call("PATCH", f"/v1/domains/{domain}", {"account": "powerdns"})
    else:
        open_domain(page, domain, "Overview")
    reaches(page, "Proved")
