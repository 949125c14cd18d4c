"""What no file says: where one machine keeps it, and exceptions to rules without a reason."""

import io
import re
import tokenize

from tests.house.source import ROOT, python_files, text_files

MACHINE_PATH = re.compile(r"(?<![\w.:/~$}-])/(?:work|root|home|Users)/\w")
EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no)")
WITH_REASON = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*\s*[-:#]"
    r"|type:\s*ignore\[[\w, -]+\]\s*#"
    r"|pragma:\s*no \w+\s*[-:#])\s*\w+"
)


def test_no_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(["", *found])


def test_every_exception_has_a_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{token.start[0]} {token.string}"
        for path in python_files("src", "tests", "bench")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type == tokenize.COMMENT
        and EXCEPTION.match(token.string)
        and not WITH_REASON.match(token.string)
    ]
    assert not bare, "\n".join(["", *bare])


def test_the_rules_see_what_they_forbid() -> None:
    assert MACHINE_PATH.search("open('/" + "root/x')")
    assert not MACHINE_PATH.search("https://example.com/work/x")
    for bare in ("# noqa", "# noqa: E501", "# type: ignore", "# type: ignore[arg-type]"):
        assert EXCEPTION.match(bare)
        assert not WITH_REASON.match(bare)
    for reasoned in (
        "# noqa: ANN401 - SQLAlchemy's hook",
        "# noqa: ANN401, S101 - two rules",
        "# noqa: ANN401 - hook",
        "# type: ignore[no-any-return]  # the library is untyped",
    ):
        assert WITH_REASON.match(reasoned), reasoned
