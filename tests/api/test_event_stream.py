"""`GET /v1/events/stream`: nothing missed, nothing twice, nothing of others, and bounded."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from starlette.types import ASGIApp, Message
from tests.api.client import LOCAL, Api, api_over
from tests.api.conftest import World
from tests.databases import sessions_over

from nameplate.api import broadcast
from nameplate.api.app import create
from nameplate.core.secret import Secret


class Reader:
    """One open stream over the application itself; a slow one takes nothing."""

    def __init__(self, app: ASGIApp, token: str, query: str = "", **headers: str) -> None:
        named = {"authorization": f"Bearer {token}", "host": "localhost", **headers}
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.text = ""
        self.taking = asyncio.Event()
        self.taking.set()
        self._left = asyncio.Event()
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/events/stream",
            "raw_path": b"/v1/events/stream",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "state": {},
        }
        self.task = asyncio.create_task(self._run(app))

    async def _run(self, app: ASGIApp) -> None:
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b""}
            await self._left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {k.decode().lower(): v.decode() for k, v in message["headers"]}
            else:
                await self.taking.wait()
                self.text += message.get("body", b"").decode()

        await app(self._scope, receive, send)

    @property
    def events(self) -> list[dict[str, Any]]:
        found = [one.partition("data: ")[2] for one in self.text.split("\n\n") if 'data: {"' in one]
        return [json.loads(one) for one in found]

    async def until(self, met: Callable[["Reader"], bool]) -> None:
        async with asyncio.timeout(20):
            while not met(self):
                assert not self.task.done() or not self.task.exception(), self.task.result()
                await asyncio.sleep(0.02)

    async def leave(self) -> None:
        self._left.set()
        async with asyncio.timeout(20):
            await self.task

    @property
    def is_ready(self) -> bool:
        return "event: ready\n" in self.text


def _played(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]  # a coroutine function


async def _change(api: Api, value: bool) -> None:
    path = "/v1/domains/example.com"
    answer = await asyncio.to_thread(api.send, "PATCH", path, {"force_https": value})
    assert answer.status == 200


def _app(api: Api) -> ASGIApp:
    app: ASGIApp = api.transport._app
    return app


def test_a_stream_tells_what_is_committed_to_those_whom_it_concerns(world: World) -> None:
    acme, globex = world.as_acme, world.as_globex

    async def story() -> None:
        app = _app(acme)
        readers = [Reader(app, str(one.token)) for one in (acme, globex)]
        operator = Reader(app, LOCAL)
        for one in (*readers, operator):
            await one.until(lambda it: it.is_ready)
        assert readers[0].headers["content-type"] == "text/event-stream"
        assert readers[0].headers["cache-control"] == "no-store"
        await _change(acme, False)
        await readers[0].until(lambda it: bool(it.events))
        await operator.until(lambda it: bool(it.events))
        (told,) = readers[0].events
        assert told == await asyncio.to_thread(acme.get, f"/v1/events/{told['id']}")
        assert operator.events[0]["id"] == told["id"]
        assert readers[1].events == []
        for one in (*readers, operator):
            await one.leave()

    _played(story)


def test_a_broken_stream_is_resumed_where_it_was(world: World) -> None:
    acme = world.as_acme

    async def story() -> None:
        app = _app(acme)
        whole = Reader(app, str(acme.token), "since=start")
        page = await asyncio.to_thread(acme.get, "/v1/events?since=start&limit=100")
        known = page["data"]
        await whole.until(lambda it: len(it.events) == len(known))
        assert whole.events == known
        await _change(acme, False)
        await whole.until(lambda it: len(it.events) == len(known) + 1)
        await whole.leave()
        await _change(acme, True)
        later = Reader(app, str(acme.token), "since=start", last_event_id=whole.events[-1]["id"])
        await later.until(lambda it: bool(it.events))
        await _change(acme, False)
        await later.until(lambda it: len(it.events) == 2)
        assert [one["after"] for one in later.events] == [
            {"force_https": True},
            {"force_https": False},
        ]
        await later.leave()

    _played(story)


def test_who_takes_nothing_is_told_the_rest_later_and_takes_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = world.as_acme
    monkeypatch.setattr(broadcast, "MAX_PENDING", 3)

    async def story() -> None:
        slow = Reader(_app(acme), str(acme.token))
        quick = Reader(_app(acme), str(acme.token))
        for one in (slow, quick):
            await one.until(lambda it: it.is_ready)
        slow.taking.clear()
        for turn in range(12):
            await _change(acme, bool(turn % 2))
            await quick.until(lambda it: len(it.events) > turn)  # noqa: B023 - awaited here
        assert slow.events == []
        held = [len(one._pending) for one in quick_streams(acme)]
        assert max(held) <= 3
        slow.taking.set()
        await slow.until(lambda it: len(it.events) == 12)
        assert slow.events == quick.events
        for one in (slow, quick):
            await one.leave()

    _played(story)


def quick_streams(api: Api) -> list[broadcast.Subscription]:
    """Return the streams that are open in the application."""
    found: Any = api.transport._app
    return list(found.state.broadcast._streams)


def test_streams_are_counted_by_organization(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.as_acme
    monkeypatch.setattr(broadcast, "MAX_OF_ORGANIZATION", 2)

    async def story() -> None:
        app = _app(acme)
        first = [Reader(app, str(acme.token)) for _ in range(2)]
        for one in first:
            await one.until(lambda it: it.is_ready)
        third = Reader(app, str(acme.token))
        await third.task
        assert third.status == 429
        assert json.loads(third.text)["code"] == "event_streams_exhausted"
        assert third.headers["retry-after"] == "10"
        other = Reader(app, str(world.as_globex.token))
        await other.until(lambda it: it.is_ready)
        await first[0].leave()
        again = Reader(app, str(acme.token))
        await again.until(lambda it: it.is_ready)
        for one in (first[1], other, again):
            await one.leave()
        assert quick_streams(acme) == []

    _played(story)


def test_a_revoked_token_ends_its_stream_and_no_other(api: Api, world: World) -> None:
    acme = world.as_acme
    app: Any = create(api.sessions, api.tools, local_token=Secret(LOCAL))
    app.state.broadcast._beat = 0.1
    ours = acme.get("/v1/tokens")["data"][0]["id"]

    async def story() -> None:
        mine, other = Reader(app, str(acme.token)), Reader(app, str(world.as_globex.token))
        for one in (mine, other):
            await one.until(lambda it: it.is_ready)
        await other.until(lambda it: it.text.endswith("\n\n:\n\n"))
        assert not mine.task.done()
        await asyncio.to_thread(api.send, "DELETE", f"/v1/tokens/{ours}")
        async with asyncio.timeout(20):
            await mine.task
        assert not other.task.done()
        refused = Reader(app, str(acme.token))
        await refused.task
        assert refused.status == 401
        await other.leave()

    _played(story)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("since=evt_1", 422, "event_reference_invalid"),
        ("organization=globex", 404, "organization_not_found"),
    ],
)
def test_what_cannot_be_followed(world: World, query: str, status: int, code: str) -> None:
    answer = world.as_acme.send("GET", f"/v1/events/stream?{query}")
    assert (answer.status, answer.code) == (status, code)


def test_two_processes_tell_the_same(migrated_url: str, tmp_path: Any) -> None:
    """Each reads what the other one commits, and both give the numbers at the same time."""
    sessions = [sessions_over(migrated_url) for _ in range(2)]
    first = api_over(sessions[0], tmp_path)
    second = api_over(sessions[1], tmp_path)

    async def story() -> None:
        readers = [Reader(_app(one), LOCAL) for one in (first, second)]
        for one in readers:
            await one.until(lambda it: it.is_ready)
        threads = [
            threading.Thread(
                target=lambda at=at: [
                    (first, second)[at].post("/v1/organizations", {"name": f"n{at}{number}"})
                    for number in range(5)
                ]
            )
            for at in range(2)
        ]
        for thread in threads:
            thread.start()
        for reader in readers:
            await reader.until(lambda it: len(it.events) >= 10)
        assert readers[0].events == readers[1].events
        assert len({one["id"] for one in readers[0].events}) == 10
        for thread in threads:
            thread.join()
        for reader in readers:
            await reader.leave()

    _played(story)
    for one in sessions:
        one.dispose()
