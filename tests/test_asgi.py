"""The application that `nameplate serve` runs: one process, with short pauses."""

import json
import subprocess
import sys
from pathlib import Path

from nameplate.asgi import Service
from nameplate.core import challenge_certificates
from nameplate.ports.fetcher import HttpOutcome
from nameplate.settings import Settings
from nameplate.usecases.certificates import reachability
from tests.servers.process import free_port

STARTED = """
import asyncio, gc, json, sys
from pathlib import Path
from nameplate.asgi import create
from nameplate.settings import Settings

app = create(Settings(home=Path.cwd(), serve_worker=False))
told = {}

async def receive():
    if "started" not in told:
        told["started"] = True
        return {"type": "lifespan.startup"}
    for path in ("/edge/ask", "/healthz", "/edge"):
        told[path] = await status(path)
    told["kept"] = gc.get_freeze_count()
    told["turn"] = sys.getswitchinterval()
    return {"type": "lifespan.shutdown"}

async def status(path):
    sent = []
    async def nothing():
        return {"type": "http.request", "body": b""}
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, nothing, send)
    return sent[0]["status"]

async def send(message):
    assert message["type"].endswith(".complete")

asyncio.run(app({"type": "lifespan"}, receive, send))
print(json.dumps(told))
"""


def test_it_answers_for_edge_and_api_and_pauses_shortly(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTED]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["/edge/ask"], told["/healthz"], told["/edge"]) == (400, 200, 404)
    assert told["kept"] > 10_000
    assert told["turn"] < 0.001


def test_it_answers_our_own_look_at_tls_where_a_port_is_set(tmp_path: Path) -> None:
    """The look goes through the connector that vets addresses, as a worker's does."""
    port = free_port()
    settings = Settings(home=tmp_path, serve_worker=False, tls_alpn_port=port, sandbox=True)
    service = Service(settings)
    present = service.tools.present
    assert present is not None
    assert service.tools.answers_tls_alpn
    token = f"nameplate-0123456789abcdef-{service.tools.keyring.primary}"
    word = reachability.answer(service.tools.keyring, "shop.example.com", token) or ""

    def proves(*protocols: str, address: str = "127.0.0.1") -> bool:
        found = present(address, "shop.example.com", protocols, port)
        return challenge_certificates.proves(found.body, "shop.example.com", word)

    service.start()
    try:
        assert proves(challenge_certificates.PROTOCOL, token)
        assert not proves(challenge_certificates.PROTOCOL)
        assert not proves(challenge_certificates.PROTOCOL, f"{token}x")
        refused = present("169.254.169.254", "shop.example.com", (token,), port)
        assert refused.category is HttpOutcome.ADDRESS_REFUSED
        away = present("127.0.0.1", "shop.example.com", (token,), free_port())
        assert away.category is HttpOutcome.UNREACHABLE
    finally:
        service.stop()
