"""`nameplate serve` and `nameplate agent` as processes, with real proxies behind the agent."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.agent.agent_rig import AgentWorld, nginx_proxy
from tests.servers.nginx import Nginx

pytestmark = pytest.mark.timeout(300)


def test_nginx_through_an_agent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = AgentWorld(tmp_path, stack, Nginx)
        world.set_up(nginx_proxy(world.proxy))
        world.start_agent()
        binding = world.bind("shop.example.com")
        world.until_active(binding)
        assert world.serves("shop.example.com")
