"""Shares of many requests: within three points of the weights, as far as chance allows."""

import http.client
import math
import socket
import ssl
from collections import Counter
from typing import Any

import pytest

from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed

HOST = "shares.example.test"
_POINTS = 0.03
_DEVIATIONS = 5
_PER_CONNECTION = 100


def tolerance(visits: int, share: float) -> float:
    """Return by how many visits a share may be missed: three points, or what chance does."""
    return max(_POINTS * visits, _DEVIATIONS * math.sqrt(visits * share * (1 - share)))


def connected(server: Any, *, secure: bool) -> http.client.HTTPConnection:
    """Return a connection that is open to a proxy."""
    port = server.https_port if secure else server.http_port
    found = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    found.connect()
    found.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        found.sock = context.wrap_socket(found.sock, server_hostname=HOST)
    return found


def visited(server: Any, visits: int, *, secure: bool) -> Counter[int]:
    """Return how many requests each origin answered, many over one connection."""
    found: Counter[int] = Counter()
    while found.total() < visits:
        connection = connected(server, secure=secure)
        try:
            for _ in range(min(_PER_CONNECTION, visits - found.total())):
                connection.request("GET", "/", headers={"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                found[int(answer.headers["X-Origin"])] += 1
        except (http.client.RemoteDisconnected, ConnectionResetError):
            continue  # Caddy closes what its former configuration had accepted
        finally:
            connection.close()
    return found


@pytest.mark.parametrize("name", ["nginx", "crowded_nginx", "caddy", "crowded_caddy", "traefik"])
@pytest.mark.parametrize("visits", [500, pytest.param(10_000, marks=pytest.mark.torture)])
@pytest.mark.parametrize("weights", [(75, 25), (2, 98)])
def test_targets_get_what_they_weigh(
    name: str, visits: int, weights: tuple[int, int], request: pytest.FixtureRequest, origins: Any
) -> None:
    server = request.getfixturevalue(name)
    pair, _ = self_signed(HOST)
    routes = [
        Route(f"bnd_{weight}", HOST, "/", origin.upstream, pair, force_https=False, weight=weight)
        for weight, origin in zip(weights, origins, strict=True)
    ]
    server.adapter.apply(server.adapter.render(routes))
    for secure in (False, True):
        seen = visited(server, visits, secure=secure)
        print(f"{name} {weights} {'https' if secure else 'http'}: {seen}")
        for route in routes:
            share = route.weight / sum(weights)
            missed = abs(seen[route.upstream.port] - share * visits)
            assert missed <= tolerance(visits, share), (route.weight, seen)
