"""Somebody without a mouse."""

from typing import Any

FOCUSED = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return {
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    what: one.outerHTML.slice(0, 120),
  };
}"""
MAX_STOPS = 80


class Keys:
    """Somebody without a mouse: only keys are pressed, and the focus is looked at wherever it goes."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def to(self, role: str, name: str) -> None:
        """Tab until the focus is there; fail where it cannot be seen."""
        wanted = self.page.get_by_role(role, name=name, exact=True).first
        wanted.wait_for()
        for _ in range(MAX_STOPS):
            if wanted.evaluate("one => one === document.activeElement"):
                return
            self.press("Tab")
            found = self.page.evaluate(FOCUSED)
            assert found is None or (found["marked"] and found["seen"]), found
        raise AssertionError(f"the focus does not reach the {role} {name}")

    def use(self, role: str, name: str) -> None:
        """Go to a control and press Enter."""
        self.to(role, name)
        self.press("Enter")


def claim_by_keys(page: Any, name: str) -> dict[str, str]:
    """Claim a name and return what a screen reader reads of the records to publish, by its label."""
    keys = Keys(page)
    keys.use("link", "Domains")
    keys.use("button", "Add domains")
    keys.to("textbox", "Names")
    page.keyboard.type(name)
    keys.use("button", "Add 1 domain")
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
    keys.to("checkbox", "Show full names")
    keys.press("Space")
    read = {}
    for label in ("Copy host of the TXT record", "Copy TXT"):
        keys.use("button", label)
        read[label] = page.evaluate("navigator.clipboard.readText()")
    return read
