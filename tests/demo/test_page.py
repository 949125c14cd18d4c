"""The page of a demo that is kept running: somebody chooses a password and sees the domain."""

import os
import re
import signal
from pathlib import Path

import pytest
from tests.demo.test_demo import Demo, _document
from tests.servers import caddy
from tests.servers.console import STATIC, Chromium
from tests.servers.process import ServerMissing, free_port

PASSWORD = "a password of the demo's visitor"


@pytest.mark.timeout(300)
def test_somebody_signs_in_and_sees_the_domain(tmp_path: Path) -> None:
    caddy.executable()
    if not (STATIC / "index.html").exists():
        raise ServerMissing("the page is not built: run `make web`")
    demo = Demo(tmp_path)
    port = free_port()
    try:
        process = demo.start("--keep", "--json", "--port", str(port))
        assert process.stdout is not None
        document = _document(process.stdout)
        page = document["page"]
        assert page["url"] == f"http://127.0.0.1:{port}"
        with Chromium() as chromium:
            tab = chromium.page(locale="en-GB")
            tab.goto(page["invitation_url"])
            tab.get_by_label("Password").fill(PASSWORD)
            tab.get_by_role("button", name="Sign in").click()
            tab.get_by_role("link", name="shop.example.test").click()
            tab.get_by_role("heading", name="shop.example.test").wait_for()
            tab.get_by_role("heading", name="Everything works").wait_for()
            tab.get_by_role("button", name="Sign out").click()
            tab.get_by_label("Email").fill(page["email"])
            tab.get_by_label("Password").fill(PASSWORD)
            tab.get_by_role("button", name="Sign in").click()
            tab.get_by_role("heading", name="shop.example.test").wait_for()
            assert tab.url.startswith(f"{page['url']}/domains/")
        assert demo.end(signal.SIGINT)[0] == 0
        assert demo.left() == []
    finally:
        if demo.process is not None:
            demo.process.kill()
            demo.process.communicate()
        for pid in demo.processes():
            os.kill(pid, signal.SIGKILL)


def test_a_person_is_told_where_the_page_is(tmp_path: Path) -> None:
    from nameplate.demo.advice import DemoPage

    told = DemoPage("http://127.0.0.1:8080", "a@example.test", "http://x/invitation#t", True)
    assert re.search(r"http://127\.0\.0\.1:8080/ shows all.*a@example\.test", told.lines()[0])
    bare = DemoPage("http://127.0.0.1:8080", "a@example.test", "http://x/invitation#t", False)
    assert "`make web`" in bare.lines()[0]
    assert all(one.lines()[-1].strip() == "http://x/invitation#t" for one in (told, bare))
