"""What reading a file may take: every reader ends, with the place that was reached."""

import itertools
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.formats import entries

ZONE = "example.com"


@pytest.mark.parametrize(
    "line",
    [
        "$GENERATE (1-9999999999) h NSEC x.",
        "$GENERATE (1-9999999999) h$ NSEC x.",
        "$GENERATE (\n1-9999999999) h$ A 192.0.2.1",
    ],
)
def test_a_generator_that_is_written_otherwise_ends_too(line, monkeypatch):
    monkeypatch.setattr(formats, "ReadingBudget", partial(entries.ReadingBudget, records=1000))
    with pytest.raises(Invalid) as caught:
        formats.read("bind", f"a A 192.0.2.1\n{line}\n", ZONE)
    assert caught.value.problems[0].code == "generate_too_large"
    assert caught.value.problems[0].pointer == "line 2"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("bind", "a A 192.0.2.1\n" * 1000),
        ("bind", "a TXT (\n" + "x\n" * 1000),
        ("csv", "name,type,value\n" + "a,A,192.0.2.1\n" * 1000),
        ("json", json.dumps([{"name": "a", "type": "A", "values": ["192.0.2.1"] * 1000}])),
        ("octodns", "a: {type: A, values: [" + "192.0.2.1, " * 1000 + "]}"),
    ],
)
def test_every_reader_has_its_time(form, text):
    clock = itertools.count(0, entries.MAX_SECONDS / 10)
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE, clock.__next__)
    assert caught.value.code == "file_too_large"
    assert caught.value.problems[0].pointer


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", "[" + "{}," * 2_000_000 + "{}]"),
        ("json", "[" + "0," * 3_000_000 + "0]"),
        ("octodns", "a" * 9_000_000),
        ("csv", "x" * (formats.MAX_BYTES + 1)),
    ],
)
def test_every_reader_has_its_size(form, text):
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE)
    assert caught.value.code == "file_too_large"


LONG = " ".join(f'"{"x" * 255}"' for _ in range(257))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("bind", f"a A 192.0.2.1\nlong TXT {LONG}\n"),
        ("csv", "name,type,value\na,A,192.0.2.1\n" + f'long,TXT,"{LONG.replace(chr(34), chr(34) * 2)}"\n'),
        ("json", json.dumps([{"name": "long", "type": "TXT", "values": [LONG]}])),
        ("octodns", f"long: {{type: TXT, value: {'x' * 66_000}}}"),
    ],
)  # fmt: skip
def test_a_value_that_dns_cannot_carry_is_refused_with_its_place(form, text):
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE)
    problem = caught.value.problems[0]
    assert problem.code in {"record_too_large", "text_too_long"}, problem
    assert problem.pointer.startswith(("line 2", "line 3/", "line 1/"))


def test_blank_lines_are_looked_at_once():
    started = time.process_time()
    with pytest.raises(Invalid):
        formats.read("bind", "a A (" + "\n" * 200_000, ZONE)
    assert time.process_time() - started < 10  # 100 when each is looked at from every one before


LARGE = {
    "many records": ("bind", "''.join(f'h{n} 60 MX 10 mail.example.net.\\n' for n in range(200_000))"),
    "a long line": ("bind", "'a TXT ' + 'x' * 16_000_000"),
    "many quotes": ("bind", "'a TXT ' + '\"x\" ' * 4_000_000"),
    "many lines": ("bind", "'a TXT (\\n' + 'x\\n' * 8_000_000"),
    "many blanks": ("bind", "'\\n' * 16_000_000"),
    "many faults": ("bind", "'x y z\\n' * 2_000_000"),
    "a range": ("bind", "'$GENERATE 1-200000 h$ HTTPS 1'"),
    "many rows": ("csv", "'name,type,value\\n' + ''.join(f'h{n},A,192.0.2.1\\n' for n in range(200_000))"),
    "many columns": ("csv", "'a,' * 8_000_000"),
    "many cells": ("csv", "'name,type,value\\n' + '\"\\n\",' * 4_000_000"),
    "a large list": ("json", "'[' + ','.join('{\"name\": \"h%s\", \"type\": \"A\", \"values\": [\"192.0.2.1\"]}' % n for n in range(200_000)) + ']'"),
    "many objects": ("json", "'[' + '{},' * 190_000 + '{}]'"),
    "a long text": ("json", "'[\"' + 'x' * 16_000_000 + '\"]'"),
    "many places": ("bind", "'x LOC ' + '1 ' * 8_000_000"),
    "a long expression": ("bind", "'x NAPTR 1 1 u x \"!' + '(' * 900_000 + '!b!\" .'"),
    "a large key": ("bind", "'x OPENPGPKEY (' + 'AAAA\\n' * 3_000_000 + ')'"),
    "a long address": ("csv", "'name,type,value\\nx,URI,1 1 ' + 'x' * 8_000_000"),
    "many mappings": ("octodns", "''.join('h%s: {type: A, value: 192.0.2.1}\\n' % n for n in range(200_000))"),
    "a long scalar": ("octodns", "'a: ' + 'x ' * 4_000_000"),
    "many values": ("octodns", "'a: {type: A, values: [' + '192.0.2.1, ' * 700_000 + ']}'"),
}  # fmt: skip
MEASURE = """
import pathlib, sys, time
from nameplate.core import formats
from nameplate.core.errors import Invalid
text = eval(sys.argv[2])
began = time.process_time()
try:
    formats.survey(sys.argv[1], text, "example.com", time.process_time)
except Invalid:
    pass
peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(time.process_time() - began, int(peak) / 1024)
"""


def ends(name):
    """Read a large file in a process of its own, within 10 s of work and 300 MiB in all."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *LARGE[name]], capture_output=True, text=True, check=True
    )
    seconds, mebibytes = map(float, done.stdout.split())
    assert seconds < 10
    assert mebibytes < 300


@pytest.mark.parametrize("name", ["a long line", "many quotes", "many columns", "many cells"])
def test_a_file_that_is_made_to_be_large_ends_at_once(name):
    ends(name)


@pytest.mark.torture
@pytest.mark.parametrize("name", LARGE)
def test_every_file_ends(name):
    ends(name)


SHARED = Path(__file__).parents[4] / "shared"
OF_OTHERS = [*SHARED.glob("cases/*"), *SHARED.glob("data/zones/**/*")]
FROM_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (15, -1))
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
import pathlib, sys, time
from nameplate.core import formats
from nameplate.core.errors import Invalid
for path in sys.argv[1:]:
    text = pathlib.Path(path).read_text(errors="replace")
    for form in formats.FORMATS:
        for whole in (text, text * (1_000_000 // (len(text) or 1))):
            began = time.process_time()
            try:
                formats.survey(form, whole, "example.com", time.process_time)
            except Invalid:
                pass
            spent = time.process_time() - began
            peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
            assert spent < 10 and int(peak) < 300 << 10, (path, form, len(whole), spent, peak)
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 15, -1))
"""


@pytest.mark.skipif(not OF_OTHERS, reason="needs ../shared")
def test_every_file_of_others_ends_in_every_format_as_it_is():
    """Within 10 s and 300 MiB, whatever the reader; a limit of the system ends what does not."""
    files = [path for path in OF_OTHERS if path.is_file()]
    once = FROM_DISK.replace("(text, text * (1_000_000 // (len(text) or 1)))", "(text,)")
    subprocess.run([sys.executable, "-c", once, *map(str, files)], check=True)


@pytest.mark.torture
@pytest.mark.skipif(not OF_OTHERS, reason="needs ../shared")
@pytest.mark.parametrize("path", OF_OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_file_of_others_ends_when_it_is_long(path):
    if path.is_file():
        subprocess.run([sys.executable, "-c", FROM_DISK, path], check=True)
