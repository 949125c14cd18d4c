"""A renewal while a proxy refuses it or is down: nobody sees a gap, and the repair heals by itself."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from nameplate.usecases.operations import schema
from tests.e2e import test_main_path as main_path
from tests.e2e.installation import fetch
from tests.e2e.test_main_path import World

pytestmark = [
    pytest.mark.timeout(420),
    pytest.mark.skipif(
        shutil.which("knotd", path="/usr/sbin:/usr/bin") is None, reason="needs knotd"
    ),
]
HOSTS = {"nginx": "shop.example.com", "caddy": "blue.shop.example.com"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """SQLite, one process, Knot."""
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url)
    with ExitStack() as stack:
        yield main_path._world(tmp_path, stack, {"NAMEPLATE_DATABASE_URL": url}, "knot", workers=0)


class Visitor(threading.Thread):
    """Looks at a host all the time, with a verified handshake, and notes what it sees.

    `tries`: Caddy closes connections that wait for their first request while it loads another
    configuration.
    """

    def __init__(self, port: int, host: str, root: bytes, tries: int = 1) -> None:
        super().__init__(daemon=True)
        self._asked = port, host, root
        self._tries = tries
        self.serials: list[str] = []
        self.failures: list[str] = []
        self._over = threading.Event()

    def run(self) -> None:
        port, host, root = self._asked
        while not self._over.is_set():
            failures = []
            for _ in range(self._tries):
                try:
                    status, _, serial = fetch("127.0.0.1", port, host, root)
                except OSError as error:
                    failures.append(repr(error))
                    continue
                if status != 200:
                    failures.append(str(status))
                elif self.serials[-1:] != [serial]:
                    self.serials.append(serial)
                break
            if len(failures) == self._tries:
                self.failures += failures
            time.sleep(0.05)

    def end(self) -> None:
        self._over.set()
        self.join(10)


def test_a_proxy_that_refuses_or_is_down(world: World) -> None:
    ids = main_path._set_up(world)
    call, token, until = world.nameplate.call, ids["token"], world.nameplate.until
    main_path._claim(world, ids, "shop.example.com")
    until("proved", lambda: call("GET", "/v1/domains/shop.example.com", token=token)["status"] == "verified")  # fmt: skip
    wanted = {"domain": "shop.example.com", "names": list(HOSTS.values()), "challenge": "dns-01"}
    made = call("POST", "/v1/certificates", wanted, token=token)
    path = f"/v1/certificates/{made['id']}"
    until("issued", lambda: call("GET", path, token=token)["generation"] == 1)
    for server, labels in (("nginx", {}), ("caddy", {"subdomain": "blue"})):
        body = {
            "application": ids["application"],
            "domain": "shop.example.com",
            "server": ids[server],
        }
        call("POST", "/v1/bindings", {**body, **labels}, token=token)

    def state(wanted: str) -> Any:
        found = call("GET", path, token=token)["deployment"]
        return found if found["state"] == wanted and found["bindings"] == 2 else None

    until("deployed", lambda: state("deployed"))
    root = world.pebble.root_pem()
    visitors = {
        "nginx": Visitor(world.nginx.https_port, HOSTS["nginx"], root),
        "caddy": Visitor(world.caddy.https_port, HOSTS["caddy"], root, tries=2),
    }
    for one in visitors.values():
        one.start()
    until("seen by visitors", lambda: all(one.serials for one in visitors.values()))
    _refused(world, visitors, path, token, state)
    assert {one: seen.failures for one, seen in visitors.items()} == {"nginx": [], "caddy": []}
    visitors["caddy"].end()
    _down(world, path, token, state)
    visitors["nginx"].end()
    assert visitors["nginx"].failures == [], "zero failed handshakes"
    assert len(visitors["nginx"].serials) == 3
    told = call("GET", "/v1/events?since=start&types=certificate.*&limit=100", token=token)["data"]
    types = [one["type"] for one in told]
    assert types.count("certificate.deployed_partial") == 2
    assert types.count("certificate.deployed") == 3


def _refused(world: World, visitors: dict[str, Visitor], path: str, token: str, state: Any) -> None:
    """Renew while nginx refuses every configuration: it goes on with the former certificate."""
    call, until = world.nameplate.call, world.nameplate.until
    main = Path(world.nginx.main)
    good = main.read_text()
    main.write_text(f"{good}\nno_such_directive on;\n")
    first = visitors["nginx"].serials[0]
    call("POST", f"{path}:renew", token=token)
    partial = until("partly deployed", lambda: state("deployed_partial"))
    (missing,) = partial["missing"]
    assert (missing["server_name"], missing["whose_turn"]) == ("n", "operator")
    assert "no_such_directive" in missing["reason"]
    assert missing["since"]
    assert visitors["nginx"].serials == [first], "the former one is served"
    assert len(visitors["caddy"].serials) == 2, "the other server has the new one"
    listed = call("GET", "/v1/certificates?deployment=deployed_partial", token=token)["data"]
    assert [one["links"]["self"] for one in listed] == [path]
    conditions = call("GET", "/v1/domains/shop.example.com", token=token)["conditions"]
    assert "deployed_partial" in {one["reason"] for one in conditions}
    main.write_text(good)
    repaired = time.monotonic()
    until("deployed again", lambda: state("deployed"))
    assert time.monotonic() - repaired < 30
    assert len(visitors["nginx"].serials) == 2


def _down(world: World, path: str, token: str, state: Any) -> None:
    """Renew while Caddy is down: it gets the new certificate when it is there again."""
    call, until = world.nameplate.call, world.nameplate.until
    world.caddy.server.stop()
    call("POST", f"{path}:renew", token=token)
    partial = until("partly deployed", lambda: state("deployed_partial"))
    assert [one["server_name"] for one in partial["missing"]] == ["c"]
    world.caddy.start_again()
    repaired = time.monotonic()
    until("deployed again", lambda: state("deployed"))
    assert time.monotonic() - repaired < 30
