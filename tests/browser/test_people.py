"""Who may do what: the own page, members, logins, organizations, and what each role is shown."""

import base64
import secrets
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from tests.browser.conftest import PASSWORD, Seen
from tests.browser.keys import Keys
from tests.servers.console import Console

WRITES = (
    "Add domains", "Check now", "Add record", "Plan changes", "Bind application", "Add account",
    "Add server", "Add group", "Add application", "Add member", "Add token", "Invite person",
    "Add organization", "Release domain", "Request certificate", "Share link",
)  # fmt: skip
PLACES = (
    "domains", "domains/northwind.example/overview", "domains/northwind.example/records",
    "domains/northwind.example/certificates", "domains/northwind.example/bindings",
    "domains/northwind.example/settings", "servers", "applications", "organizations", "bindings",
)  # fmt: skip


def shown_writes(seen: Seen) -> set[str]:
    """Return which buttons that change something are on the pages."""
    found = set()
    for place in PLACES:
        seen.go(place)
        seen.page.wait_for_timeout(500)  # what is asked for after the first answer has come
        for name in WRITES:
            if seen.page.get_by_role("main").get_by_role("button", name=name).count():
                found.add(name)
        if seen.page.locator("main summary").filter(has_text="Actions").count():
            found.add("Actions")
    return found


def test_a_viewer_is_offered_nothing_that_is_refused(person: Callable[..., Seen]) -> None:
    viewer = person("viewer", "northwind")
    assert shown_writes(viewer) == set()
    viewer.page.get_by_text("Viewer: you see everything and change nothing.").wait_for()
    links = viewer.page.get_by_role("navigation", name="Main").get_by_role("link")
    assert links.filter(has_text="Accounts").count() == links.filter(has_text="Tokens").count() == 0
    assert viewer.page.get_by_label("Redirect HTTP to HTTPS").count() == 0
    viewer.go("domains/northwind.example/settings")
    assert viewer.page.get_by_label("Redirect HTTP to HTTPS").is_disabled()


def test_a_member_works_on_domains_and_an_admin_sets_up(person: Callable[..., Seen]) -> None:
    member = shown_writes(person("member", "northwind"))
    assert {"Add domains", "Check now", "Add record", "Bind application", "Actions"} <= member
    assert not {"Add server", "Add application", "Release domain"} & member
    admin = shown_writes(person("admin", "northwind"))
    assert {"Add server", "Add group", "Add application", "Release domain"} <= admin - member
    assert "Add organization" not in admin


def test_an_authenticator_is_set_up_and_its_codes_are_asked_for(
    person: Callable[..., Seen],
) -> None:
    mine = person("member", "northwind")
    mine.go("me")
    mine.page.get_by_role("button", name="Set up authenticator").click()
    dialog = mine.page.get_by_role("dialog")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    drawn = dialog.get_by_role("img", name="QR code for the authenticator app")
    drawn.wait_for()
    assert drawn.locator("path").get_attribute("d").count("M") > 200
    secret = dialog.locator(".mono").inner_text()
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    code = TOTP(key, 6, SHA1(), 30, enforce_key_length=False).generate(time.time()).decode()
    dialog.get_by_label("One-time code").fill("000000" if code != "000000" else "111111")
    dialog.get_by_role("button", name="Confirm").click()
    dialog.get_by_role("alert").wait_for()
    dialog.get_by_label("One-time code").fill(code)
    dialog.get_by_role("button", name="Confirm").click()
    codes = dialog.get_by_label("Recovery codes").inner_text().split()
    assert len(codes) >= 8
    dialog.get_by_role("button", name="Done").click()
    email = mine.page.locator("dd").nth(1).inner_text()
    mine.page.get_by_role("button", name="Sign out").click()
    mine.page.get_by_label("Email").fill(email)
    mine.page.get_by_label("Password", exact=True).fill(PASSWORD)
    mine.page.get_by_role("button", name="Sign in").click()
    mine.page.get_by_label("One-time code").fill(codes[0])
    mine.page.get_by_role("button", name="Sign in").click()
    mine.page.wait_for_selector(".shell")
    mine.go("me")
    mine.page.get_by_role("button", name="Remove authenticator").click()
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("One-time code").fill(codes[1])
    dialog.get_by_role("button", name="Remove", exact=True).click()
    mine.page.get_by_role("button", name="Set up authenticator").wait_for()


def test_another_password_ends_the_other_browsers(person: Callable[..., Seen]) -> None:
    mine = person("member", "northwind")
    mine.go("me")
    email = mine.page.locator("dd").nth(1).inner_text()
    body = f"{{email: {email!r}, password: {PASSWORD!r}}}"
    mine.page.evaluate(
        "fetch('/v1/session', {method: 'POST', credentials: 'omit',"
        f"headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({body})}})"
    )
    mine.page.reload()
    mine.page.get_by_text("This one").wait_for()
    end = mine.page.get_by_role("button", name="End the session in Chrome")
    end.click()
    end.wait_for(state="detached")
    mine.page.get_by_label("Current password").fill("not my password 1")
    mine.page.get_by_label("New password").fill("another long password")
    mine.page.get_by_role("button", name="Change password").click()
    mine.page.get_by_role("alert").wait_for()
    mine.page.get_by_label("Current password").fill(PASSWORD)
    mine.page.get_by_role("button", name="Change password").click()
    mine.page.get_by_text("The password is changed.").wait_for()
    mine.page.get_by_label("Current password").fill("x")  # what comes after needs the new token
    mine.page.reload()
    mine.page.get_by_text("This one").wait_for()


def test_members_come_change_and_go(person: Callable[..., Seen], console: Console) -> None:
    new = f"new-{secrets.token_hex(4)}@example.com"
    console.person(new, "viewer", "harbor")
    admin = person("admin", "northwind")
    admin.go("members")
    admin.page.get_by_role("button", name="Add member").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("nobody@example.com")
    dialog.get_by_role("button", name="Add member").click()
    dialog.get_by_role("alert").wait_for()
    dialog.get_by_label("Email").fill(new)
    dialog.get_by_label("Role").select_option(label="Viewer")
    dialog.get_by_role("button", name="Add member").click()
    role = admin.page.get_by_label(f"Role of {new}")
    role.select_option(label="Owner")
    admin.page.get_by_role("alert").get_by_text("role_too_high").wait_for()
    assert role.input_value() == "viewer"
    with admin.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        role.select_option(label="Member")
    admin.page.get_by_role("alert").wait_for(state="detached")
    listed = console.call("GET", "/v1/memberships?organization=northwind")["data"]
    assert (new, "member") in {(one["email"], one["role"]) for one in listed}
    admin.page.get_by_role("button", name=f"Remove {new}").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    role.wait_for(state="detached")
    assert admin.page.get_by_role("heading", name="Logins").count() == 0


def test_an_operator_invites_and_removes_a_login(person: Callable[..., Seen]) -> None:
    operator = person()
    operator.go("members")
    operator.page.get_by_role("button", name="Invite person").click()
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("brief@example.com")
    dialog.get_by_role("button", name="Invite person").click()
    dialog.get_by_text("/invitation#").wait_for()
    dialog.get_by_role("button", name="Done").click()
    operator.page.get_by_label("Actions for brief@example.com").click()
    operator.page.get_by_role("button", name="Remove", exact=True).click()
    remove = dialog.get_by_role("button", name="Remove")
    assert remove.is_disabled()
    dialog.get_by_label("Type brief@example.com to confirm").fill("brief@example.com")
    remove.click()
    operator.page.get_by_label("Actions for brief@example.com").wait_for(state="detached")


def test_organizations_are_a_tree_to_walk_in(person: Callable[..., Seen]) -> None:
    operator = person()
    operator.go("organizations")
    operator.page.get_by_label("Actions for Northwind Goods").click()
    operator.page.get_by_role("button", name="Add below").click()
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Northwind Tests")
    dialog.get_by_role("button", name="Add organization").click()
    row = operator.page.get_by_role("row").filter(has_text="Northwind Tests")
    row.get_by_text("Level 2").wait_for()
    row.get_by_label("Actions for Northwind Tests").click()
    operator.page.get_by_role("button", name="Suspend", exact=True).click()
    dialog.get_by_role("button", name="Suspend").click()
    row.get_by_text("Suspended").wait_for()
    row.get_by_label("Actions for Northwind Tests").click()
    operator.page.get_by_role("button", name="Resume").click()
    row.get_by_text("Active", exact=True).wait_for()
    row.get_by_role("button", name="Switch to Northwind Tests").click()
    operator.page.get_by_role("heading", name="No domains yet").wait_for()
    assert "organization=org_" in operator.page.url
    operator.go("organizations")
    row.get_by_label("Actions for Northwind Tests").click()
    operator.page.get_by_role("button", name="Remove", exact=True).click()
    dialog.get_by_label("Type northwind-tests to confirm").fill("northwind-tests")
    dialog.get_by_role("button", name="Remove").click()
    row.wait_for(state="detached")


def test_settings_are_the_owners(person: Callable[..., Seen], console: Console) -> None:
    owner = person("owner", "northwind")
    owner.go("settings")
    owner.page.get_by_label("Key", exact=True).select_option("ec384")
    owner.page.get_by_role("button", name="Save").click()
    owner.page.get_by_text("Saved.").wait_for()
    assert console.call("GET", "/v1/organizations/northwind")["key_type"] == "ec384"
    owner.page.get_by_text("PowerDNS Authoritative Server").wait_for()
    owner.page.get_by_label("Language").select_option(label="Deutsch")
    owner.page.get_by_role("heading", name="Einstellungen").wait_for()
    console.call("PATCH", "/v1/organizations/northwind", {"key_type": None})
    admin = person("admin", "northwind")
    admin.go("settings")
    admin.page.get_by_text("Only an owner changes these.").wait_for()
    assert admin.page.get_by_label("Key", exact=True).is_disabled()


def test_members_and_settings_take_no_mouse(person: Callable[..., Seen], console: Console) -> None:
    new = f"keys-{secrets.token_hex(4)}@example.com"
    console.person(new, "viewer", "harbor")
    owner = person("owner", "northwind")
    keys, page = Keys(owner.page), owner.page
    keys.use("link", "Members")
    keys.use("button", "Add member")
    keys.to("textbox", "Email")
    page.keyboard.type(new)
    keys.to("combobox", "Role")
    keys.press("v")
    keys.use("button", "Add member")
    keys.to("combobox", f"Role of {new}")
    with page.expect_response(lambda one: one.request.method == "PATCH") as changed:
        keys.press("m")
    assert changed.value.json()["role"] == "member"
    keys.use("button", f"Remove {new}")
    keys.use("button", "Remove")
    page.get_by_label(f"Role of {new}").wait_for(state="detached")
    keys.use("link", "Settings")
    page.get_by_label("Key", exact=True).wait_for()
    keys.to("combobox", "Key")
    keys.press("e", "c", "3")
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        keys.use("button", "Save")
    page.get_by_text("Saved.").wait_for()
    assert console.call("GET", "/v1/organizations/northwind")["key_type"] == "ec384"
    console.call("PATCH", "/v1/organizations/northwind", {"key_type": None})


def test_the_tree_of_organizations_takes_no_mouse(person: Callable[..., Seen]) -> None:
    operator = person()
    keys, page = Keys(operator.page), operator.page
    name = f"Keys {secrets.token_hex(3)}"
    keys.use("link", "Organizations")
    keys.use("button", "Add organization")
    keys.to("textbox", "Name")
    page.keyboard.type(name)
    keys.use("button", "Add organization")
    keys.to("button", f"Switch to {name}")
    keys.press("Tab", "Enter")
    keys.use("button", "Suspend")
    page.get_by_role("dialog").wait_for()
    keys.use("button", "Suspend")
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_text("Suspended").wait_for()
    keys.use("button", f"Switch to {name}")
    page.wait_for_url("**organization=org_*")
    keys.use("link", "Certificates")
    page.get_by_role("heading", name="Certificates", level=1).wait_for()


@pytest.mark.parametrize("place", ["me", "members"])
def test_a_token_has_no_person(place: str, seen: Seen) -> None:
    seen.go(place)
    expected = "signed in with an API token" if place == "me" else "Logins"
    seen.page.get_by_role("heading", name=expected).wait_for()
