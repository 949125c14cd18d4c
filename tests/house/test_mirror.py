"""The tests lie as the code does: whoever knows a module knows where it is tested."""

from pathlib import Path

from tests.house.source import PACKAGE, ROOT

MIRRORED = ("core", "usecases")
LINES = 100
"""From this length on a module has a test file of its own name."""
TABLES = PACKAGE / "core" / "error_catalogue"
"""Entries without logic: test_error_codes.py reads all of them."""
RECORD = PACKAGE / "usecases" / "tools.py"
"""One dataclass, which every test of a use case fills."""


def _expected() -> dict[str, Path]:
    """Return the test file of each module that is long enough."""
    return {
        str(path.relative_to(PACKAGE)): ROOT.joinpath(
            "tests", path.relative_to(PACKAGE).with_name(f"test_{path.name}")
        )
        for folder in MIRRORED
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        if path.name != "__init__.py"
        and path.parent != TABLES
        and path != RECORD
        and path.read_text().count("\n") >= LINES
    }


def test_long_modules_have_their_tests() -> None:
    missing = [
        f"{module}: {path.relative_to(ROOT)}"
        for module, path in _expected().items()
        if not path.exists()
    ]
    assert not missing, "\n".join(["", *missing])


def test_tests_are_named_after_what_is_there() -> None:
    """A test file in a mirrored folder is named after a module or a package of that folder."""
    lost = []
    for folder in MIRRORED:
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            place = path.relative_to(ROOT / "tests").parent
            name = path.stem.removeprefix("test_")
            if not any((PACKAGE / place / one).exists() for one in (f"{name}.py", name)):
                lost.append(str(path.relative_to(ROOT)))
    assert not lost, "\n".join(["", *lost])
