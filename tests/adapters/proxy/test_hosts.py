"""What a visitor may write into the request: no form of it reaches another tenant."""

import socket
import ssl
import time
from dataclasses import replace

import pytest

from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed

REQUESTS = {
    "port": b"GET / HTTP/1.1\r\nHost: mine.example.test:8443\r\n",
    "upper case": b"GET / HTTP/1.1\r\nHost: MINE.example.test\r\n",
    "trailing dot": b"GET / HTTP/1.1\r\nHost: mine.example.test.\r\n",
    "absolute form": b"GET http://theirs.example.test/ HTTP/1.1\r\nHost: mine.example.test\r\n",
    "absolute form, same": b"GET https://mine.example.test/ HTTP/1.1\r\nHost: theirs.example.test\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: mine.example.test\r\nHost: theirs.example.test\r\n",
    "folded host": b"GET / HTTP/1.1\r\nHost: mine.example.test\r\n theirs.example.test\r\n",
    "empty": b"GET / HTTP/1.1\r\nHost: \r\n",
    "no host": b"GET / HTTP/1.1\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n",
    "address": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "underscore": b"GET / HTTP/1.1\r\nHost: theirs_example.test\r\n",
    "other": b"GET / HTTP/1.1\r\nHost: theirs.example.test\r\n",
    "list": b"GET / HTTP/1.1\r\nHost: mine.example.test,theirs.example.test\r\n",
    "pipe": b"GET / HTTP/1.1\r\nHost: mine.example.test|mine.example.test\r\n",
    "forwarded": b"GET / HTTP/1.1\r\nHost: mine.example.test\r\nX-Forwarded-Host: theirs.example.test\r\n",
}
REACHES_MINE = {"port", "upper case", "forwarded"}


def _origin(port, request, sni):
    """Return the port of the origin that answered, as text, or None."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=5)
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with context.wrap_socket(sock, server_hostname=sni) as tls:
                tls.sendall(request + b"Connection: close\r\n\r\n")
                raw = b"".join(iter(lambda: tls.recv(65536), b""))
        except OSError:
            return None
    for field in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if field.lower().startswith(b"x-origin:"):
            return int(field.partition(b":")[2])
    return None


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def port(request, origins):
    server = request.getfixturevalue(request.param)
    mine, _ = self_signed("mine.example.test")
    theirs, _ = self_signed("theirs.example.test")
    route = Route("b1", "mine.example.test", "/", origins[0].upstream, mine)
    other = replace(route, id="b2", hostname="theirs.example.test", key_pair=theirs)
    other = replace(other, upstream=origins[1].upstream)
    server.adapter.apply(server.adapter.render([route, other]))
    time.sleep(0.1)  # Caddy closes the old configuration's sockets a moment after the load
    return server.https_port


def test_no_form_of_host_reaches_another_tenant(port, origins):
    seen = {name: _origin(port, text, "mine.example.test") for name, text in REQUESTS.items()}
    reached = {name: origin for name, origin in seen.items() if origin is not None}
    assert set(reached.values()) == {origins[0].port}
    assert reached.keys() >= REACHES_MINE
    assert reached.keys() <= REACHES_MINE | {"trailing dot", "absolute form, same"}


def test_without_a_name_in_the_handshake_there_is_no_certificate(port):
    assert _origin(port, REQUESTS["port"], None) is None
    assert _origin(port, REQUESTS["port"], "unknown.example.test") is None


def test_the_name_of_the_handshake_may_be_in_upper_case(port, origins):
    assert _origin(port, REQUESTS["port"], "Mine.Example.TEST") == origins[0].port
