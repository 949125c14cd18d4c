"""What a caller and a scrape hear of a database that is away, hangs or has given a transaction up."""

import sqlite3
import threading
import time

import sqlalchemy as sa
from pydantic import BaseModel
from tests.api.client import Api

from nameplate.api.app import create
from nameplate.api.deps import Write
from nameplate.api.inprocess import InProcess
from nameplate.api.routing import ApiRoute
from nameplate.core.secret import Secret
from nameplate.models import Organization


def test_metrics_say_at_once_that_the_database_is_away(api: Api) -> None:
    engine = api.sessions.system_engine
    away = threading.Event()
    back = threading.Event()

    @sa.event.listens_for(engine, "do_connect")
    def connect(*_: object) -> None:
        if away.is_set():
            back.wait(20)
            raise sqlite3.OperationalError("unable to open database file")

    assert b"nameplate_database_up 1.0" in api.send("GET", "/metrics").raw
    away.set()
    engine.dispose()
    began = time.monotonic()
    assert b"nameplate_database_up 0.0" in api.send("GET", "/metrics").raw
    assert time.monotonic() - began < 4
    assert b"nameplate_database_up 0.0" in api.send("GET", "/metrics").raw
    asked = api.send("GET", "/readyz")
    assert (asked.status, asked.code) == (503, "database_unavailable")
    assert time.monotonic() - began < 6
    away.clear()
    back.set()
    deadline = time.monotonic() + 5
    while b"nameplate_database_up 1.0" not in api.send("GET", "/metrics").raw:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_metrics_say_so_when_a_connection_in_use_hangs(api: Api) -> None:
    engine = api.sessions.system_engine
    hangs = threading.Event()
    back = threading.Event()

    @sa.event.listens_for(engine, "before_cursor_execute")
    def execute(*_: object) -> None:
        if hangs.is_set():
            back.wait(20)

    assert b"nameplate_database_up 1.0" in api.send("GET", "/metrics").raw
    hangs.set()
    for _ in range(2):
        began = time.monotonic()
        answer = api.send("GET", "/metrics").raw
        assert b"nameplate_database_up 0.0" in answer
        assert b"nameplate_due_rows" not in answer, "old numbers are no news"
        assert time.monotonic() - began < 4
    hangs.clear()
    back.set()


class Tries(BaseModel):
    """How often a request was run."""

    tries: int


def test_a_request_that_lost_a_race_is_run_again(api: Api) -> None:
    app = create(api.sessions, api.tools, local_token=Secret("local-credential"))
    tries = []

    app.router.route_class = ApiRoute

    @app.post("/lost/{number}")
    def lose(number: int, call: Write) -> Tries:
        tries.append(number)
        call.session.add(Organization(name="Once", slug=f"once-{number}"))
        call.session.flush()
        if len(tries) < number:
            raise sa.exc.OperationalError("UPDATE", {}, sqlite3.OperationalError("is locked"))
        return Tries(tries=len(tries))

    there = Api(api.sessions, api.tools, InProcess(app))
    answer = there.send("POST", "/lost/3")
    assert (answer.status, answer.body) == (200, {"tries": 3})
    assert len(api.get("/v1/organizations")["data"]) == 1
    tries.clear()
    hopeless = there.send("POST", "/lost/99")
    assert (hopeless.status, hopeless.code) == (503, "database_busy")
