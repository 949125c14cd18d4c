"""What the command line says of a server that is added."""

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import Line

from nameplate import bootstrap
from nameplate.cli import local
from nameplate.settings import Settings


@pytest.fixture
def acme(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    line = Line(migrated_sqlite_url, tmp_path / "home")
    line("organization", "add", "Acme")
    return line


def test_what_meets_the_operators_nginx_conf_is_said_by_add_and_test(
    acme: Line, tmp_path: Path
) -> None:
    main = tmp_path / "nginx.conf"
    site = "server { listen 80 default_server; }"
    main.write_text(f"http {{ server_names_hash_bucket_size 64; {site} }}")
    proxy = json.dumps({"type": "nginx", "main": str(main), "folder": str(tmp_path / "own")})
    place = ("--address", "127.0.0.1", "--proxy", proxy)
    made = acme("server", "add", "edge", *place)
    assert "Warning: Your nginx.conf has a default server on 80, which stays." in made.err
    assert "Warning: Your nginx.conf sets server_names_hash_bucket_size to 64" in made.err
    tested = acme("server", "test", "edge", expect=1).out
    assert "[x] collision: Your nginx.conf has a default server on 80" in tested
    assert "[ ] collision: Your nginx.conf sets server_names_hash_bucket_size to 64" in tested


def test_the_token_of_a_proxy_that_fetches_is_printed_here_alone(
    acme: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bootstrap.Installation(Settings(home=acme.home))
    monkeypatch.setattr(local, "_connect", [lambda: here])
    proxy = json.dumps({"type": "traefik", "provider": "http"})
    acme("server", "add", "edge", "--address", "127.0.0.1", "--proxy", proxy)
    acme("server", "add", "other", "--address", "127.0.0.1", "--proxy", proxy)
    shown = json.loads(acme("server", "edge-token", "edge", "-o", "json").out)
    assert shown["path"].startswith("/edge/traefik/srv_")
    assert len(shown["token"]) == 43
    other = json.loads(acme("server", "edge-token", "other", "-o", "json").out)
    assert other["token"] != shown["token"]
    assert shown["token"] not in acme("server", "show", "edge", "-o", "json").out
