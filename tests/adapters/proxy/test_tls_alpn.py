"""Which proxies let a handshake for `acme-tls/1` through (RFC 8737), tried with the real ones.

nginx passes it on by `ssl_preread`, as docs/how-to/prove-by-tls.md sets it up. Caddy and Traefik keep such handshakes
for orders of their own, whatever they are told otherwise: servers with them are refused this challenge.
"""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.process import ServerMissing, free_port
from tests.servers.traefik import Traefik

from nameplate import listener
from nameplate.core import challenge_certificates, keys
from nameplate.core.challenge_certificates import PROTOCOL
from nameplate.core.client_hello import ClientHello
from nameplate.core.secret import Secret
from nameplate.listener.alpn import ChallengeServer
from nameplate.ports.proxy import KeyPair, Route, Upstream

NAME, WORD = "shop.example.com", "token.thumbprint"
KEY = keys.new_key()
MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def _challenge() -> bytes:
    return challenge_certificates.make(NAME, WORD, KEY, datetime.now(UTC))


def _presented(port: int, *protocols: str) -> bytes | None:
    """Return the certificate (DER) that is presented for a handshake, None where it is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as secure,
        ):
            return secure.getpeercert(binary_form=True)
    except OSError:
        return None


def _is_proof(der: bytes | None) -> bool:
    return der is not None and challenge_certificates.proves(der, NAME, WORD)


def _site() -> Route:
    """Return the host with a certificate of its own."""
    key = keys.new_key()
    bundle = challenge_certificates.make(NAME, "served", key, datetime.now(UTC)).decode()
    pair = KeyPair("crt_1-1", bundle, Secret(key.reveal()))
    return Route("bnd_1", NAME, "/", Upstream("127.0.0.1", free_port()), pair)


@pytest.fixture
def responder() -> Iterator[int]:
    """Return the port of our own answers."""

    def answer(hello: ClientHello) -> bytes | None:
        return KEY.reveal().encode() + _challenge() if hello.name == NAME else None

    at = listener.listen("127.0.0.1", 0)
    server = ChallengeServer(answer, at)
    server.start()
    yield at.getsockname()[1]
    server.stop()


def test_nginx_passes_it_on_and_serves_the_rest(tmp_path: Path, responder: int) -> None:
    if not MODULE.exists():
        raise ServerMissing("libnginx-mod-stream is not installed: run `make servers`")
    public = free_port()
    server = Nginx(tmp_path)
    try:
        server.adapter.apply(server.adapter.render([_site()]))
        stream = f"""
stream {{
    map $ssl_preread_alpn_protocols $nameplate_tls {{
        ~\\bacme-tls/1\\b 127.0.0.1:{responder};
        default 127.0.0.1:{server.https_port};
    }}
    server {{ listen 127.0.0.1:{public}; ssl_preread on; proxy_pass $nameplate_tls; }}
}}
"""
        text = server.main.read_text()
        server.stop()
        server.main.write_text(f"load_module {MODULE};\n{text}{stream}")
        server._start()
        assert _is_proof(_presented(public, PROTOCOL))
        assert _is_proof(_presented(public, PROTOCOL, "nameplate-0123456789abcdef-key"))
        served = _presented(public, "h2", "http/1.1")
        assert served is not None
        assert not _is_proof(served)
        assert not _is_proof(_presented(server.https_port, PROTOCOL))
    finally:
        server.stop()


@pytest.mark.parametrize("with_site", [True, False])
def test_caddy_does_not_present_what_its_api_was_given(tmp_path: Path, with_site: bool) -> None:
    with Caddy(tmp_path) as server:
        server.adapter.apply(server.adapter.render([_site()] if with_site else []))
        document: dict[str, Any] = server.running()
        pem = {"certificate": _challenge().decode(), "key": KEY.reveal()}
        tls = document["apps"].setdefault("tls", {})
        tls.setdefault("certificates", {})["load_pem"] = [pem]
        if not with_site:  # the same server, with TLS for every name
            secure = document["apps"]["http"]["servers"]["nameplate_https"]
            secure["tls_connection_policies"] = [{"alpn": [PROTOCOL, "h2"]}]
        reply = server.api.request("POST", "/load", json=document, headers={"Connection": "close"})
        assert reply.status == 200, reply.body
        assert _is_proof(_presented(server.https_port, "h2")) is not with_site  # it was loaded
        assert not _is_proof(_presented(server.https_port, PROTOCOL))


def test_traefik_keeps_its_store_for_itself(tmp_path: Path) -> None:
    files = tmp_path / "challenge.crt", tmp_path / "challenge.key"
    files[0].write_bytes(_challenge())
    files[1].write_text(KEY.reveal())
    pair: dict[str, Any] = {"certFile": str(files[0]), "keyFile": str(files[1])}
    options = {"default": {"alpnProtocols": [PROTOCOL, "h2"]}}
    with Traefik(tmp_path) as server:
        _load(server, {"tls": {"certificates": [{**pair, "stores": [PROTOCOL]}]}})
        assert not _is_proof(_presented(server.https_port, PROTOCOL))
        _load(server, {"tls": {"certificates": [pair], "options": options}})
        assert _is_proof(_presented(server.https_port, "h2"))  # it was loaded
        assert not _is_proof(_presented(server.https_port, PROTOCOL))


def test_traefik_refuses_to_route_it(tmp_path: Path, responder: int) -> None:
    router = {"rule": f"ALPN(`{PROTOCOL}`)", "service": "answers", "tls": {"passthrough": True}}
    service = {"loadBalancer": {"servers": [{"address": f"127.0.0.1:{responder}"}]}}
    said = {"tcp": {"routers": {"answers": router}, "services": {"answers": service}}}
    with Traefik(tmp_path) as server:
        _load(server, said)
        assert not _is_proof(_presented(server.https_port, PROTOCOL))
        assert f'"{PROTOCOL}" is not allowed' in server.log.replace("\\", "")


def _load(server: Traefik, dynamic: dict[str, Any]) -> None:
    """Have it load a file of the operator's."""
    before, end = server.loads, time.monotonic() + 10
    (server.dynamic / "challenge.yml").write_text(json.dumps(dynamic))
    while server.loads == before:
        assert time.monotonic() < end, server.log
        time.sleep(0.1)
    time.sleep(0.3)
