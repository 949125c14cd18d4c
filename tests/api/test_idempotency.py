"""The same Idempotency-Key: one effect and one answer, whatever happens in between."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Answer, Api, api_over
from tests.api.conftest import World

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import IdempotencyKey
from nameplate.ports.dns import Zone
from nameplate.usecases import idempotency

PATH = "/v1/organizations"


def test_a_repeat_gets_the_first_answer(api: Api) -> None:
    keyed = api.with_(idempotency_key="k1")
    first = keyed.send("POST", PATH, {"name": "Acme"})
    again = keyed.send("POST", PATH, {"name": "Acme"})
    assert (first.status, again.status) == (201, 201)
    assert again.raw == first.raw
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.get(PATH)["data"]) == 1


def test_another_body_is_refused(api: Api) -> None:
    keyed = api.with_(idempotency_key="k1")
    keyed.post(PATH, {"name": "Acme"})
    answer = keyed.send("POST", PATH, {"name": "Other"})
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")


def test_keys_are_of_one_caller_and_one_address(world: World) -> None:
    body = {"name": "x"}
    ids = {
        caller.with_(idempotency_key="k").post(path, {**body, **more})["id"]
        for caller in (world.as_acme, world.as_globex)
        for path, more in (("/v1/applications", {}), ("/v1/servers", {"address": "a.example.net"}))
    }
    assert len(ids) == 4


def test_a_refused_request_is_not_kept(api: Api) -> None:
    keyed = api.with_(idempotency_key="k1")
    assert keyed.send("POST", PATH, {"name": "Acme", "parent": "nobody"}).status == 404
    assert keyed.send("POST", PATH, {"name": "Acme"}).status == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x80"])
def test_malformed_keys(api: Api, key: str) -> None:
    answer = api.with_(idempotency_key=key).send("POST", PATH, {"name": "Acme"})
    assert (answer.status, answer.code) == (400, "idempotency_key_malformed")


def test_keys_are_forgotten_after_a_day(api: Api) -> None:
    keyed = api.with_(idempotency_key="k1")
    keyed.post(PATH, {"name": "Acme"})
    _age(api, timedelta(hours=25))
    assert keyed.send("POST", PATH, {"name": "Other"}).status == 201
    _age(api, timedelta(hours=25))
    with api.sessions.begin(PLATFORM) as session:
        assert idempotency.purge(session, api.tools.clock()) == 1


def _age(api: Api, by: timedelta) -> None:
    with api.sessions.begin(PLATFORM) as session:
        for row in session.scalars(sa.select(IdempotencyKey)):
            row.created_at -= by


def test_the_secret_of_a_token_is_not_kept(api: Api) -> None:
    keyed = api.with_(idempotency_key="k1")
    made = keyed.post("/v1/tokens", {"name": "ci", "platform": True})
    again = keyed.post("/v1/tokens", {"name": "ci", "platform": True})
    assert again["id"] == made["id"]
    assert again["token"] is None
    with api.sessions.begin(PLATFORM) as session:
        (row,) = session.scalars(sa.select(IdempotencyKey)).all()
    assert made["token"] not in (row.response_body or made["token"])


class _Slow:
    """A DNS provider that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.calls = 0

    def zones(self) -> list[Zone]:
        self.calls += 1
        self.asked.set()
        assert self.go.wait(10)
        return []


def test_in_flight_is_a_conflict(world: World, api: Api) -> None:
    slow = _Slow()
    tools = replace(api.tools, dns_provider=lambda _account: slow)  # type: ignore[arg-type,return-value]  # zones is all that is asked
    app = create(api.sessions, tools, local_token=Secret(LOCAL))
    elsewhere = create(api.sessions, tools, local_token=Secret(LOCAL))
    keyed = replace(api, transport=InProcess(app)).with_(idempotency_key="k1")
    path = f"/v1/accounts/{world.ids['accounts']}/test"
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(keyed.send("POST", path)))
    thread.start()
    assert slow.asked.wait(10)
    second = keyed.send("POST", path)
    other_process = replace(keyed, transport=InProcess(elsewhere)).send("POST", path)
    slow.go.set()
    thread.join()
    for refused in (second, other_process):
        assert (refused.status, refused.code) == (409, "idempotency_in_flight")
    assert answers[0].status == 200
    again = keyed.send("POST", path)
    assert again.raw == answers[0].raw
    assert slow.calls == 1


def test_many_at_once_have_one_effect(sessions: Sessions, tmp_path: Path) -> None:
    processes = [api_over(sessions, tmp_path / "home") for _ in range(2)]
    answers: list[Answer] = []

    def ask(api: Api) -> None:
        answers.append(api.with_(idempotency_key="k").send("POST", PATH, {"name": "Acme"}))

    threads = [threading.Thread(target=ask, args=(processes[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(processes[0].get(PATH)["data"]) == 1
    good = [answer for answer in answers if answer.status == 201]
    assert good
    assert len({answer.raw for answer in good}) == 1
    assert {answer.status for answer in answers} <= {201, 409}, [a.raw for a in answers]
