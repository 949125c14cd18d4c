"""`nameplate serve` and `nameplate agent` as processes, with real proxies behind the agent."""

import shutil
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.agent.agent_rig import (
    AgentWorld,
    caddy_proxy,
    nginx_proxy,
    traefik_proxy,
)
from tests.badday.faults.installation import clock
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.traefik import Traefik

pytestmark = pytest.mark.timeout(300)
SHOP, BLOG = "shop.example.com", "blog.example.com"
MIB = 1024


def _resident(pid: int) -> int:
    """Return the resident memory of a process in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def test_the_life_of_an_agent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = AgentWorld(tmp_path, stack, Nginx)
        world.set_up(nginx_proxy(world.proxy))
        world.start_agent()
        shop = world.bind(SHOP)
        served = world.until_active(shop)
        assert world.serves(SHOP)
        certificates = world.nameplate.call("GET", "/v1/certificates")["data"]
        assert [one["challenge"] for one in certificates] == ["http-01"]
        assert served["served_serial" if "served_serial" in served else "status"]
        server = world.nameplate.call("GET", f"/v1/servers/{world.server}")
        assert (server["error_code"], server["configured_at"] is not None) == (None, True)
        assert world.agent is not None
        assert _resident(world.agent.pid) <= 60 * MIB
        code, said = world.check_agent()
        assert code == 0, said
        assert "revision" in said
        _lives_without_the_api(world)
        _catches_up(world, shop)
        _is_revoked(world)


def _lives_without_the_api(world: AgentWorld[Nginx]) -> None:
    """Serve from the sealed copy, after a restart of everything on that machine."""
    world.nameplate.kill_serve()
    world.stop_agent()
    world.proxy.stop()
    shutil.rmtree(world.proxy.folder / "managed")
    assert not world.keys()
    (world.proxy.folder / "managed").mkdir()
    world.proxy._start()
    assert not world.serves(SHOP)
    world.start_agent()
    deadline = time.monotonic() + 20
    while not world.serves(SHOP):
        assert time.monotonic() < deadline, world.agent_log
        time.sleep(0.2)
    code, said = world.check_agent()
    assert code == 1
    assert "is kept and served" in said
    assert world.copy.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" not in world.copy.read_bytes()
    world.nameplate.start_serve()


def _catches_up(world: AgentWorld[Nginx], shop: dict[str, str]) -> None:
    """Take a new host, and let one go with its key."""
    blog = world.bind(BLOG)
    world.until_active(blog)
    assert "agent_api_back" in world.agent_log
    before = world.keys()
    assert len(before) == 2
    world.nameplate.call("DELETE", f"/v1/bindings/{shop['id']}")
    world.nameplate.until("the host gone", lambda: not world.serves(SHOP))
    world.nameplate.until("its key gone", lambda: len(world.keys()) == 1)
    assert world.serves(BLOG)


def _is_revoked(world: AgentWorld[Nginx]) -> None:
    """End within seconds, say so, keep no copy, and leave the proxy as it is."""
    assert world.copy.exists()
    world.nameplate.call("DELETE", f"/v1/tokens/{world.token_id}")
    assert world.ended(5) == 7, world.agent_log
    assert "agent_token_revoked" in world.agent_log
    assert not world.copy.exists()
    assert world.serves(BLOG)
    world.start_agent()
    assert world.ended(10) == 7
    assert "np_" not in world.agent_log


def test_a_wrong_clock_of_its_machine_costs_no_host_anything(tmp_path: Path) -> None:
    """Agent and API agree on revisions, not on the time of day."""
    with ExitStack() as stack:
        world = AgentWorld(tmp_path, stack, Nginx)
        world.set_up(nginx_proxy(world.proxy))
        for hours, host in ((25, SHOP), (-25, BLOG)):
            there = datetime.now(UTC) + timedelta(hours=hours)
            world.start_agent(**clock(f"{hours:+}h"))
            world.until_active(world.bind(host))
            assert f"{there:%Y-%m-%dT}" in world.agent_log
            assert world.serves(host)
            server = world.nameplate.call("GET", f"/v1/servers/{world.server}")
            assert server["error_code"] is None
            world.stop_agent()
        assert world.serves(SHOP)


def test_caddy_through_an_agent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        caddy = AgentWorld(tmp_path, stack, Caddy)
        caddy.set_up(caddy_proxy(caddy.proxy))
        _serves_one(caddy)


def test_traefik_through_an_agent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        traefik = AgentWorld(tmp_path, stack, Traefik)
        traefik.set_up(traefik_proxy(traefik.proxy))
        _serves_one(traefik)


def _serves_one(world: AgentWorld[Caddy] | AgentWorld[Traefik]) -> None:
    world.start_agent()
    world.until_active(world.bind(SHOP))
    assert world.serves(SHOP)
