"""What is set up once: accounts, servers, groups and applications, by forms that the plug-ins describe."""

from collections.abc import Callable

from tests.browser.conftest import Seen
from tests.servers.console import Console


def test_an_account_is_added_tested_changed_and_removed(seen: Seen, console: Console) -> None:
    seen.go("accounts")
    seen.page.get_by_role("button", name="Add account").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Provider").select_option("powerdns")
    dialog.get_by_label("api_url").wait_for()
    assert dialog.get_by_text("URL of the HTTP API").count() == 1
    dialog.get_by_label("Provider").select_option("memory")
    dialog.get_by_label("Name", exact=True).fill("dns for trials")
    more = dialog.get_by_text("more setting")
    if more.count():
        more.first.click()
    dialog.get_by_label("zones").fill("one.example\ntwo.example")
    dialog.get_by_label("api_key").fill("shown to nobody")
    dialog.get_by_role("button", name="Save").click()
    seen.page.get_by_text("dns for trials works.").wait_for()
    seen.page.get_by_text("one.example, two.example").wait_for()
    made = console.call("GET", "/v1/accounts/dns%20for%20trials")
    assert (made["config"], made["has_credentials"]) == (
        {"zones": ["one.example", "two.example"]},
        True,
    )
    seen.page.get_by_label("Actions for dns for trials").click()
    seen.page.get_by_role("button", name="Edit", exact=True).click()
    assert dialog.get_by_label("zones").input_value() == "one.example\ntwo.example"
    assert dialog.get_by_label("api_key").input_value() == ""
    dialog.get_by_label("zones").fill("one.example")
    dialog.get_by_role("button", name="Save").click()
    seen.page.get_by_text("two.example").wait_for(state="detached")
    kept = console.call("GET", "/v1/accounts/dns%20for%20trials")
    assert (kept["config"], kept["has_credentials"]) == ({"zones": ["one.example"]}, True)
    seen.page.get_by_label("Actions for dns for trials").click()
    seen.page.get_by_role("button", name="Remove", exact=True).click()
    remove = dialog.get_by_role("button", name="Remove")
    assert remove.is_disabled()
    dialog.get_by_label("Type dns for trials to confirm").fill("dns for trials")
    remove.click()
    seen.page.get_by_label("Actions for dns for trials").wait_for(state="detached")
    assert "shown to nobody" not in seen.page.content()


def test_what_the_api_refuses_is_said_in_the_form(seen: Seen) -> None:
    seen.go("accounts")
    seen.page.get_by_role("button", name="Add account").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Provider").select_option("powerdns")
    dialog.get_by_label("Name", exact=True).fill("wrong")
    dialog.get_by_label("api_url").fill("not a url")
    dialog.get_by_label("api_key").fill("x")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("alert").get_by_text("URL").first.wait_for()
    assert dialog.get_by_label("Name", exact=True).input_value() == "wrong"


def test_a_server_is_added_tested_grouped_and_removed(seen: Seen, console: Console) -> None:
    seen.go("servers")
    seen.page.get_by_role("button", name="Add server").first.click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("edge-9")
    dialog.get_by_label("Region").fill("eu-central")
    dialog.get_by_label("Address", exact=True).fill("192.0.2.9")
    dialog.get_by_label("IP addresses").fill("192.0.2.9\n2001:db8::9")
    dialog.get_by_label("Proxy").select_option("caddy")
    dialog.get_by_label("admin_url").fill("http://127.0.0.1:9")
    dialog.get_by_role("button", name="Save").click()
    seen.page.get_by_label("Actions for edge-9").wait_for()
    made = console.call("GET", "/v1/servers/edge-9")
    assert made["proxy"] == {"type": "caddy", "admin_url": "http://127.0.0.1:9"}
    assert made["addresses"] == ["192.0.2.9", "2001:db8::9"]
    seen.page.get_by_role("button", name="Add group").click()
    dialog.get_by_label("Name", exact=True).fill("europe")
    dialog.get_by_role("button", name="Save").click()
    seen.page.get_by_label("Actions for europe").click()
    seen.page.get_by_role("button", name="Add server", exact=True).last.click()
    dialog.get_by_label("Server").select_option(label="edge-9")
    dialog.get_by_role("button", name="Add server").click()
    leave = seen.page.get_by_role("button", name="Take edge-9 out of the group")
    leave.wait_for()
    assert console.call("GET", "/v1/servers/edge-9")["server_group"] is not None
    leave.click()
    leave.wait_for(state="detached")
    for name in ("europe", "edge-9"):
        seen.page.get_by_label(f"Actions for {name}").click()
        seen.page.get_by_role("button", name="Remove", exact=True).click()
        dialog.get_by_label(f"Type {name} to confirm").fill(name)
        dialog.get_by_role("button", name="Remove").click()
        seen.page.get_by_label(f"Actions for {name}").wait_for(state="detached")


def test_the_test_of_a_server_says_what_to_do(seen: Seen) -> None:
    seen.go("servers")
    seen.page.get_by_role("button", name="Test Edge").click()
    report = seen.page.get_by_role("status", name="Test of Edge")
    report.get_by_text("Failed").first.wait_for()
    assert report.get_by_text("edge.platform.example").count() >= 1


def test_an_application_is_added_changed_and_removed(
    person: Callable[..., Seen], console: Console
) -> None:
    admin = person("admin", "northwind")
    admin.go("applications")
    admin.page.get_by_role("button", name="Add application").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Blog")
    dialog.get_by_role("button", name="Save").click()
    admin.page.get_by_label("Actions for Blog").click()
    admin.page.get_by_role("button", name="Edit", exact=True).click()
    dialog.get_by_label("Name", exact=True).fill("Weblog")
    dialog.get_by_role("button", name="Save").click()
    admin.page.get_by_label("Actions for Weblog").click()
    names = {one["name"] for one in console.call("GET", "/v1/applications")["data"]}
    assert "Weblog" in names
    assert "Blog" not in names
    admin.page.get_by_role("button", name="Remove", exact=True).click()
    dialog.get_by_label("Type Weblog to confirm").fill("Weblog")
    dialog.get_by_role("button", name="Remove").click()
    admin.page.get_by_label("Actions for Weblog").wait_for(state="detached")


def test_the_dialog_of_name_servers_begins_with_the_present_ones(seen: Seen) -> None:
    seen.go("registrations")
    seen.page.get_by_role("button", name="Name servers of northwind.test").click()
    dialog = seen.page.get_by_role("dialog")
    assert dialog.get_by_label("Delegate to").input_value() == "given"
    present = "ns1.parked.test\nns2.parked.test"
    assert dialog.get_by_label("Name servers", exact=True).input_value() == present
