"""What a visitor notices of a change: requests in progress are finished."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed


@pytest.mark.parametrize("name", ["nginx", "caddy", "traefik"])
def test_a_request_in_progress_is_finished_even_when_its_host_is_removed(name, request, origins):
    server = request.getfixturevalue(name)
    pair, _ = self_signed("a.example.test")
    route = Route("b1", "a.example.test", "/", origins[0].upstream, pair)
    server.adapter.apply(server.adapter.render([route]))
    assert server.look("https", route.hostname).status == 200
    other = replace(route, hostname="b.example.test", key_pair=None, force_https=False)
    with ThreadPoolExecutor(1) as pool:
        with origins[0].holding() as arrived:
            answer = pool.submit(server.look, "https", route.hostname, "/slow")
            assert arrived.wait(10)
            server.adapter.apply(server.adapter.render([other]))
            assert server.look("http", other.hostname).status == 200
            assert not answer.done()
        assert answer.result(10).status == 200
    assert server.look("https", route.hostname).status is None
