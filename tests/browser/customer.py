"""What a customer does on the page."""

from typing import Any

PATIENCE = 60_000
"""Milliseconds until something that servers do must be seen."""


def go_to(page: Any, place: str) -> None:
    """Follow a link of the navigation, away from a dialog that was left open."""
    if page.get_by_role("dialog").count():
        page.keyboard.press("Escape")
    page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()


def claim(page: Any, name: str) -> None:
    """Claim a name on the page of domains, and be led to its own."""
    go_to(page, "Domains")
    page.get_by_role("button", name="Add domains").first.click()
    page.get_by_label("Names").fill(name)
    page.get_by_role("button", name="Add 1 domain").click()
    page.get_by_role("heading", name=name, exact=True).wait_for()


def turn_to(page: Any, name: str) -> None:
    """Turn to a part of the domain's page."""
    page.get_by_role("navigation", name="Parts of the domain").get_by_role(
        "button", name=name
    ).click()


def told(page: Any, rdtype: str) -> tuple[str, str]:
    """Return the full name and the value that the page tells to publish."""
    page.get_by_role("checkbox", name="Show full names").check()
    kind = page.get_by_text(rdtype, exact=True)
    row = page.get_by_label("Records to publish").get_by_role("row").filter(has=kind).first
    name, value = row.locator(".value").all_inner_texts()
    return name, value


def reaches(page: Any, step: str) -> None:
    """Wait until a step of the domain is done."""
    page.locator(".timeline li.done").filter(has_text=step).wait_for(timeout=PATIENCE)


def bind(page: Any, application: str, *, shared: bool = False) -> None:
    """Bind an application to the domain whose bindings are shown."""
    page.get_by_role("button", name="Bind application").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Application", exact=True).select_option(label=application)
    if shared:
        dialog.get_by_label("Share host and path").check()
    dialog.get_by_role("button", name="Bind application").click()
    dialog.wait_for(state="detached")


def open_domain(page: Any, name: str, tab: str) -> None:
    """Go to a domain by the list."""
    go_to(page, "Domains")
    page.get_by_role("link", name=name, exact=True).click()
    turn_to(page, tab)


def apply_plan(page: Any, changes: int) -> None:
    """Apply the plan that is shown."""
    dialog = page.get_by_role("dialog")
    word = "change" if changes == 1 else "changes"
    dialog.get_by_role("button", name=f"Apply {changes} {word}").click()
    dialog.get_by_text("Applied. It can be undone.").wait_for()
    dialog.get_by_role("button", name="Done").click()
