"""The hosts of docs/how-to/embed.md, run as they are written and called over HTTP."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import Server, free_port, listens
from tests.servers.scripted_dns import ScriptedDns, replies

GUIDE = Path(__file__).parents[1] / "docs" / "how-to" / "embed.md"
MAX_LINES = 30
KEY = "k" * 50


def example(title: str) -> str:
    """Return the code below a heading of the guide."""
    found = re.search(
        rf"^## {title}$.*?^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, title
    return found[1]


@dataclass
class Installation:
    """A folder for a host and Nameplate, a DNS of its own, and what they are told."""

    folder: Path
    dns: ScriptedDns
    port: int = field(default_factory=free_port)

    @property
    def env(self) -> dict[str, str]:
        return {
            "NAMEPLATE_HOME": str(self.folder / "home"),
            "NAMEPLATE_DNS_SERVERS": json.dumps({"example.com": [f"127.0.0.1:{self.dns.port}"]}),
            "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
            "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
            "HOST_TOKEN": "host-token",
        }

    def nameplate(self, *words: str) -> str:
        command = [sys.executable, "-m", "nameplate", *words]
        env = {**os.environ, **self.env}
        done = subprocess.run(
            command, cwd=self.folder, env=env, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serving(self, *words: str) -> Iterator[None]:
        """Run the host's server; it must end by itself when it is told to."""
        server = Server(
            [sys.executable, "-m", *words],
            self.folder,
            ready=lambda: listens(self.port),
            env=self.env,
        )
        try:
            yield
        finally:
            server.stop(15)
        assert server.process.returncode != -9, server.log.read_text()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run `nameplate worker` beside the host."""
        server = Server(
            [sys.executable, "-m", "nameplate", "worker"],
            self.folder,
            ready=lambda: True,
            env=self.env,
        )
        try:
            yield
        finally:
            server.stop()

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None) -> Any:
        """Send one request and return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(raw) if is_json else raw

    def claim(self, token: str) -> str:
        """Add an organization, claim a domain, read its instructions; return the record's name."""
        refused, _ = self.ask("GET", "/nameplate/v1/domains", "wrong")
        assert refused == 401
        status, _ = self.ask("POST", "/nameplate/v1/organizations", token, {"name": "Acme"})
        assert status == 201
        wanted = {"name": "shop.example.com", "organization": "acme"}
        status, _ = self.ask("POST", "/nameplate/v1/domains", token, wanted)
        assert status == 201
        _, domain = self.ask("GET", "/nameplate/v1/domains/shop.example.com", token)
        (told,) = domain["instructions"]
        name: str = told["name"]
        return name

    def looked_for(self, name: str) -> bool:
        """Wait until a worker has asked the DNS for this record."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for query in list(self.dns.queries):
                if query.question[0].name.to_text(omit_final_dot=True).lower() == name:
                    return True
            time.sleep(0.1)
        return False


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with ScriptedDns(replies({})) as dns:
        yield Installation(tmp_path, dns)


@pytest.mark.parametrize("title", ["FastAPI", "Flask", "Django"])
def test_each_example_is_short(title: str) -> None:
    assert len(example(title).splitlines()) <= MAX_LINES


def test_fastapi(here: Installation) -> None:
    (here.folder / "host.py").write_text(example("FastAPI"))
    here.nameplate("db", "upgrade")
    with here.serving("uvicorn", "host:host", "--port", str(here.port)):
        name = here.claim("host-token")
        assert here.looked_for(name), "the worker in the thread has not looked"
        status, _ = here.ask("GET", "/nameplate/edge/ask?domain=shop.example.com")
        assert status == 404, "the edge has loaded its hosts, and this is none of them"
        assert here.ask("GET", "/nameplate/edge/ask")[0] == 400
        assert here.ask("GET", "/nameplate/edge/none")[0] == 404


def test_flask(here: Installation) -> None:
    (here.folder / "host.py").write_text(example("Flask"))
    here.nameplate("db", "upgrade")
    token = json.loads(here.nameplate("token", "add", "platform", "--platform", "--json"))["token"]
    run = ("flask", "--app", "host:host", "run", "--port", str(here.port))
    with here.serving(*run), here.working():
        name = here.claim(token)
        assert here.looked_for(name)
        status, sentences = here.ask("GET", "/tenants/acme/domains/shop.example.com")
        assert status == 200
        assert name in sentences[0]


def test_django(here: Installation) -> None:
    site = here.folder / "mysite"
    site.mkdir()
    (site / "__init__.py").write_text("")
    (site / "asgi.py").write_text(example("Django"))
    (site / "settings.py").write_text(
        f"SECRET_KEY = {KEY!r}\nROOT_URLCONF = 'mysite.urls'\nALLOWED_HOSTS = ['127.0.0.1']\n"
    )
    (site / "urls.py").write_text(
        "from django.http import HttpResponse\nfrom django.urls import path\n"
        "urlpatterns = [path('own/', lambda _: HttpResponse('the host'))]\n"
    )
    here.nameplate("db", "upgrade")
    run = ("uvicorn", "mysite.asgi:application", "--port", str(here.port))
    with here.serving(*run), here.working():
        assert here.ask("GET", "/own/") == (200, b"the host")
        name = here.claim(signed("*"))
        assert here.looked_for(name)
        _, seen = here.ask("GET", "/nameplate/v1/domains", signed("acme"))
        assert [one["name"] for one in seen["data"]] == ["shop.example.com"]
        here.ask("POST", "/nameplate/v1/organizations", signed("*"), {"name": "Globex"})
        assert here.ask("GET", "/nameplate/v1/domains", signed("globex"))[1]["data"] == []
        assert here.ask("GET", "/nameplate/v1/domains", f"{signed('*')}x")[0] == 401


def signed(tenant: str) -> str:
    """Return a token as the host's own pages would sign it."""
    from django.core import signing  # type: ignore[import-untyped]  # Django has no types

    signer = signing.TimestampSigner(key=KEY, salt="nameplate", fallback_keys=())
    return str(signer.sign_object(tenant))
