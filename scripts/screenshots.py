"""Write pictures of the page to docs/images, in both themes: `make screenshots`."""

# ruff: noqa: INP001 - a program beside the package

import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers.console import Chromium, Console  # noqa: E402 - needs the path

FOLDER = ROOT / "docs" / "images"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 320, "height": 780}
PAGES = {
    "sign-in": "",
    "domains": "domains",
    "domain": "domains/labs-northwind.example/overview",
    "domain-in-use": "domains/northwind.example/overview",
    "records": "domains/northwind.example/records",
    "certificates": "certificates",
    "certificate": "certificates",
    "bindings": "domains/northwind.example/bindings",
    "every-binding": "bindings",
    "registrations": "registrations",
    "applications": "applications",
    "tokens": "tokens",
    "events": "events",
    "servers": "servers",
    "accounts": "accounts",
    "account-form": "accounts",
    "me": "me",
    "members": "members",
    "organizations": "organizations",
    "settings": "settings?organization=northwind",
    "setup": "",
}
"""Name of the picture -> address."""
PRESSED = {"account-form": "Add account", "certificate": "northwind.example"}
"""Name of the picture -> what is pressed before it is taken."""
SETUP = "setup"
"""The page behind a setup link, which needs no login."""
PERSON = "operator@platform.example"


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Chromium() as chromium:
        console = Console(Path(folder))
        try:
            console.person("member@northwind.example", "member", "northwind")
            cookies = _sign_in(chromium, console)
            for theme in ("light", "dark"):
                for name in PAGES:
                    _take(chromium, console, cookies, name, theme, WIDE)
            for name in ("domain", "me", "servers", "certificates", SETUP):
                _take(chromium, console, cookies, name, "light", NARROW)
        finally:
            console.stop()


def _sign_in(chromium: Chromium, console: Console) -> Any:  # noqa: ANN401 - cookies of Playwright
    page = chromium.page()
    page.goto(console.person(PERSON))
    page.get_by_label("Password").fill(secrets.token_urlsafe())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".shell")
    return page.context.cookies()


def _take(  # noqa: PLR0917 - what a picture is made of
    chromium: Chromium,
    console: Console,
    cookies: Any,  # noqa: ANN401 - cookies of Playwright
    name: str,
    theme: str,
    size: dict[str, int],
) -> None:
    page = chromium.page(viewport=size, color_scheme=theme, locale="en-GB", reduced_motion="reduce")
    if PAGES[name]:
        page.context.add_cookies(cookies)
    if name == SETUP:
        page.goto(
            console.call("POST", "/v1/setup-links", {"domain": "labs-northwind.example"})["url"]
        )
        page.get_by_role("button").click()
        page.get_by_role("heading", name="labs-northwind.example").first.wait_for()
    else:
        page.goto(f"{console.url}/{PAGES[name]}")
        page.wait_for_selector("main h1")
        page.locator("[aria-busy=true]").first.wait_for(state="detached")
    if name in PRESSED:
        page.get_by_role("button", name=PRESSED[name]).first.click()
    page.wait_for_timeout(1200)  # what else is asked for has come
    suffix = "narrow" if size == NARROW else theme
    page.screenshot(path=FOLDER / f"{name}-{suffix}.png", full_page=name not in PRESSED)
    page.context.close()


if __name__ == "__main__":
    main()
