"""One of several real proxies fails: the others serve on, and what is said names the server and the reason."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.proxy.fleet import Fleet
from tests.databases import sessions_over
from tests.servers.caddy import Caddy
from tests.servers.disk import small_disk
from tests.servers.nginx import Nginx
from tests.servers.process import free_port
from tests.servers.traefik import Traefik

from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed
from nameplate.usecases.serving import pacing

KINDS = ("nginx", "caddy", "traefik")
Act = Callable[[Fleet, Any], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at one proxy, and what is said of it."""

    kind: str
    breaks: Act
    repairs: Act
    code: str
    says: str
    serves: bool = True
    """Whether visitors of what was there are served meanwhile."""


def fill(_fleet: Fleet, server: Any) -> None:
    with (
        contextlib.suppress(OSError),
        (server.adapter.folder / "filler").open("wb", buffering=0) as file,
    ):
        while file.write(bytes(512)):
            pass


def free(_fleet: Fleet, server: Any) -> None:
    (server.adapter.folder / "filler").unlink()


def stop(_fleet: Fleet, server: Any) -> None:
    server.server.stop()


def start(_fleet: Fleet, server: Any) -> None:
    server.start_again()


def refuse(_fleet: Fleet, server: Any) -> None:
    """Have Caddy's admin API answer only who asks for another host."""
    document = server.running()
    document["admin"] |= {"enforce_origin": True, "origins": ["admin.example.test"]}
    assert server.api.request("POST", "/load", json=document).status == 200


def poison_caddy(fleet: Fleet, server: Any) -> None:
    """Have the operator's own part name what Caddy does not have."""
    fleet.adapters["caddy"] = server.connect({**server.base, "apps": {"no_such_app": {}}})


def mend_caddy(fleet: Fleet, server: Any) -> None:
    fleet.adapters["caddy"] = server.adapter


def poison_nginx(_fleet: Fleet, server: Any) -> None:
    with server.main.open("a") as file:
        file.write("no_such_directive on;\n")


def mend_nginx(_fleet: Fleet, server: Any) -> None:
    server.main.write_text(server.main.read_text().removesuffix("no_such_directive on;\n"))


def poison_traefik(_fleet: Fleet, server: Any) -> None:
    (server.dynamic / "others.yaml").write_text("http: [")


def mend_traefik(_fleet: Fleet, server: Any) -> None:
    (server.dynamic / "others.yaml").unlink()


FAULTS = {
    **{
        f"the disk of {kind} is full": Fault(kind, fill, free, "disk_full", "The disk is full")
        for kind in KINDS
    },
    "nginx is down": Fault("nginx", stop, start, "proxy_down", "nginx", serves=False),
    "Caddy is down": Fault("caddy", stop, start, "provider_unreachable", "", serves=False),
    "Traefik is down": Fault("traefik", stop, start, "proxy_down", "Start Traefik", serves=False),
    "Caddy's admin API refuses": Fault("caddy", refuse, start, "proxy_refused", "host not allowed"),
    "the operator's part of nginx is poisoned": Fault(
        "nginx", poison_nginx, mend_nginx, "proxy_refused", "no_such_directive"
    ),
    "the operator's part of Caddy is poisoned": Fault(
        "caddy", poison_caddy, mend_caddy, "proxy_refused", "no_such_app"
    ),
    "another file beside Traefik's is poisoned": Fault(
        "traefik", poison_traefik, mend_traefik, "proxy_reload_failed", "another file"
    ),
}


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Any]]:
    """Run each kind of proxy, each with a small disk of its own."""
    with tempfile.TemporaryDirectory(prefix="nameplate-faults-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        for kind in ("nginx", "caddy"):
            (folder / kind).mkdir()
            stack.enter_context(small_disk(folder / kind / "managed"))
        stack.enter_context(small_disk(folder / "traefik"))
        yield {
            "nginx": stack.enter_context(Nginx(folder / "nginx")),
            "caddy": stack.enter_context(Caddy(folder / "caddy")),
            "traefik": stack.enter_context(Traefik(folder / "traefik", proxy={"patience": 2})),
        }


@pytest.fixture
def fleet(
    running: dict[str, Any],
    migrated_sqlite_url: str,
    origins: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    """Give a platform at which the host `one` of each server is served."""
    monkeypatch.setattr(pacing, "QUICK", 600.0)
    sessions = sessions_over(migrated_sqlite_url)
    made = Fleet(sessions, running, origins[0].upstream)
    made.want("one")
    assert made.work() == dict.fromkeys(KINDS)
    assert made.serves("one") == set(KINDS)
    yield made
    sessions.dispose()


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_at_one_proxy_is_said_and_hurts_no_other(name: str, fleet: Fleet) -> None:
    fault = FAULTS[name]
    server, others = fleet.running[fault.kind], set(KINDS) - {fault.kind}
    fault.breaks(fleet, server)
    try:
        fleet.want("two")
        assert fleet.work() == {**dict.fromkeys(KINDS), fault.kind: fault.code}
        assert fleet.serves("two") == others
        assert fleet.serves("one") == (set(KINDS) if fault.serves else others)
        told = fleet.told(fault.kind)
        assert fleet.name(fault.kind) in told.message
        assert fault.says in told.message
        assert not told.status
        for other in others:
            assert fleet.told(other).status, fleet.told(other)
    finally:
        fault.repairs(fleet, server)
    assert fleet.work() == dict.fromkeys(KINDS)
    assert fleet.serves("one") == fleet.serves("two") == set(KINDS)
    assert fleet.told(fault.kind).status


def test_half_the_servers_away_and_the_others_serve_on(fleet: Fleet) -> None:
    away = {"nginx", "traefik"}
    for kind in away:
        fleet.running[kind].server.stop()
    try:
        fleet.want("two")
        assert {kind for kind, code in fleet.work().items() if code} == away
        assert fleet.serves("one") == fleet.serves("two") == {"caddy"}
        for kind in away:
            assert fleet.name(kind) in fleet.told(kind).message
        assert fleet.told("caddy").status
    finally:
        for kind in away:
            fleet.running[kind].start_again()
    assert fleet.work() == dict.fromkeys(KINDS)
    assert fleet.serves("two") == set(KINDS)


def test_traefik_is_configured_without_its_api(fleet: Fleet) -> None:
    """What it serves is seen at its entry point; the API tells only more of what it refuses."""
    fleet.adapters["traefik"] = fleet.running["traefik"].connect(
        api_url=f"http://127.0.0.1:{free_port()}"
    )
    fleet.want("two")
    assert fleet.work() == dict.fromkeys(KINDS)
    assert fleet.serves("two") == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_there_is_served_after_a_start_with_a_full_disk(fleet: Fleet, kind: str) -> None:
    server = fleet.running[kind]
    fill(fleet, server)
    try:
        fleet.want("two")
        assert fleet.work()[kind] == "disk_full"
        server.server.stop()
        server.start_again()
        assert fleet.look(kind, "one").status == 200
        assert fleet.look(kind, "two").status != 200
    finally:
        free(fleet, server)
    assert fleet.work() == dict.fromkeys(KINDS)


@pytest.mark.parametrize("name", ["nginx", "crowded_nginx", "caddy", "crowded_caddy", "traefik"])
def test_certificates_of_another_time_are_presented_and_cost_no_other_host(
    name: str, request: pytest.FixtureRequest, origins: Any
) -> None:
    """Where a clock is wrong, a proxy serves what it is given: visitors judge by theirs."""
    server = request.getfixturevalue(name)
    hour = timedelta(hours=1)
    pairs = {
        "now.example.test": self_signed("now.example.test"),
        "later.example.test": self_signed("later.example.test", lifetime=(hour, 30 * 24 * hour)),
        "ended.example.test": self_signed("ended.example.test", lifetime=(-48 * hour, -hour)),
    }
    route = Route("bnd_0", "", "/", origins[0].upstream)
    routes = [
        replace(route, id=f"bnd_{number}", hostname=host, key_pair=pair)
        for number, (host, (pair, _)) in enumerate(pairs.items())
    ]
    server.adapter.apply(server.adapter.render(routes))
    for host, (_, serial) in pairs.items():
        seen = server.look("https", host)
        assert (seen.status, seen.serial) == (200, serial), host
