"""Frames: the page of a setup link in those that the operator lists, the console in none."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.databases import Templates
from tests.servers.console import Chromium, Console

NAME = "labs-northwind.example"


class _Framing(BaseHTTPRequestHandler):
    """Shows in a frame what its query names."""

    def do_GET(self) -> None:
        framed = self.path.partition("?")[2]
        body = f'<!doctype html><title>Host</title><iframe src="{framed}" width=900 height=600>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def framing() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Framing)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def console(
    framing: int, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    listed = json.dumps([f"http://localhost:{framing}"])
    environment = {"NAMEPLATE_FRAME_ANCESTORS": listed}
    folder = tmp_path_factory.mktemp("console")
    running = Console(folder, templates.url("sqlite"), environment)
    yield running
    running.stop()


def _framed(chromium: Chromium, host: str, address: str) -> tuple[Any, list[str]]:
    """Show an address in a frame of a host; return the frame, and what the browser refused."""
    page = chromium.page(locale="en-GB")
    refused: list[str] = []
    page.on("console", lambda one: refused.append(one.text) if "frame" in one.text else None)
    page.goto(f"{host}/?{address}")
    page.wait_for_timeout(500)
    return page.frames[1], refused


def test_a_listed_page_shows_what_to_publish(
    framing: int, console: Console, chromium: Chromium
) -> None:
    link = console.call("POST", "/v1/setup-links", {"domain": NAME})["url"]
    at = link.replace("127.0.0.1", "localhost")  # of one site with the page: its cookie is sent
    frame, refused = _framed(chromium, f"http://localhost:{framing}", at)
    frame.get_by_role("button").click()
    frame.get_by_role("heading", name=NAME).first.wait_for()
    assert refused == []
    frame.page.context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nobody_else_frames_anything(
    host: str, framing: int, console: Console, chromium: Chromium
) -> None:
    link = console.call("POST", "/v1/setup-links", {"domain": NAME})["url"]
    paths = ["/", "/domains", "/sign-in", f"/domains/{NAME}/settings", "/nameplate-elements.js"]
    addresses = [f"{console.url}{path}" for path in paths]
    if host == "127.0.0.1":
        addresses.append(link)
    for address in addresses:
        frame, refused = _framed(chromium, f"http://{host}:{framing}", address)
        assert frame.url.startswith("chrome-error:"), address
        assert any("frame-ancestors" in one or "X-Frame" in one for one in refused), address
        frame.page.context.close()
