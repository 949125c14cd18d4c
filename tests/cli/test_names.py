import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nameplate.cli.names import app

PROGRAM = [sys.executable, "-c", "from nameplate.cli.names import app; app()", "check"]


def run(*arguments: str, text: bytes | str = b"", **options) -> subprocess.CompletedProcess[bytes]:
    content = text if isinstance(text, bytes) else text.encode()
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=content,
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )


def check(text: bytes | str, *arguments: str) -> tuple[int, list[dict[str, object]]]:
    content = text if isinstance(text, bytes) else text.encode()
    result = CliRunner().invoke(app, ["check", "--json", *arguments], input=content)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def test_good_names_pass_with_both_forms():
    code, found = check("Bücher.Example.com\nfaß.de")
    assert code == 0
    assert found[0] == {
        "input": "Bücher.Example.com",
        "ok": True,
        "name": "xn--bcher-kva.example.com",
        "unicode": "bücher.example.com",
        "registrable": "example.com",
        "code": None,
        "detail": None,
    }
    assert found[1]["name"] == "xn--fa-hia.de"


def test_each_refused_line_says_why():
    code, found = check("example.com\nco.uk\n\n127.1\r\n")
    assert code == 1
    assert [line["code"] for line in found] == [
        None,
        "name_public_suffix",
        "name_empty",
        "name_address",
    ]
    assert found[1]["detail"]
    assert found[1]["name"] is None


def test_text_for_people_goes_to_stdout_and_the_count_to_stderr():
    result = run(text="Example.com\nfaß.de\nco.uk\nevil\u202e\x1b[31m.com\n")
    lines = result.stdout.decode().splitlines()
    assert lines[0] == "ok  example.com"
    assert lines[1] == "ok  xn--fa-hia.de  (faß.de)"
    assert lines[2].startswith("no  co.uk  co.uk is a public suffix")
    assert lines[2].endswith("[name_public_suffix]")
    assert lines[3].startswith(r"no  evil\u202e\x1b[31m.com  ")
    assert result.stderr.decode() == "2 of 4 names were rejected.\n"
    assert result.returncode == 1


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--allow-wildcard", "*.example.com"),
        ("--allow-underscore", "_dmarc.example.com"),
        ("--allow-private-suffix", "github.io"),
    ],
)
def test_each_option_admits_its_kind_only(option, name):
    assert check(name)[0] == 1
    assert check(name, option)[0] == 0
    for other in {"--allow-wildcard", "--allow-underscore", "--allow-private-suffix"} - {option}:
        assert check(name, other)[0] == 1


def test_a_file_is_read_and_its_byte_order_mark_is_not_part_of_a_name(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbfexample.com\r\nexample.org\r\n")
    code, found = check("", str(path))
    assert code == 0
    assert [line["name"] for line in found] == ["example.com", "example.org"]


def test_bytes_that_are_no_text_are_a_verdict():
    code, found = check(b"caf\xe9.com\nexample.com\n\xff\xfe\0\n\xed\xa0\x80.com\n")
    assert code == 1
    assert [line["code"] for line in found] == [
        "name_not_utf8",
        None,
        "name_not_utf8",
        "name_not_utf8",
    ]
    assert found[0]["input"] == "caf\\xe9.com"


@pytest.mark.parametrize("length", [1025, 4096, 4097, 4199, 4200, 4201, 8400, 100_000])
def test_a_line_too_long_is_one_verdict_and_the_next_line_is_read(length):
    code, found = check(b"a" * length + b"\nexample.com\n")
    assert code == 1
    assert [line["code"] for line in found] == ["name_too_long", None]


@pytest.mark.parametrize("content", ["ü".encode() * 4000, b"\xff" * 9000, "🧊".encode() * 1025])
@pytest.mark.parametrize("start", [b"", b"a", b"\xef\xbb\xbf", b"example.com"])
def test_a_letter_cut_by_the_limit_is_still_a_name_too_long(start, content):
    _, found = check(start + content + b"\nexample.com\n")
    assert [line["code"] for line in found] == ["name_too_long", None]


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_an_unreadable_file_is_one_clear_line(tmp_path, kind):
    path = tmp_path if kind == "folder" else tmp_path / "absent.txt"
    result = run(str(path))
    assert result.returncode == 2
    assert result.stdout == b""
    assert result.stderr.decode().startswith(f"Cannot read {path}: ")
    assert result.stderr.count(b"\n") == 1


def test_a_wrong_option_is_a_usage_error():
    assert run("--allow-everything").returncode == 2


def test_a_locale_without_unicode_changes_nothing():
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    result = run(text="faß.de\nfaß\n", env=environment)
    assert result.stdout.decode().splitlines()[0] == "ok  xn--fa-hia.de  (faß.de)"


def test_a_reader_that_stops_early_is_no_error(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("example.com\n" * 200_000)
    with subprocess.Popen(
        [*PROGRAM, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"ok  example.com\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


def peak(path: Path) -> int:
    """Return the peak memory in KiB of checking the file, told by the kernel."""
    script = (
        "import resource, sys; from nameplate.cli.names import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "check", str(path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=True,
    )  # fmt: skip
    return int(result.stderr.splitlines()[-1])


def test_memory_does_not_grow_with_the_input(tmp_path):
    small, many, wide = (tmp_path / name for name in ("small", "many", "wide"))
    small.write_bytes(b"www0.example0.com\n" * 100)
    many.write_text("".join(f"www{number}.example{number}.com\n" for number in range(150_000)))
    with wide.open("wb") as file:
        for _ in range(64):
            file.write(b"a" * 1024 * 1024)
    least = peak(small)
    assert peak(many) < least + 4 * 1024
    assert peak(wide) < least + 4 * 1024
