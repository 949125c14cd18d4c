import contextlib
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.process import Server, free_port, listens, program

from nameplate.adapters.proxy.nginx_syntax import Directive, block, emit, line, parse
from nameplate.testing.proxy import visit

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
words = st.lists(st.text(PRINTABLE, max_size=12), min_size=1, max_size=4).map(tuple)
directives = st.recursive(
    st.builds(Directive, words),
    lambda inner: st.builds(Directive, words, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)


@given(st.lists(directives, max_size=4))
def test_what_is_written_reads_back_the_same(written):
    assert parse(emit(written)) == tuple(written)


@given(st.text().filter(lambda text: not all(char in PRINTABLE for char in text)))
def test_refuses_what_is_not_printable_ascii(text):
    with pytest.raises(ValueError, match="control characters"):
        emit([line("server_name", text)])


@given(st.text(string.printable))
def test_the_parser_never_fails_in_another_way(text):
    with contextlib.suppress(ValueError):
        parse(text)


@pytest.mark.parametrize("text", ["a", "a {", "a; }", "{}", ";", 'a "b', "a 'b'c;", "a { b }"])
def test_refuses_what_nginx_refuses(text, tmp_path):
    with pytest.raises(ValueError):
        parse(text)
    (tmp_path / "x.conf").write_text(text)
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid; events {{}} include {tmp_path}/x.conf;")
    done = subprocess.run(
        [program("nginx"), "-t", "-c", str(main)], capture_output=True, check=False
    )
    assert done.returncode != 0


def test_nginx_itself_reads_every_word_as_it_was_meant(tmp_path: Path):
    pieces = [char for char in PRINTABLE if char != "$"]
    nasty = ["\\" + char for char in pieces] + [char + "\\" for char in pieces] + pieces
    nasty += ["\\\\n", '\\"', "a b", '"}server{', "; return 500", "#x", "{", "}", "x;y", "'"]
    port = free_port()
    locations = [
        block("location", "=", f"/{number}", of=[line("return", "200", f"<{text}>")])
        for number, text in enumerate(nasty)
    ]
    scratch = [
        line(f"{kind}_temp_path", str(tmp_path / kind))
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    server = block("server", of=[line("listen", f"127.0.0.1:{port}"), *locations])
    main = tmp_path / "nginx.conf"
    main.write_text(
        emit(
            [
                line("pid", str(tmp_path / "pid")),
                line("daemon", "off"),
                block("events", of=[]),
                block("http", of=[line("access_log", "off"), *scratch, server]),
            ]
        )
    )
    nginx = Server([program("nginx"), "-c", str(main)], tmp_path, ready=lambda: listens(port))
    try:
        for number, text in enumerate(nasty):
            look = visit(("127.0.0.1", port), "x", f"/{number}", scheme="http")
            assert look.body == f"<{text}>".encode()
    finally:
        nginx.stop()
