"""Every error code has its text, and every text its code."""

import ast
import subprocess
import sys
from collections import Counter

import pytest
from scripts.error_docs import PAGE, page
from tests.house import codes
from tests.house.source import PACKAGE, tree

from nameplate.api import errors as api_errors
from nameplate.core import error_catalogue, errors
from nameplate.core.error_catalogue import GROUPS, Entry, Turn

FOLDER = "src/nameplate/core/error_catalogue"
STALE = "the catalogue has changed: run `make docs` and commit what it writes"
FOUND = codes.found()
OTHERS = {Turn.AUTHORITY, Turn.PROVIDER}
CATALOGUE: dict[str, Entry] = {code: one for group in GROUPS for code, one in group.codes.items()}


def test_every_code_has_a_text() -> None:
    lacking = [
        f"`{code}` ({', '.join(sorted(FOUND.places.get(code, ())))}) has no text. Add to one of the files in "
        f"{FOLDER}/ (the one of its noun):\n"
        f'        "{code}": Entry(\n'
        f"            Turn.YOU,  # or OPERATOR, PROVIDER, AUTHORITY, NAMEPLATE: who acts next\n"
        f'            "What it means, in one sentence.",\n'
        f'            "What to do, in one or two sentences.",\n'
        f"            {expected(code)},\n"
        f"        ),\n    then run `make docs`."
        for code in sorted(set(FOUND.places) - set(CATALOGUE))
    ]
    assert not lacking, "\n".join(["", *lacking])


def test_every_text_has_a_code() -> None:
    unused = [
        f"`{code}` is made nowhere: remove it from {FOLDER}/, then run `make docs`. If it is made in "
        "a way that tests/house/codes.py does not see, teach it there."
        for code in sorted(set(CATALOGUE) - set(FOUND.places))
    ]
    assert not unused, "\n".join(["", *unused])


def test_every_code_can_be_read_from_the_source() -> None:
    assert not FOUND.unreadable, "\n".join(
        [
            "",
            "Write the code as a literal where it is raised, or name what it can be",
            "in FAMILIES or FORWARDED of tests/house/codes.py:",
            *FOUND.unreadable,
        ]
    )


def test_every_status_is_the_one_that_the_api_answers() -> None:
    wrong = [
        f"`{code}`: the catalogue says {CATALOGUE[code].statuses}, the API answers {expected(code)}"
        for code in sorted(set(CATALOGUE) & set(FOUND.places))
        if CATALOGUE[code].statuses != expected(code)
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_no_code_is_explained_twice() -> None:
    times = Counter(code for group in GROUPS for code in group.codes)
    assert [code for code, number in times.items() if number > 1] == []


def test_texts_are_sentences() -> None:
    for code, one in CATALOGUE.items():
        for text in (one.title, one.fix):
            assert text.endswith("."), f"{code}: {text}"
            assert text[0].isupper() or text[0] == "`", f"{code}: {text}"
            assert len(text) <= 200, f"{code}: {text}"
            assert text.count("`") % 2 == 0, f"{code}: {text}"


def test_who_waits_for_somebody_else_is_told_so() -> None:
    elsewhere = {code: one for code, one in CATALOGUE.items() if one.turn in OTHERS}
    silent = [code for code, one in elsewhere.items() if one.fix.startswith("No action needed")]
    assert elsewhere
    assert not silent, f"say `Wait.`, and for what: {', '.join(silent)}"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == page(), STALE


def test_background_work_does_not_load_the_texts() -> None:
    program = (
        "import sys, nameplate.asgi, nameplate.worker.loop, nameplate.bootstrap, nameplate.__main__\n"
        "sys.exit('nameplate.core.error_catalogue' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_codes_of_an_authority_are_one_family() -> None:
    assert error_catalogue.explain("acme_malformed") == CATALOGUE["acme_*"]
    assert error_catalogue.explain("acme_unavailable") == CATALOGUE["acme_unavailable"]
    with pytest.raises(errors.NotFound) as unknown:
        error_catalogue.explain("zone")
    assert unknown.value.code == "error_code_unknown"


def test_the_collector_sees_each_way_to_make_a_code() -> None:
    seen = codes.Codes()
    module = ast.parse("""
def one(noun, lost):
    raise Conflict("first", "...")
    raise Invalid("second" if noun else "third", "...", [Problem("/x", "fourth", "...")])
    raise NotFound(f"{noun}_not_found", "...")
    slug = "fifth"
    raise Unavailable(slug, "...")
    raise Refused(error.code, "...")
    raise Refused(noun, "...")
    raise Refused(f"{noun}_odd", "...")
    Condition(type="x", status=False, reason="sixth")
    Condition(type="x", status=True, reason="fine")
""")
    codes.File(PACKAGE / "x.py", "x.py", seen, module).read()
    made = {code for code in seen.places if not code.endswith("_not_found")}
    assert made == {"first", "second", "third", "fourth", "fifth", "sixth"}
    assert "server_not_found" in seen.places
    assert [line.partition(": ")[2] for line in seen.unreadable] == ["noun", "f'{noun}_odd'"]
    assert seen.kinds["first"] == {"Conflict"}
    assert codes.KINDS["RouteRefused"] == codes.KINDS["ChangeRefused"] == "Refused"
    assert "ApiError" not in codes.KINDS


def expected(code: str) -> tuple[int, ...]:
    """Return the statuses of answers with a code: by its exceptions, or written in api/errors.py."""
    kinds = [getattr(errors, kind) for kind in FOUND.kinds.get(code, ())]
    by_kind = {api_errors.status_of(kind(code, "")) for kind in kinds}
    own = {status for status, (name, _) in api_errors._HTTP_CODES.items() if name == code}
    return tuple(sorted(by_kind | own | _documents().get(code, set())))


def _documents() -> dict[str, set[int]]:
    """Return the codes that api/errors.py answers with a status of its own."""
    written: dict[str, set[int]] = {}
    for node in ast.walk(tree(PACKAGE / "api" / "errors.py")):
        match node:
            case ast.Call(
                func=ast.Name(id="document"),
                args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_],
            ):
                written.setdefault(code, set()).add(status)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"))),
                args=[ast.Constant(value=str(code)), *_],
            ):
                status = api_errors._STATUS_BY_CODE[code]
                written.setdefault(code, set()).add(status)
            case _:
                pass
    return written
