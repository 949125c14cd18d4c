"""A thousand agents at one `nameplate serve`: how soon a change reaches all, and what that costs.

    python bench/agents.py [--agents N] [--hosts N] [--changes N] [--processes N]

Every agent is a client that asks and reports as `nameplate agent` does: it waits at the API for news,
checks the signature of what comes, and says what it has taken over. All of them live in a few processes,
in one event loop each. A change is a new revision for every server at once, as a setting that all share
would cause; then one for one server alone. CPU and memory are those of `serve`, its worker included.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import secrets
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.servers.process import Server, free_port, listens

from nameplate.core import agent_protocol as protocol
from nameplate.core import tokens

GOAL = 5.0
"""Seconds until every agent has a change."""
PATIENCE = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Heard:
    """One agent has taken over one revision."""

    server: int
    revision: int
    at: float
    """Of the clock that all processes of the machine share."""
    size: int


def populate(url: str, folder: Path, agents: int, hosts: int) -> list[tuple[int, str]]:
    """Make a server with some hosts for each agent; return its id and its agent's token."""
    from tests.proof import prove

    from nameplate import bootstrap
    from nameplate.core.actor import PLATFORM
    from nameplate.core.ids import show
    from nameplate.core.lifecycle import BindingStatus, CertificateStatus
    from nameplate.models import (
        Application,
        Binding,
        Certificate,
        CertificateName,
        Domain,
        Organization,
        Server,
    )
    from nameplate.settings import Settings
    from nameplate.testing.proxy import self_signed
    from nameplate.usecases.certificates import requests
    from nameplate.usecases.operations import schema
    from nameplate.usecases.tenants import tokens as api_tokens

    schema.upgrade(url)
    settings = Settings.read({"NAMEPLATE_DATABASE_URL": url, "NAMEPLATE_HOME": str(folder)})
    sessions, ring = bootstrap.ready(settings)
    now, made = datetime.now(UTC), []
    proxy = {"type": "nginx", "reach": "agent", "pid_file": "/run/nginx.pid"}
    pair, serial = self_signed("*.acme.com")
    with sessions.begin(PLATFORM) as session:
        owner = Organization(name="Acme", slug="acme")
        session.add(owner)
        session.flush()
        app = Application(
            organization_id=owner.id, name="A", upstream_host="10.0.0.1", upstream_port=80
        )
        claim = Domain(organization_id=owner.id, domain_name="acme.com")
        session.add_all([app, claim])
        session.flush()
        session.refresh(claim)
        prove(session, claim, now)
        claim.activate()
        certificate = Certificate(
            organization_id=owner.id, organization_domain_id=claim.id, common_name="*.acme.com",
            subject_alternative_names=["*.acme.com"], status=CertificateStatus.ACTIVE,
            certificate_bundle=pair.bundle, certificate=pair.bundle, serial_number=serial,
            last_renewed_at=now, expires_at=now + timedelta(days=60),
        )  # fmt: skip
        session.add(certificate)
        session.flush()
        session.add(
            CertificateName(
                organization_id=owner.id, ssl_certificate_id=certificate.id,
                hostname="*.acme.com", organization_domain_id=claim.id,
            )
        )  # fmt: skip
        place = requests.key_place(certificate)
        certificate.private_key = ring.seal(pair.private_key, place)
        for number in range(agents):
            server = Server(name=f"edge{number}", address=f"edge{number}.example.net", proxy=proxy)
            session.add(server)
            session.flush()
            session.add_all(
                Binding(
                    organization_id=owner.id, organization_domain_id=claim.id, application_id=app.id,
                    hostname=f"h{number}-{one}.acme.com", subdomain=f"h{number}-{one}",
                    server_id=server.id, ssl_certificate_id=certificate.id,
                    status=BindingStatus.ACTIVE, activated_at=now,
                )
                for one in range(hosts)
            )  # fmt: skip
            _, secret = api_tokens.add(
                session, PLATFORM, name=f"agent{number}", now=now, random=secrets.token_bytes,
                server=show("srv", server.id),
            )  # fmt: skip
            made.append((server.id, secret.reveal()))
    sessions.dispose()
    return made


def change(url: str, folder: Path, servers: list[int] | None) -> None:
    """Change what servers are to serve, as a person's request does; all of them without a list."""
    import sqlalchemy as sa

    from nameplate import bootstrap
    from nameplate.core.actor import PLATFORM
    from nameplate.models import Server
    from nameplate.models.announcement import announce
    from nameplate.models.channels import WORK
    from nameplate.settings import Settings

    settings = Settings.read({"NAMEPLATE_DATABASE_URL": url, "NAMEPLATE_HOME": str(folder)})
    sessions, _ = bootstrap.ready(settings)
    with sessions.begin(PLATFORM) as session:
        statement = Server.waking(datetime.now(UTC))
        if servers is not None:
            statement = statement.where(Server.id.in_(servers))
        grown = Server.address + "x"
        session.connection().execute(statement.values(address=sa.func.substr(grown, 1, 200)))
        announce(session, WORK)
    sessions.dispose()


def clients(port: int, agents: list[tuple[int, str]], told: "SimpleQueue[Heard]") -> None:
    """Be some agents until the process is ended."""
    asyncio.run(_all(port, agents, told))


async def _all(port: int, agents: list[tuple[int, str]], told: "SimpleQueue[Heard]") -> None:
    await asyncio.gather(*(_agent(port, number, token, told) for number, token in agents))


class Connection:
    """One connection to the API that is kept open."""

    def __init__(self, port: int, token: str) -> None:
        """Speak for one agent."""
        self._port, self._token = port, token
        self._key = protocol.answer_key(tokens.parse_api_token(token).digest)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of an answer that is signed for this question."""
        nonce = secrets.token_hex(16)
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        fields = {
            "Host": "127.0.0.1", "Authorization": f"Bearer {self._token}",
            protocol.PROTOCOL_HEADER: protocol.spoken(), protocol.NONCE_HEADER: nonce,
            "Content-Length": str(len(content)),
        }  # fmt: skip
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        got = {
            name.lower(): value.strip()
            for name, _, value in (one.partition(":") for one in lines[1:])
        }
        body = await reader.readexactly(int(got.get("content-length", 0)))
        presented = got.get(protocol.SIGNATURE_HEADER.lower(), "")
        if not protocol.is_signed(self._key, nonce, status, body, presented):
            raise OSError(f"an answer with status {status} is not signed")
        return status, body

    def close(self) -> None:
        """Hang up, and begin anew with the next question."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _agent(port: int, number: int, token: str, told: "SimpleQueue[Heard]") -> None:
    connection, revision, reported = Connection(port, token), 0, 0.0
    report: dict[str, Any] = {"version": "bench", "revision": 0}
    while True:
        try:
            asked = f"{protocol.STATE_PATH}?after={revision}"
            status, body = await connection.ask("GET", asked)
            if status == 200:
                state = json.loads(body)
                revision = state["revision"]
                told.put(Heard(number, revision, time.monotonic(), len(body)))
                report |= {"revision": revision, "fingerprint": state["fingerprint"]}
                reported = 0.0
            if time.monotonic() - reported > protocol.REPORT_SECONDS:
                content = json.dumps(report).encode()
                await connection.ask("POST", protocol.REPORT_PATH, content)
                reported = time.monotonic()
        except (OSError, EOFError):
            connection.close()
            await asyncio.sleep(1)


class Crowd:
    """All agents, and what they have heard."""

    def __init__(self, port: int, agents: list[tuple[int, str]], processes: int) -> None:
        """Start them."""
        self._told: SimpleQueue[Heard] = multiprocessing.SimpleQueue()
        self._servers = {number for number, _ in agents}
        self.revisions: dict[int, int] = {}
        self.size = 0
        parts = [agents[start::processes] for start in range(processes)]
        self._processes = [
            multiprocessing.Process(target=clients, args=(port, part, self._told), daemon=True)
            for part in parts
        ]
        for one in self._processes:
            one.start()

    def stop(self) -> None:
        """End them."""
        for one in self._processes:
            one.kill()
            one.join()

    def until(self, servers: set[int] | None, since: float) -> list[float]:
        """Return after how many seconds each of these servers' agents had something newer."""
        waiting = set(servers or self._servers)
        after: list[float] = []
        ended = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < ended:
            if self._told.empty():
                time.sleep(0.02)
                continue
            heard = self._told.get()
            self.revisions[heard.server] = heard.revision
            self.size = heard.size
            if heard.server in waiting and heard.at >= since:
                waiting.discard(heard.server)
                after.append(heard.at - since)
        if waiting:
            raise SystemExit(f"{len(waiting)} agents heard nothing within {PATIENCE:.0f} s")
        return sorted(after)


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def shown(what: str, after: list[float], spent: float, memory: float) -> bool:
    """Print one line of figures; tell whether the goal was met."""
    p50, last = statistics.median(after), after[-1]
    print(f"{what:<34} median {p50:6.2f} s   last {last:6.2f} s   serve: {spent:6.2f} s CPU, {memory:6.1f} MiB", flush=True)  # fmt: skip
    return last <= GOAL


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description="A thousand agents at one serve.")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--changes", type=int, default=3)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--worker", action="store_true", help="work in a process of its own")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nameplate-bench-")))
        url = f"sqlite:///{folder}/nameplate.db"
        agents = populate(url, folder / "home", given.agents, given.hosts)
        port = free_port()
        env = {
            "NAMEPLATE_DATABASE_URL": url, "NAMEPLATE_HOME": str(folder / "home"),
            "NAMEPLATE_HOST": "127.0.0.1", "NAMEPLATE_PORT": str(port),
            "NAMEPLATE_SERVE_WORKER": "false" if given.worker else "true",
        }  # fmt: skip
        command = [sys.executable, "-m", "nameplate", "serve"]
        server = Server(command, folder, ready=lambda: listens(port), env=env)
        stack.callback(server.stop)
        if given.worker:
            (folder / "worker").mkdir()
            command = [sys.executable, "-m", "nameplate", "worker"]
            worker = Server(command, folder / "worker", ready=lambda: True, env=env)
            stack.callback(worker.stop)
        bare = resident(server.pid)
        began, before = time.monotonic(), cpu(server.pid)
        crowd = Crowd(port, agents, given.processes)
        stack.callback(crowd.stop)
        after = crowd.until(None, began)
        shown(f"{given.agents} agents' first state", after, cpu(server.pid) - before, resident(server.pid))  # fmt: skip
        time.sleep(30)
        before = cpu(server.pid)
        time.sleep(20)
        idle = (cpu(server.pid) - before) / 20
        ok = True
        for number in range(given.changes):
            before, began = cpu(server.pid), time.monotonic()
            change(url, folder / "home", None)
            after = crowd.until(None, began)
            ok &= shown(f"change {number + 1} for all", after, cpu(server.pid) - before, resident(server.pid))  # fmt: skip
            time.sleep(15)
        one = agents[len(agents) // 2][0]
        before, began = cpu(server.pid), time.monotonic()
        change(url, folder / "home", [one])
        after = crowd.until({one}, began)
        ok &= shown("change for one of them", after, cpu(server.pid) - before, resident(server.pid))
        print(f"serve alone {bare:.1f} MiB, with all agents waiting {resident(server.pid):.1f} MiB, {idle:.1%} of a core idle; a state has {crowd.size} octets")  # fmt: skip
        print("goal: a change reaches all in <= 5 s:", "met" if ok else "not met")


if __name__ == "__main__":
    main()
