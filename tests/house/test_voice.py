"""What people read is plain technical English: sentences with a full stop, no antique turns."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.house.codes import KINDS
from tests.house.source import PACKAGE, ROOT, dotted, tree, where
from typer.main import get_command

from nameplate import __main__, bootstrap
from nameplate.api.app import create
from nameplate.core.error_catalogue import GROUPS
from nameplate.settings import Settings

FOLDERS = (
    *("__main__.py", "adapters", "api", "cli", "core", "db.py", "demo", "edge", "leases.py"),
    *("ports", "settings.py", "usecases", "worker"),
)
"""Below src/nameplate: whose sentences are checked."""
PAGES = (
    *("docs/reference/api.md", "docs/reference/cli.md", "docs/reference/exit-codes.md"),
    *("docs/reference/settings.md", "docs/tutorial/first-domain.md"),
)

BANNED: Mapping[str, str] = {
    r"all the same": "anyway, or leave it out",
    r"as it must be": "valid, or what is expected",
    r"at once\b": "immediately, now, or in parallel",
    r"belongs? into": "put ... in",
    r"(?:goes|go) on\b": "continues",
    r"if you mean it": "what the option does",
    r"it is said": "flag it",
    r"looks? again": "check again",
    r"nobody": "say it without a person: not checked yet, cannot be ...",
    r"not such an?\b": "Not a ... Expected ...",
    r"one of ours|\bours\b": "of Nameplate",
    r"on with:": "to continue, run `...`",
    r"say so\b": "pass `--option`",
    r"say --": "pass `--option`",
    r"so it is with": "... have the same problem",
    r"so many": "number of ...",
    r"somebody": "outside Nameplate, or another client",
    r"take[sn]? back": "undo",
    r"(?:must|may) say\b": "required",
    r"what (?:became|came) of": "result of",
    r"whose turn": "who acts next",
    r"without it\.": "Default: ...",
}
"""What no sentence says, as a pattern -> what it says instead."""
_BANNED = [(re.compile(rf"\b{turn}", re.IGNORECASE), better) for turn, better in BANNED.items()]

LOWER = ("nginx ", "dns-lexicon", "line {}")
"""Names that begin a sentence in lower case."""
RAISED = {*KINDS, "fail", "wait_for"}
"""What is called with a code and a sentence, and ends in front of a person."""


def old_turns(text: str) -> Iterator[str]:
    """Yield what is banned of a text, with what to write instead."""
    for pattern, better in _BANNED:
        if found := pattern.search(text):
            yield f"`{found[0]}` in {text.strip()[:90]!r}: write {better}"


def is_sentence(text: str) -> bool:
    """Tell whether it begins with a capital, a name or a value, and ends as one.

    The words of another side may end it, as they are.
    """
    begins = text[:1].isupper() or text.startswith(("`", "{", ".", "*", *LOWER))
    return begins and text.endswith((".", "{}"))


def spoken(node: ast.expr) -> str | None:
    """Return a text of the source with `{}` for what is put in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
        return "".join(parts)
    return None


def messages(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the sentence of each error that is made in a file."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = dotted(node.func).rpartition(".")[2]
            place = 2 if name == "fail" else 1
            if name in RAISED and len(node.args) > place:
                text = spoken(node.args[place])
                if text is not None:
                    yield node, text


def texts(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every text of a file that is not a docstring: those of routes and commands are below."""
    silent = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value.strip()
            and id(node) not in silent
        ):
            yield node, node.value


def files() -> Iterator[Path]:
    """Yield the files whose sentences are checked."""
    for name in FOLDERS:
        path = PACKAGE / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else (path,)


def described(node: object, place: str) -> Iterator[tuple[str, str]]:
    """Yield every description of the API's own description, with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "description" and isinstance(value, str):
                yield place, value
            elif key not in {"example", "examples", "responses"}:
                yield from described(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from described(value, f"{place}/{number}")


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every command of the program with its words."""
    yield name, command
    if hasattr(command, "list_commands"):
        context = command.make_context(name, [], resilient_parsing=True)
        for word in command.list_commands(context):
            yield from commands(command.get_command(context, word), f"{name} {word}")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    return create(bootstrap.sessions(settings), tools).openapi()


def test_messages_of_errors_are_sentences() -> None:
    wrong = [
        f"{where(path, node)}: {text!r}"
        for path in files()
        for node, text in messages(tree(path))
        if not is_sentence(text)
    ]
    assert not wrong, "\n".join(
        ["", "Begin with a capital or `name`, end with a full stop:", *wrong]
    )


def test_no_old_turn_in_the_source() -> None:
    found = [
        f"{where(path, node)}: {one}"
        for path in files()
        for node, text in texts(tree(path))
        for one in old_turns(text)
    ]
    assert not found, "\n".join(["", *found])


def test_no_old_turn_in_the_pages() -> None:
    found = [
        f"{page}:{number}: {one}"
        for page in PAGES
        for number, line in enumerate((ROOT / page).read_text().splitlines(), 1)
        for one in old_turns(line)
    ]
    assert not found, "\n".join(["", *found])


def test_the_description_of_the_api_is_sentences(document: dict[str, Any]) -> None:
    said = [*described(document["paths"], ""), *described(document["components"], "")]
    assert len(said) > 300
    wrong = [f"{place}: {text!r}" for place, text in said if not _describes(text)]
    wrong += [f"{place}: {one}" for place, text in said for one in old_turns(text)]
    assert not wrong, "\n".join(["", *wrong])


def test_every_operation_has_a_summary_of_its_own(document: dict[str, Any]) -> None:
    summaries = [
        one["summary"] for methods in document["paths"].values() for one in methods.values()
    ]
    assert len(summaries) == len(set(summaries)) > 70


def test_every_option_and_command_has_a_help_text() -> None:
    wrong = []
    for name, command in commands(get_command(__main__.app), "nameplate"):
        helps = {name: command.help or ""}
        for one in command.params:
            if one.name not in {"help", "version"} | _COMPLETION:
                helps[f"{name} {one.opts[0]}"] = getattr(one, "help", None) or ""
        for place, text in helps.items():
            if not is_sentence(text.partition("\n\n")[0].rstrip()):
                wrong.append(f"{place}: {text!r} is not a sentence")
            wrong += [f"{place}: {one}" for one in old_turns(text)]
    assert not wrong, "\n".join(["", *wrong])


def test_no_old_turn_in_the_settings() -> None:
    (settings,) = (
        one
        for one in tree(PACKAGE / "settings.py").body
        if isinstance(one, ast.ClassDef) and one.name == "Settings"
    )
    said = [
        one.value.value
        for one in settings.body
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    ]
    assert len(said) > 20
    for text in map(str, said):
        assert is_sentence(text), text
        assert not [*old_turns(text)]


def test_no_old_turn_in_the_catalogue() -> None:
    found = [
        f"{code}: {one}"
        for group in GROUPS
        for code, entry in group.codes.items()
        for text in (entry.title, entry.fix)
        for one in old_turns(text)
    ]
    assert not found, "\n".join(["", *found])


def test_the_rules_see_what_they_forbid() -> None:
    module = ast.parse("""
raise Invalid("x", "begins small.")
raise Conflict("x", "Has no end")
raise NotFound("x", f"{name} is fine.")
cli.fail(4, "x", f"{what}? Say so with --yes.")
""")
    found = [text for _, text in messages(module)]
    assert [text for text in found if not is_sentence(text)] == ["begins small.", "Has no end"]
    assert len([*old_turns(found[3])]) == 1
    assert not [*old_turns("Pass `--yes` to confirm.")]


_COMPLETION = {"install_completion", "show_completion"}


def _describes(text: str) -> bool:
    return is_sentence(text.strip()) or text.startswith("null ")
