"""The application that `nameplate serve` runs: one process, with short pauses."""

import json
import subprocess
import sys
from pathlib import Path

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
