"""What agents get over HTTP: their own server's state, signed, at once when it changes, and no more."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.agent_rows import HOSTS, AgentRows

from nameplate.api import app as api
from nameplate.api.inprocess import InProcess
from nameplate.core import agent_protocol as protocol
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import show
from nameplate.core.tokens import parse_api_token
from nameplate.edge.agents import AgentDesk
from nameplate.edge.app import Message
from nameplate.models import Binding, Server
from nameplate.usecases.serving import agents
from nameplate.usecases.tenants import tokens

NONCE = "0123456789abcdef" * 2


class Desk:
    """The desk over two servers, asked as agents ask it."""

    def __init__(self, world: AgentRows, poll_seconds: float = 0.2) -> None:
        self.world = world
        self.app = AgentDesk(world.sessions, world.tools, poll_seconds=poll_seconds)

    def headers(self, number: int, **more: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.world.tokens[number][1].reveal()}",
            protocol.PROTOCOL_HEADER.lower(): protocol.spoken(),
            protocol.NONCE_HEADER.lower(): NONCE,
            **more,
        }

    async def ask(
        self,
        path: str,
        number: int = 0,
        *,
        query: str = "",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        given = self.headers(number) if headers is None else headers
        scope = {
            "type": "http", "path": path, "method": "GET" if body is None else "POST",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }  # fmt: skip
        sent: list[Message] = []
        coming: list[Message] = [{"type": "http.request", "body": body or b""}]

        async def receive() -> Message:
            if coming:
                return coming.pop()
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], sent[1]["body"], fields

    def once(self, path: str, number: int = 0, **given: Any) -> tuple[int, bytes, dict[str, str]]:
        return asyncio.run(self.ask(path, number, **given))

    def is_signed(self, number: int, answer: tuple[int, bytes, dict[str, str]]) -> bool:
        status, body, fields = answer
        digest = parse_api_token(self.world.tokens[number][1].reveal()).digest
        presented = fields[protocol.SIGNATURE_HEADER.lower()]
        return protocol.is_signed(protocol.answer_key(digest), NONCE, status, body, presented)

    def revoke(self, number: int) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            token = show("tok", self.world.tokens[number][0])
            tokens.revoke(session, PLATFORM, token, datetime.now(UTC))


@pytest.fixture
def desk(migrated_sqlite_url: str) -> Iterator[Desk]:
    world = AgentRows(sessions_over(migrated_sqlite_url))
    yield Desk(world)
    world.sessions.dispose()


def test_each_token_gets_its_own_server_signed_for_it_alone(desk: Desk) -> None:
    for number, host in enumerate(HOSTS):
        desk.world.reconcile(number)
        answer = desk.once(protocol.STATE_PATH, number, query="after=0&server=srv_1")
        status, body, fields = answer
        assert (status, fields["cache-control"]) == (200, "no-store")
        document = json.loads(body)
        assert document["server"] == show("srv", desk.world.servers[number])
        assert host in str(document)
        assert HOSTS[1 - number] not in str(document)
        assert desk.is_signed(number, answer)
        assert not desk.is_signed(1 - number, answer)


def test_states_that_are_read_together_are_each_of_one_server(desk: Desk) -> None:
    for number in (0, 1):
        desk.world.reconcile(number)

    async def run() -> list[Any]:
        asked = (desk.ask(protocol.STATE_PATH, number, query="after=0") for number in (0, 1, 0, 1))
        return await asyncio.gather(*asked)

    for number, answer in zip((0, 1, 0, 1), asyncio.run(run()), strict=True):
        assert HOSTS[number] in str(answer[1])
        assert HOSTS[1 - number] not in str(answer[1])
        assert desk.is_signed(number, answer)


def test_nobody_else_gets_anything(desk: Desk) -> None:
    desk.world.reconcile()
    with desk.world.sessions.begin(PLATFORM) as session:
        _, root = tokens.add(
            session, PLATFORM, name="root", now=datetime.now(UTC), random=desk.world.tools.random,
            platform=True,
        )  # fmt: skip
    for bearer in (root.reveal(), "", "np_x_y_z"):
        given = desk.headers(0, authorization=f"Bearer {bearer}")
        status, body, fields = desk.once(protocol.STATE_PATH, headers=given)
        assert (status, protocol.SIGNATURE_HEADER.lower() in fields) == (401, False)
        assert json.loads(body)["code"] == "unauthenticated"
    given = desk.headers(0) | {protocol.NONCE_HEADER.lower(): "short"}
    assert desk.once(protocol.STATE_PATH, headers=given)[0] == 401
    assert desk.once("/agent/keys")[0] == 404


def test_an_agent_s_token_opens_no_other_route(desk: Desk) -> None:
    calls = InProcess(api.create(desk.world.sessions, desk.world.tools))
    bearer = {"authorization": desk.headers(0)["authorization"]}
    for path in ("/v1/servers", f"/v1/servers/{show('srv', desk.world.servers[1])}", "/v1/tokens"):
        assert calls.send("GET", path, bearer, None)[0] == 401


def test_versions_of_the_protocol(desk: Desk) -> None:
    desk.world.reconcile()
    name = protocol.PROTOCOL_HEADER.lower()
    for spoken, code in (
        ("4-5", "agent_protocol_unsupported"),
        ("0-0", "agent_protocol_unsupported"),
        ("one", "agent_protocol_malformed"),
    ):
        answer = desk.once(protocol.STATE_PATH, headers=desk.headers(0) | {name: spoken})
        assert json.loads(answer[1])["code"] == code
        assert answer[0] >= 400
        assert desk.is_signed(0, answer), "an agent believes nothing else"
    for spoken, used in (("1-9", "3"), ("2-3", "3"), ("1-2", "2"), ("0-1", "1")):
        status, _, fields = desk.once(protocol.STATE_PATH, headers=desk.headers(0) | {name: spoken})
        assert (status, fields[name]) == (200, used)


def test_an_older_agent_is_told_nothing_that_it_cannot_read(desk: Desk) -> None:
    desk.world.share(0)
    desk.world.reconcile()
    name, found = protocol.PROTOCOL_HEADER.lower(), []
    for spoken in ("1-1", "1-2"):
        _, body, _ = desk.once(protocol.STATE_PATH, headers=desk.headers(0) | {name: spoken})
        found.append([one.get("upstream") for one in json.loads(body)["checks"]])
    assert found == [[None, None], ["10.0.0.1:8080", "10.0.0.2:8080"]]


def test_an_older_agent_gets_the_routes_that_it_can_serve(desk: Desk) -> None:
    other = desk.world.share(0, "/api")
    desk.world.change(Binding, other, proxy_config={"min_tls_version": "1.3"})
    desk.world.reconcile()
    name, found = protocol.PROTOCOL_HEADER.lower(), {}
    for spoken in ("1-3", "1-2", "1-1"):
        _, body, _ = desk.once(protocol.STATE_PATH, headers=desk.headers(0) | {name: spoken})
        found[spoken] = [one["path"] for one in json.loads(body)["routes"]]
    assert found == {"1-3": ["/", "/api"], "1-2": ["/"], "1-1": ["/"]}
    told = json.dumps({"version": "1.0", "revision": 1}).encode()
    for spoken, expected in (("1-2", 2), ("1-9", 3)):
        given = desk.headers(0) | {name: spoken}
        assert desk.once(protocol.REPORT_PATH, body=told, headers=given)[0] == 204
        kept = desk.world.read(Server, desk.world.servers[0]).agent_report
        assert kept.protocol == expected


def test_a_revoked_token_is_told_so_signed(desk: Desk) -> None:
    desk.revoke(0)
    for path, body in ((protocol.STATE_PATH, None), (protocol.REPORT_PATH, b"{}")):
        answer = desk.once(path, body=body)
        assert (answer[0], json.loads(answer[1])["code"]) == (401, protocol.REVOKED_CODE)
        assert desk.is_signed(0, answer)


def test_who_waits_hears_of_news_and_of_the_end_at_once(desk: Desk) -> None:
    """Many wait; each hears of its own server alone, and none holds a thread or a connection."""
    for number in (0, 1):
        desk.world.reconcile(number)
    slow = Desk(desk.world, poll_seconds=20)

    async def run() -> None:
        asked: dict[str, Any] = {"query": "after=1"}
        first = [asyncio.create_task(slow.ask(protocol.STATE_PATH, 0, **asked)) for _ in range(100)]
        second = [
            asyncio.create_task(slow.ask(protocol.STATE_PATH, 1, **asked)) for _ in range(100)
        ]
        while slow.app.waiting < 200:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        assert threading.active_count() < 20
        await asyncio.to_thread(
            desk.world.change, Server, desk.world.servers[0], offered_revision=2
        )
        answers = await asyncio.wait_for(asyncio.gather(*first), 10)
        assert {json.loads(body)["revision"] for _, body, _ in answers} == {2}
        assert not any(one.done() for one in second)
        await asyncio.to_thread(slow.revoke, 1)
        answers = await asyncio.wait_for(asyncio.gather(*second), 5)
        assert {status for status, _, _ in answers} == {401}

    asyncio.run(run())


def test_nothing_new_is_said_in_time(desk: Desk) -> None:
    desk.world.reconcile()
    answer = desk.once(protocol.STATE_PATH, query="after=1")
    assert (answer[0], answer[1]) == (204, b"")
    assert desk.is_signed(0, answer)
    assert desk.once(protocol.STATE_PATH, query="after=x")[0] == 422
    assert desk.once(protocol.STATE_PATH, query="after=7")[0] == 200, "a later one than there is"


def test_reports_are_read_strictly(desk: Desk) -> None:
    good = json.dumps({"version": "1", "revision": 1, "fingerprint": "f"}).encode()
    assert desk.once(protocol.REPORT_PATH, body=good)[0] == 204
    assert desk.world.read(Server, desk.world.servers[0]).agent_report.report.revision == 1
    assert desk.world.read(Server, desk.world.servers[1]).agent_report is None
    for body in (
        b"", b"{", b"[]", b'{"version": 1}', b'{"version": "1", "server": "srv_1"}',
        b'{"version": "1", "looks": [{"id": 3}]}',
        b'{"version": "1", "looks": [{"id": "bnd_1", "age": NaN}]}',
        b'{"version": "1", "looks": [{"id": "bnd_1", "seconds": 1e999}]}', b"[" * 100_000, b"x" * (protocol.MAX_REPORT + 1),
    ):  # fmt: skip
        status, answer, _ = desk.once(protocol.REPORT_PATH, body=body)
        assert (status, json.loads(answer)["code"][:5]) == (422, "body_"), body[:50]


def test_a_challenge_that_is_not_there(desk: Desk) -> None:
    answer = desk.once(protocol.CHALLENGE_PATH, query=f"host={HOSTS[0]}&token=unknown")
    assert answer[:2] == (404, b"not found")
    assert desk.is_signed(0, answer)


def test_a_worker_s_server_is_refused(desk: Desk) -> None:
    desk.world.reconcile()
    proxy = {"type": "caddy", "admin_url": "http://127.0.0.1:2019"}
    desk.world.change(Server, desk.world.servers[0], proxy=proxy)
    status, body, _ = desk.once(protocol.STATE_PATH)
    assert (status, json.loads(body)["code"]) == (409, "agent_not_wanted")
    assert not agents.states(desk.world.sessions, desk.world.tools, desk.world.servers[:1])
