"""What the pages of domains, certificates and bindings show beside the status, and one click ways out."""

import re
import secrets
from collections.abc import Callable

from tests.browser.conftest import Seen
from tests.servers.console import Console


def test_records_leave_as_terraform(seen: Seen) -> None:
    seen.go("domains/labs-northwind.example/overview")
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="Terraform").click()
    text = download.value.path().read_text()
    assert 'resource "dns_txt_record_set"' in text
    assert 'zone = "labs-northwind.example."' in text


def test_an_account_takes_over_what_it_said(seen: Seen, console: Console) -> None:
    owner = console.call("GET", "/v1/domains/labs-northwind.example")["organization"]
    account = {"kind": "dns", "provider": "memory", "config": {"zones": ["labs-northwind.example"]}}
    for name, organization in (("dns of labs", owner), ("dns of the platform", None)):
        named = {"name": name, "organization": organization}
        console.call("POST", "/v1/accounts", {**account, **named})
    seen.go("domains/labs-northwind.example/overview")
    seen.page.get_by_role("button", name="Connect", exact=True).click()
    dialog = seen.page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Connect").is_disabled()
    before = console.call("GET", "/v1/domains/labs-northwind.example")
    to_write = {
        f"{one['name']} {one['type']} {one['value']}"
        for one in before["instructions"]
        if one["kind"] == "dns_record" and not one["done"]
    }
    choice = dialog.get_by_label("DNS account")
    choice.select_option(label="dns of the platform · memory")
    nothing = dialog.get_by_role("status", name="Nothing has to be written now.")
    nothing.get_by_text("1 record stays for you to publish.").wait_for()
    choice.select_option(label="dns of labs · memory")
    writes = dialog.get_by_role("status", name="Nameplate will write")
    writes.get_by_role("listitem").first.wait_for()
    told = {
        one.inner_text().replace("+", "").strip() for one in writes.get_by_role("listitem").all()
    }
    assert told == to_write != set()
    assert console.call("GET", "/v1/domains/labs-northwind.example")["account"] is None
    dialog.get_by_role("button", name="Connect").click()
    seen.page.get_by_role("heading", name="Let Nameplate do it").wait_for(state="detached")
    domain = console.call("GET", "/v1/domains/labs-northwind.example")
    assert domain["account"] is not None
    console.call("PATCH", "/v1/domains/labs-northwind.example", {"account": None})
    for name in ("dns%20of%20labs", "dns%20of%20the%20platform"):
        console.call("PATCH", f"/v1/accounts/{name}", {"name": f"tried {secrets.token_hex(3)}"})


def test_an_account_is_added_with_its_token_where_it_is_needed(
    person: Callable[..., Seen], console: Console
) -> None:
    name = f"connect-{secrets.token_hex(3)}.com"
    console.call("POST", "/v1/domains", {"name": name, "organization": "northwind"})
    member = person("member", "northwind")
    member.go(f"domains/{name}/overview")
    member.page.get_by_role("button", name="Connect", exact=True).click()
    member.page.get_by_label("DNS account").wait_for()
    assert member.page.get_by_role("button", name="Add account").count() == 0
    admin = person("admin", "northwind")
    admin.go(f"domains/{name}/overview")
    admin.page.get_by_role("button", name="Connect", exact=True).click()
    admin.page.get_by_role("button", name="Add account").click()
    form = admin.page.get_by_role("dialog", name="Add account")
    form.get_by_label("Provider").select_option("memory")
    form.get_by_label("Name", exact=True).fill(f"dns of {name}")
    more = form.get_by_text("more setting")
    if more.count():
        more.first.click()
    form.get_by_label("zones").fill(name)
    form.get_by_label("api_key").fill("shown to nobody")
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="detached")
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_role("status", name="Nameplate will write").get_by_text(name).first.wait_for()
    assert console.call("GET", f"/v1/domains/{name}")["account"] is None
    with admin.page.expect_response(
        lambda one: one.request.method == "PATCH" and "dry_run=false" in one.url
    ):
        dialog.get_by_role("button", name="Connect").click()
    dialog.wait_for(state="detached")
    account = console.call("GET", f"/v1/accounts/dns%20of%20{name}")
    assert console.call("GET", f"/v1/domains/{name}")["account"] == account["id"]
    assert "shown to nobody" not in admin.page.content()


def test_a_plan_is_applied_and_undone_where_it_was_applied(seen: Seen) -> None:
    name = f"undo-{secrets.token_hex(3)}"
    seen.go("domains/northwind.example/records")
    seen.page.get_by_role("button", name="Import").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Content of the file").fill(f'{name} 300 IN TXT "now and then"\n')
    dialog.get_by_role("button", name="Show plan").click()
    dialog.get_by_text("Will keep").wait_for()
    dialog.get_by_role("button", name="Apply").click()
    dialog.get_by_role("button", name="Undo last change").click()
    dialog.locator(".diff .delete").filter(has_text=name).wait_for()
    dialog.get_by_role("button", name="Cancel").click()


def test_a_record_says_which_servers_have_it(seen: Seen) -> None:
    seen.go("domains/northwind.example/records")
    seen.page.get_by_role("button", name="MX @ at the servers").click()
    seen.page.get_by_role("dialog").get_by_role("heading", name="MX @ at the servers").wait_for()


def test_certificates_have_a_calendar_and_a_life(seen: Seen) -> None:
    seen.go("certificates")
    calendar = seen.page.get_by_role("region", name="Expiry calendar")
    calendar.get_by_role("button", name="northwind.example", exact=True).click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_role("img", name="Renewed between").wait_for()
    dialog.get_by_text("Used by 1 binding.").wait_for()


def test_limits_of_authorities_are_seen_before_an_order_waits(
    seen: Seen, person: Callable[..., Seen]
) -> None:
    def told(tab: Seen, first: str) -> dict[str, str]:
        tab.go("certificates")
        limits = tab.page.get_by_role("region", name="Limits of the authorities")
        limits.get_by_role("heading", name="main Let's Encrypt").wait_for()
        limits.get_by_text(first, exact=True).wait_for()
        rows = [one.inner_text().split("\n") for one in limits.get_by_role("listitem").all()]
        return {name: " ".join(" ".join(rest).split()) for name, *rest in rows}

    everything = told(seen, "Orders of Harbor Media")
    # An order is earned back every 36 seconds: how many are left depends on how old the console is.
    assert re.match(r"\d+ of 300 taken in 3 hours Room", everything["Orders of the account"])
    assert re.match(r"\d+ of 150 taken in 3 hours Room", everything["Orders of Harbor Media"])
    assert "5 of 5 taken in 7 days Used up" in everything["Certificates for northwind.example"]
    assert "Room again tomorrow" in everything["Certificates for northwind.example"]
    near = everything["Certificates for harbor.example"]
    assert near == "4 of 5 taken in 7 days Nearly taken"
    mine = told(person("viewer", "northwind"), "Your share of the orders")
    assert mine.keys() == {"Your share of the orders", "Certificates for northwind.example"}


def test_a_binding_shows_its_last_day_and_its_servers(seen: Seen) -> None:
    seen.go("bindings")
    rows = seen.page.get_by_role("row")
    rows.nth(1).get_by_role("img", name="100% of the checks of the last day").wait_for()
    failed = rows.nth(2).get_by_role("img", name="of the checks of the last day")
    assert 3 <= failed.locator("rect.bad").count() <= 6
    assert rows.nth(1).get_by_text("Edge").count() == 1
    assert rows.nth(1).locator("polyline").get_attribute("points").count(",") > 200
