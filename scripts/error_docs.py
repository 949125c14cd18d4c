"""Write docs/reference/errors.md from the catalogue of error codes: `make docs`."""

# ruff: noqa: INP001 - a program beside the package

from collections.abc import Iterator
from pathlib import Path

from nameplate.core.error_catalogue import GROUPS, Entry, Group

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"

INTRO = """# Error codes

Generated from `src/nameplate/core/error_catalogue` by `make docs`; a test fails when it is stale.
Change the text there, not on this page.

Every problem document, every entry of its `errors`, every condition of a domain and every failed
command has a code from this page. `GET /errors/{code}` answers with the same text, as JSON or as a
page, and `nameplate explain CODE` prints it without a server. The `detail` beside a code always says
more: which name, which value, what the other side said.

*Whose turn* is who has to act next: *you* (whoever sent the request or owns the domain), the
*operator* of the installation, the DNS *provider*, the certificate *authority*, or *nameplate*, which
goes on by itself. A code without a status does not end a request: it stands in `errors`, in a
condition, in a plan, or is said by a command.
"""


def page() -> str:
    """Return the page."""
    contents = [f"- [{group.title}](#{_anchor(group.title)})" for group in GROUPS]
    return "\n".join(
        [INTRO, *contents, *(line for group in GROUPS for line in _section(group)), ""]
    )


def _section(group: Group) -> Iterator[str]:
    yield f"\n## {group.title}\n\n{group.intro}\n"
    yield "| code | status | what it means | what to do | whose turn |"
    yield "|---|---|---|---|---|"
    for code, entry in sorted(group.codes.items()):
        yield _row(code, entry)


def _row(code: str, entry: Entry) -> str:
    statuses = ", ".join(str(status) for status in entry.statuses)
    cells = [f'<a id="{code}"></a>`{code}`', statuses, entry.title, entry.fix, entry.turn]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _anchor(title: str) -> str:
    """Return what GitHub makes of a heading."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
