"""The same over a real socket."""

import http.client
import json
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from tests.api.client import LOCAL, Api
from tests.servers.process import free_port, listens

from nameplate.api.app import create
from nameplate.core.secret import Secret


@pytest.fixture
def port(api: Api) -> Iterator[int]:
    app = create(api.sessions, api.tools, local_token=Secret(LOCAL))
    number = free_port()
    config = uvicorn.Config(app, "127.0.0.1", number, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not listens(number):
        time.sleep(0.02)
    yield number
    server.should_exit = True
    thread.join()


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Authorization": f"Bearer {LOCAL}", **named})
    response = connection.getresponse()
    raw = response.read()
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, raw


def test_a_round_trip(port: int) -> None:
    body = json.dumps({"name": "Acme"}).encode()
    status, headers, raw = ask(
        port, "POST", "/v1/organizations", body, Content_Type="application/json"
    )
    assert status == 201
    assert headers["x-request-id"].startswith("req_")
    assert headers["cache-control"] == "no-store"
    assert json.loads(ask(port, "GET", "/v1/organizations/acme")[2]) == json.loads(raw)
    assert ask(port, "DELETE", "/v1/organizations/acme")[0] == 204
    assert ask(port, "GET", "/v1/organizations/acme")[0] == 404


def test_a_large_body_is_refused_before_it_is_read(port: int) -> None:
    status, _, raw = ask(
        port, "POST", "/v1/organizations", b"x" * (3 * 1024 * 1024), Content_Type="application/json"
    )
    assert (status, json.loads(raw)["code"]) == (413, "body_too_large")


def test_only_a_plan_of_somebody_known_may_be_as_large_as_a_zone(port: int) -> None:
    zone = json.dumps({"file": "; " + "x" * (3 * 1024 * 1024)}).encode()
    typed = {"Content_Type": "application/json"}
    plan = "/v1/domains/nobody.example/records:plan"
    status, _, raw = ask(port, "POST", plan, zone, **typed)
    assert json.loads(raw)["code"] != "body_too_large", status
    status, _, raw = ask(port, "POST", plan, b"x" * (17 * 1024 * 1024), **typed)
    assert (status, json.loads(raw)["code"]) == (413, "body_too_large")
    for path in (f"{plan}/x", "/v1/organizations/records:plan", "/v1/records"):
        status, _, raw = ask(port, "POST", path, zone, **typed)
        assert (status, json.loads(raw)["code"]) == (413, "body_too_large"), path
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", plan, zone, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 401
    connection.close()


def test_two_authorizations_are_none(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", "/v1/domains")
    connection.putheader("Authorization", f"Bearer {LOCAL}")
    connection.putheader("Authorization", f"Bearer {LOCAL}")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()
