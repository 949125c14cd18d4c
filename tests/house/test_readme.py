"""What README tells a newcomer to type is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.house.source import ROOT
from typer.main import get_command

from nameplate import __main__, __version__
from nameplate.core.error_catalogue import GROUPS

README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(?:\.venv/bin/)?nameplate ([^`]+)`")


def blocks(language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(README) if kind == language]


def typed() -> list[str]:
    """Return the arguments of every `nameplate` command line in a block."""
    text = "".join([*blocks("console"), *blocks("sh"), *blocks("")]).replace("\\\n", " ")
    found = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?nameplate (.+?)(?:\s+#.*)?$", text, re.MULTILINE)
    return [str(one) for one in found]


def resolve(words: list[str], *, whole: bool) -> None:
    """Follow the words to their command, as the program does; with `whole`, parse the rest too.

    Raises the parser's UsageError for an unknown command, and then for what it does not take.
    """
    command: Any = get_command(__main__.app)
    context = command.make_context("nameplate", [*words], resilient_parsing=not whole)
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context, resilient_parsing=not whole)


@pytest.mark.parametrize("line", typed())
def test_every_command_line_parses(line: str) -> None:
    resolve(shlex.split(line), whole=True)


@pytest.mark.parametrize("line", INLINE.findall(README))
def test_every_command_in_the_text_is_there(line: str) -> None:
    resolve(line.split(), whole=False)


def test_every_command_that_an_error_code_advises_is_there() -> None:
    texts = [entry.fix for group in GROUPS for entry in group.codes.values()]
    lines = [line for text in texts for line in INLINE.findall(text)]
    assert len(lines) > 10
    for line in lines:
        resolve(line.split(), whole=False)


def test_the_check_sees_what_is_not_there() -> None:
    for line in ("domain ad shop.example.com", "nothing", "domain add a.example --no-such-option"):
        with pytest.raises(Exception, match="No such"):
            resolve(line.split(), whole=True)
    with pytest.raises(Exception, match="application"):
        resolve(["binding", "add", "shop.example.com"], whole=True)
    assert len(typed()) >= 10


def test_every_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {*re.findall(r"^make (\w+)", "".join(blocks("")), re.MULTILINE)}
    targets |= {*re.findall(r"`make (\w+)`", README)}
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_version_is_the_one_of_the_package() -> None:
    assert f"version {__version__}." in README


def test_every_dns_provider_is_named() -> None:
    page = (ROOT / "docs" / "reference" / "dns-providers.md").read_text()
    known = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", page, re.MULTILINE)) - {"provider"}
    (row,) = re.findall(r"^\| DNS providers \| (.+) \|$", README, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == known, "README, What is supported: DNS providers"


def test_the_embedding_works_as_it_is_written(tmp_path: Path) -> None:
    (code,) = blocks("python")
    settings = {**os.environ, "NAMEPLATE_HOME": str(tmp_path)}
    settings.pop("NAMEPLATE_DATABASE_URL", None)
    upgrade = [sys.executable, "-m", "nameplate", "db", "upgrade"]
    subprocess.run(upgrade, env=settings, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=settings,
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "_nameplate-challenge.shop" in done.stdout
