"""Real servers, and in front of them scenes: one database, one proxy and one domain each.

All scenes share PowerDNS, Pebble and the application. Each has its own loopback address, so that
every proxy can listen on the one port that Pebble validates http-01 at.
"""

import contextlib
import itertools
import json
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from cryptography import x509
from sqlalchemy.orm import Session

from nameplate import bootstrap
from nameplate.core import ids, keys
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.db import Sessions, database_now
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    HttpChallenge,
    LedgerEntry,
    Record,
    Server,
    Verification,
    metadata,
)
from nameplate.settings import Settings
from nameplate.usecases.certificates import challenges, reachability, requests
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import records
from nameplate.usecases.serving import applications, bindings, servers
from nameplate.usecases.tenants import accounts, organizations
from tests.chaos.run_worker import Job, WorkerProcess
from tests.servers import postgresql
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.powerdns import PowerDns
from tests.servers.process import free_port

T = TypeVar("T")
ZONE = "example.com"
WORK: tuple[type[Any], ...] = (Verification, Domain, Record, Certificate, Server, Binding)
API = f"/api/v1/servers/localhost/zones/{ZONE}."


UNCOUNTED = frozenset({
    "certificate_watches", "domain_readiness", "edge_asks", "health_hours", "live_processes",
    "registration_watches", "step_counts",
})  # fmt: skip
"""Tables that say nothing of what was done: a void step is counted too, and every worker that runs
keeps its heartbeat, what its health checks saw and the copy of what is ready, and takes its turn at what stops certificates."""


class World:
    """PowerDNS with one zone, a Pebble that resolves there, and an application."""

    def __init__(self, folder: Path, **pebble: Any) -> None:
        """Start the servers in `folder`; `pebble` goes to Pebble."""
        self.folder = folder
        self.http_port, self.https_port = free_port(), free_port()
        (folder / "dns").mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            self.dns = stack.enter_context(PowerDns(folder / "dns", [ZONE]))
            self.pebble = stack.enter_context(
                Pebble(
                    folder / "ca",
                    dns_server=f"127.0.0.1:{self.dns.dns_port}",
                    http_port=self.http_port,
                    **pebble,
                )
            )
            self.origin = stack.enter_context(Origin())
            self._stack = stack.pop_all()
        self._hosts = itertools.count(2)

    def next_address(self) -> str:
        """Return a loopback address that no other scene has."""
        number = next(self._hosts)
        return f"127.0.{number // 250 + 1}.{number % 250 + 2}"

    def settings(self, address: str) -> dict[str, str]:
        """Return how this world is reached, where hosts lead to `address`."""
        here = f"{address}:{self.http_port}"
        return {
            "NAMEPLATE_DNS_SERVERS": json.dumps({ZONE: [f"127.0.0.1:{self.dns.dns_port}"]}),
            "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
            "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps({address: here}),
        }

    def publish(self, name: str, rdtype: str, *values: str) -> None:
        """Write a record set as its owner would, past Nameplate."""
        found = self.rrsets().get((name, rdtype), ())
        rows = [{"content": value, "disabled": False} for value in {*found, *values}]
        change = {"name": f"{name}.", "type": rdtype, "ttl": 300, "changetype": "REPLACE"}
        for _ in range(20):  # its SQLite refuses a second writer
            reply = self.dns.api.request(
                "PATCH", API, json={"rrsets": [{**change, "records": rows}]}
            )
            if reply.status == 204:
                return
            time.sleep(0.1)
        raise AssertionError(reply.body)

    def rrsets(self, below: str = "") -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the zone's record sets (or those at or below a name) without SOA, values sorted."""
        found = {}
        for rrset in self.dns.api.request("GET", API).json()["rrsets"]:
            name = rrset["name"].rstrip(".")
            if rrset["type"] != "SOA" and (not below or f".{name}".endswith(f".{below}")):
                values = tuple(sorted(record["content"] for record in rrset["records"]))
                found[name, rrset["type"]] = values
        return found

    def issued(self, name: str) -> int:
        """Return for how many certificates with `name` Pebble was asked and said yes."""
        log = self.folder / "ca" / "pebble.log"
        serials = [
            line.split("serial ")[1].split()[0]
            for line in log.read_text(errors="replace").splitlines()
            if "Issued certificate serial" in line
        ]
        return sum(name in self._names(serial) for serial in serials)

    def _names(self, serial: str) -> list[str]:
        context = ssl.create_default_context(cafile=str(self.pebble.ca_bundle))
        url = f"{self.pebble._management}/cert-status-by-serial/{serial}"
        with urllib.request.urlopen(url, context=context) as answer:
            pem = json.loads(answer.read())["Certificate"]
        leaf = x509.load_pem_x509_certificate(pem.encode())
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return extension.value.get_values_for_type(x509.DNSName)

    def stop(self) -> None:
        """End the servers."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        owner: Answers = self.server.owner  # type: ignore[attr-defined]  # set below
        host, token = self.headers.get("Host", "").partition(":")[0], self.path.rpartition("/")[2]
        found = reachability.answer(owner.ring, host, token)
        if found is None:
            with owner.sessions.begin(PLATFORM, read_only=True) as session:
                found = challenges.answer(session, host, token)
        body = (found or "not found").encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Answers:
    """Nameplate's answers to http-01 challenges, on a port of their own."""

    def __init__(
        self, sessions: Sessions, ring: KeyRing, address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.sessions, self.ring = sessions, ring
        self._server = ThreadingHTTPServer(address, _Answer)
        self._server.daemon_threads = True
        self._server.owner = self  # type: ignore[attr-defined]  # for the handler
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Scene:
    """One Nameplate with one organization, one domain, one application and one proxy of its own."""

    def __init__(self, world: World, url: str, sessions: Sessions, label: str) -> None:
        """Take a migrated, empty database; `label` becomes part of the domain's name."""
        self.world, self.url, self.sessions = world, url, sessions
        while (world.folder / label).exists():  # the test is run once more
            label = f"again.{label}"
        self.base = f"{label}.{ZONE}"
        self.address = world.next_address()
        self.folder = world.folder / label
        self.folder.mkdir()
        self.log = self.folder / "worker.log"
        app, system = url, url
        if url.startswith("postgresql"):
            app = postgresql.role_url(url, postgresql.APP)
            system = postgresql.role_url(url, postgresql.SYSTEM)
        self.settings = {
            "NAMEPLATE_HOME": str(self.folder),
            "NAMEPLATE_DATABASE_URL": app,
            "NAMEPLATE_SYSTEM_DATABASE_URL": system,
            **world.settings(self.address),
        }
        settings = Settings.read(self.settings)
        self.tools = bootstrap.tools(settings, bootstrap.keyring(settings))
        with contextlib.ExitStack() as stack:
            self.answers = stack.enter_context(Answers(sessions, self.tools.keyring))
            self.nginx = stack.enter_context(
                Nginx(self.folder, address=self.address, ports=(world.http_port, world.https_port))
            )
            self._stack = stack.pop_all()
        self.sessions.run(PLATFORM, self._furnish)

    def _furnish(self, session: Session) -> None:
        organization = organizations.add(session, PLATFORM, name="Acme")
        self.organization = organization.slug
        self.dns_account = self.add_dns_account(session, self.world.dns.api_url)
        accounts.add(
            session,
            PLATFORM,
            self.tools,
            kind="ca",
            provider="acme",
            name="pebble",
            config={
                "directory_url": self.world.pebble.directory_url,
                "ca_bundle": str(self.world.pebble.ca_bundle),
            },
            credentials={"account_key": keys.new_key().reveal()},
        )
        server = servers.add(
            session,
            self.tools,
            PLATFORM,
            name="edge",
            address=self.address,
            proxy=self.proxy_config(),
            now=database_now(session),
        )
        self.server_id = server.id
        applications.add(
            session,
            PLATFORM,
            name="shop",
            organization=organization.slug,
            upstream_host="127.0.0.1",
            upstream_port=self.world.origin.port,
        )

    def add_dns_account(self, session: Session, url: str, api_key: str | None = None) -> str:
        """Add a DNS account of the organization and return its id as shown."""
        account = accounts.add(
            session,
            PLATFORM,
            self.tools,
            kind="dns",
            provider="powerdns",
            name=f"powerdns at {url}",
            organization=self.organization,
            config={"api_url": url},
            credentials={"api_key": api_key or self.world.dns.api_key.reveal()},
        )
        return ids.show("acct", account.id)

    def proxy_config(self) -> dict[str, Any]:
        """Return how the scene's nginx is reached."""
        world, nginx = self.world, self.nginx
        return {
            "type": "nginx",
            "folder": str(self.folder / "managed"),
            "executable": nginx.executable,
            "pid_file": str(nginx.pid_file),
            "main": str(nginx.main),
            "listen_http": [f"{self.address}:{world.http_port}"],
            "listen_https": [f"{self.address}:{world.https_port}"],
            "http_port": world.http_port,
            "https_port": world.https_port,
            "challenge_upstream": f"127.0.0.1:{self.answers.port}",
        }

    def claim(self, *, wildcard: bool) -> None:
        """Want everything at once: the name, its address record, a certificate and a binding.

        A wildcard is proved to the authority by dns-01 and serves `www` below it.
        """
        self.name = f"*.{self.base}" if wildcard else self.base
        self.host = f"www.{self.base}" if wildcard else self.base
        self.foreign()
        token = self.sessions.run(PLATFORM, lambda session: self._claim(session, wildcard))
        self.world.publish(*token)
        self.before = self.world.rrsets(self.base)

    def foreign(self) -> None:
        """Put records of somebody else beside ours, in sets that we write to."""
        self.world.publish(f"other.{self.base}", "A", "192.0.2.7")
        self.world.publish(f"_acme-challenge.{self.base}", "TXT", '"somebody else"')
        self.world.publish(f"www.{self.base}", "TXT", '"v=spf1 -all"')

    def _claim(self, session: Session, wildcard: bool) -> tuple[str, str, str]:
        now = datetime.now(UTC)
        domain = domains.add(
            session,
            self.tools,
            PLATFORM,
            name=self.name,
            organization=self.organization,
            account=self.dns_account,
            zone=ZONE,
            automatic_dns=False,  # the record below is the owner's, and may be removed
        )
        records.add(
            session,
            PLATFORM,
            ids.show("dom", domain.id),
            type="A",
            name="www" if wildcard else "@",
            value=self.address,
            now=now,
        )
        reference = ids.show("dom", domain.id)
        if wildcard:
            requests.issue(session, self.tools, PLATFORM, reference, now=now)
        bindings.add(
            session,
            self.tools,
            PLATFORM,
            application="shop",
            domain=reference,
            subdomain="www" if wildcard else None,
            now=now,
        )
        proof = session.scalars(
            Verification.visible(PLATFORM).where(Verification.organization_domain_id == domain.id)
        ).one()
        return (proof.verification_record_name or "", "TXT", f'"{proof.verification_record_value}"')

    def job(self, **options: Any) -> Job:
        """Return how to run a worker on this scene."""
        return Job(self.settings, self.log, **options)

    def worker(self, **options: Any) -> WorkerProcess:
        """Start a worker."""
        return WorkerProcess(self.job(**options))

    def read(self, query: Callable[[Session], T]) -> T:
        """Run a query as the platform."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            return query(session)

    def settled(self) -> bool:
        """Whether everything is as wanted and nothing is left to do now."""
        return not self.complaints()

    def complaints(self) -> list[str]:
        """Return what is not as it should be when all is done."""
        return self.read(lambda session: [*_unfinished(session), *_due(session)])

    def dump(self) -> Mapping[str, list[dict[str, Any]]]:
        """Return every row of every table but `UNCOUNTED`, which every process keeps for itself."""

        def everything(session: Session) -> dict[str, list[dict[str, Any]]]:
            return {
                name: sorted(
                    (dict(row) for row in session.execute(sa.select(table)).mappings()), key=str
                )
                for name, table in metadata.tables.items()
                if name not in UNCOUNTED
            }

        return self.read(everything)

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait until `done`; fail with what is missing and the workers' log."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                log = self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""
                raise AssertionError(f"not done in {seconds} s: {self.complaints()}\n{log}")
            time.sleep(0.3)

    def stop(self) -> None:
        """End the scene's servers."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _unfinished(session: Session) -> Iterator[str]:
    wanted: tuple[tuple[type[Any], str], ...] = (
        (Verification, "verified"),
        (Domain, "active"),
        (Record, "active"),
        (Certificate, "active"),
        (Binding, "active"),
    )
    for kind, status in wanted:
        for row in session.scalars(sa.select(kind)):
            if row.status != status:
                reason = getattr(row, "error_message", None) or getattr(
                    row, "renewal_error_message", None
                )
                yield f"{kind.__name__} {row.id} is {row.status}: {reason}"
    for record in session.scalars(sa.select(Record).where(Record.propagated.is_(False))):
        yield f"Record {record.id} is not seen: {record.error_message}"
    for entry in session.scalars(sa.select(LedgerEntry)):
        if entry.state != "present" or entry.purpose != "record":
            yield f"the ledger says {entry.state} {entry.purpose} of {entry.name}"
    for challenge in session.scalars(sa.select(HttpChallenge)):
        yield f"challenge of {challenge.hostname} is left"


def _due(session: Session) -> Iterator[str]:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    for kind in WORK:
        for row in session.scalars(sa.select(kind)):
            if row.lease_until is not None:
                yield f"{kind.__name__} {row.id} is leased until {row.lease_until}"
            elif row.next_action_at is not None and row.next_action_at < soon:
                yield f"{kind.__name__} {row.id} is due at {row.next_action_at}"
