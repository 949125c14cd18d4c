"""The page beside the API: which addresses are whose, what browsers may do, and what is kept."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from nameplate.web import Assets, Console, beside

INDEX = "<!doctype html><script type=module src=/assets/app-Ab12_-9z.js></script>" + "<!-- -->" * 99
SCRIPT = "export const answer = 42;\n" * 50


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "nameplate-elements.js").write_text(SCRIPT)
    (folder / "assets" / "app-Ab12_-9z.js").write_text(SCRIPT)
    (folder / "assets" / "logo.png").write_bytes(b"\x89PNG" * 300)
    (folder / ".vite" / "manifest.json").write_text("{}")
    (tmp_path / "secret").write_text("not of the page")
    return folder


class Answered:
    """What came back."""

    def __init__(self, messages: list[Any]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {k.decode(): v.decode() for k, v in messages[0]["headers"]}
        self.body = b"".join(one.get("body", b"") for one in messages[1:])


def ask(folder: Path, path: str, method: str = "GET", **headers: str) -> Answered:
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        messages.append(message)

    async def api(_scope: Any, _receive: Any, sending: Any) -> None:
        await sending({"type": "http.response.start", "status": 299, "headers": []})
        await sending({"type": "http.response.body", "body": b"api"})

    scope = {
        "type": "http", "method": method, "path": path, "root_path": "", "query_string": b"",
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    app: Any = beside(Console(Assets(folder)), api)
    asyncio.run(app(scope, receive, send))
    return Answered(messages)


@pytest.mark.parametrize("path", ["/", "/domains", "/domains/dom_1/records", "/sign-in", "/v2"])
def test_every_address_of_the_page_is_the_page(built: Path, path: str) -> None:
    answer = ask(built, path)
    assert (answer.status, answer.body.decode()) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


def test_no_page_runs_what_is_not_in_its_files_or_is_framed(built: Path) -> None:
    for path in ("/", "/assets/app-Ab12_-9z.js", "/assets/none.js"):
        headers = ask(built, path).headers
        policy = dict(
            one.strip().partition(" ")[::2] for one in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["form-action"] == "'self'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
    shared = ask(built, "/nameplate-elements.js").headers
    assert shared["cross-origin-resource-policy"] == "cross-origin"
    assert (shared["access-control-allow-origin"], shared["cache-control"]) == ("*", "no-cache")


def test_what_has_its_hash_in_its_name_is_kept_for_ever(built: Path) -> None:
    hashed = ask(built, "/assets/app-Ab12_-9z.js", accept_encoding="br, gzip")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(hashed.body).decode() == SCRIPT
    assert hashed.headers["vary"] == "Accept-Encoding"
    plain = ask(built, "/assets/app-Ab12_-9z.js", accept_encoding="gzip;q=0")
    assert plain.body.decode() == SCRIPT
    image = ask(built, "/assets/logo.png", accept_encoding="gzip")
    assert (image.headers["content-type"], len(image.body)) == ("image/png", 1200)
    assert image.headers["cache-control"] == "no-cache"
    again = ask(built, "/assets/logo.png", if_none_match=image.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert ask(built, "/", "HEAD").body == b""


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js", "/assets/", "/none.txt", "/../secret", "/assets/../../secret.txt",
        "/.vite/manifest.json", "/assets/%2e%2e/secret.x", "//etc/passwd.txt", "/assets/..\\secret",
    ],
)  # fmt: skip
def test_no_other_file_is_shown(built: Path, path: str) -> None:
    answer = ask(built, path)
    assert b"not of the page" not in answer.body
    assert (answer.status, answer.body) in {
        (404, b"There is no such file.\n"),
        (200, INDEX.encode()),
    }
    if "." in path.rpartition("/")[2] or path.startswith("/assets/"):
        assert answer.status == 404


def test_a_page_that_is_not_built_says_the_one_command(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    answer = ask(folder, "/domains")
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    document = json.loads(answer.body)
    assert document["code"] == "web_assets_missing"
    assert "`make web`" in document["detail"]
    person = ask(folder, "/", accept="text/html,*/*")
    assert person.headers["content-type"].startswith("text/plain")
    assert b"make web" in person.body
    assert ask(folder, "/v1/domains").status == 299


def test_changes_are_never_the_pages(built: Path) -> None:
    assert ask(built, "/domains", "POST").status == 299
    assert ask(built, "/domains", "OPTIONS").status == 299
