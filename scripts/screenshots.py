"""Write pictures of the page to docs/images, in both themes: `make screenshots`."""

# ruff: noqa: INP001 - a program beside the package

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers.console import STORED, Chromium, Console  # noqa: E402 - needs the path

FOLDER = ROOT / "docs" / "images"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 780}
PAGES = {
    "sign-in": "",
    "domains": "domains",
    "domain": "domains/labs-northwind.example/overview",
    "domain-in-use": "domains/northwind.example/overview",
    "records": "domains/northwind.example/records",
    "certificates": "certificates",
    "bindings": "domains/northwind.example/bindings",
    "events": "events",
}
"""Name of the picture -> address."""


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Chromium() as chromium:
        console = Console(Path(folder))
        try:
            for theme in ("light", "dark"):
                for name, place in PAGES.items():
                    _take(chromium, console, place, f"{name}-{theme}", theme, WIDE)
            _take(chromium, console, PAGES["domain"], "domain-narrow", "light", NARROW)
        finally:
            console.stop()


def _take(  # noqa: PLR0917 - what a picture is made of
    chromium: Chromium,
    console: Console,
    place: str,
    name: str,
    theme: str,
    size: dict[str, int],
) -> None:
    page = chromium.page(viewport=size, color_scheme=theme, locale="en-GB", reduced_motion="reduce")
    if place:
        page.add_init_script(f"sessionStorage.setItem({STORED!r}, {console.token!r})")
    page.goto(f"{console.url}/{place}")
    page.wait_for_selector("main h1")
    page.locator("[aria-busy=true]").first.wait_for(state="detached")
    page.wait_for_timeout(1200)  # what else is asked for has come
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    page.context.close()


if __name__ == "__main__":
    main()
