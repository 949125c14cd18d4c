"""docs/how-to/people-and-sign-in.md: its commands in their order, and its settings at our own provider."""

import http.client
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from tests.fakes import oidc
from tests.fakes.oidc import CLIENT, SECRET
from tests.servers.process import Server, free_port, listens

pytestmark = pytest.mark.timeout(400)  # a dozen processes

GUIDE = (Path(__file__).parents[2] / "docs/how-to/people-and-sign-in.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


class Home:
    """A folder with an installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"NAMEPLATE_HOME": str(folder)}
        self("db", "upgrade")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", *words],
            env={**os.environ, **self.environment},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout + done.stderr

    @contextmanager
    def serving(self, **settings: str) -> Iterator[int]:
        """Run `nameplate serve`; yield its port."""
        port = free_port()
        command = [sys.executable, "-m", "nameplate", "serve", "--no-worker", "--port", str(port)]
        environment = {**self.environment, **settings}
        server = Server(command, self.folder, ready=lambda: listens(port), env=environment)
        try:
            yield port
        finally:
            server.stop(5)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def _ask(port: int, path: str, cookie: str = "") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    cookies = [v.partition(";")[0] for k, v in answer.getheaders() if k.lower() == "set-cookie"]
    connection.close()
    return found[0], found[1] | {"cookies": "; ".join(cookies)}, found[2]


def test_its_commands_do_what_it_says(home: Home) -> None:
    lines = [line for block in _blocks("console") for line in block.splitlines()]
    words = [shlex.split(line.removeprefix("$ "))[1:] for line in lines]
    assert len(words) == 10
    said = {" ".join(one): home(*one) for one in words}
    shown = said["user memberships --organization acme"]
    assert re.search(r"ada@example\.com.*owner", shown)
    assert re.search(r"bob@example\.com.*viewer", shown)
    assert re.search(r"/invitation#[a-z0-9]{20,}", said["user add root@example.com --operator"])
    assert "works once, for 7 days" in said["user invite bob@example.com"]
    people: dict[str, Any] = {
        one["email"]: one for one in json.loads(home("user", "list", "--json"))["data"]
    }
    assert people["root@example.com"]["operator"] is True
    assert people["ada@example.com"]["name"] == "Ada Example"
    assert people["bob@example.com"]["disabled_at"] is None


def test_its_settings_let_people_in_by_a_provider(home: Home) -> None:
    home("user", "add", "ada@example.com", "--operator")
    (block,) = _blocks("sh")
    settings = dict(word.split("=", 1) for word in shlex.split(block))
    assert len(settings) == 5
    with oidc.running() as there:
        settings |= {
            "NAMEPLATE_OIDC_ISSUER": there.issuer,
            "NAMEPLATE_OIDC_CLIENT_ID": CLIENT,
            "NAMEPLATE_OIDC_CLIENT_SECRET": SECRET,
        }
        with home.serving(**settings) as port:
            methods = json.loads(_ask(port, "/v1/session:methods")[2])
            assert methods["oidc"] == "Example login"
            _, asked, _ = _ask(port, "/v1/session/oidc?return_to=/domains")
            sent = there.authorize(asked["location"])
            (wanted,) = there.codes.values()
            address = urlsplit(wanted["redirect_uri"])
            assert address.geturl() in GUIDE
            back = f"{address.path}?{urlencode(sent)}"
            status, let_in, _ = _ask(port, back, asked["cookies"])
            assert (status, let_in["location"]) == (303, "/domains")
            status, _, body = _ask(port, "/v1/session", let_in["cookies"])
            assert (status, json.loads(body)["user"]["email"]) == (200, "ada@example.com")
            there.is_away = True
            assert _ask(port, "/v1/session:methods")[0] == 200
