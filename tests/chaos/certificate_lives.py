"""Lives of one certificate, each with a fault at one point: the process or its database goes away.

Whoever comes after that finds what was stored; a proxy in front of the authority counts what happened.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from nameplate import bootstrap
from nameplate.core import ids, keys
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.errors import NameplateError
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Account, Certificate, Domain, HttpChallenge
from nameplate.settings import Settings
from nameplate.usecases.certificates import requests, revocations
from nameplate.usecases.tenants import account_keys, accounts, organizations
from nameplate.usecases.tools import Tools
from tests.chaos.run_worker import Job, WorkerProcess
from tests.chaos.world import ZONE, Answers, World
from tests.databases import sessions_over
from tests.proof import prove
from tests.servers import postgresql
from tests.servers.acme_proxy import AcmeProxy
from tests.servers.relayed_database import DatabaseRelay

AWAY = 1.5
"""Seconds for which the database is away."""
DOUBT = 0.6
"""Seconds for which nobody is told whether a commit took effect."""


@dataclass(frozen=True)
class Case:
    """What is done, and where which fault happens."""

    act: str
    """`issue`, `renew`, `replace`, `revoke` or `rotate`."""
    point: str
    fault: str
    """`kill`, `cut` or `commit_lost`."""
    database: str = "postgresql"

    @property
    def label(self) -> str:
        """A label of DNS that names the case."""
        point = self.point.replace(":", "-").replace("_", "-")
        return f"{self.database[:2]}-{self.act}-{self.fault.replace('_', '-')}-{point}"


def revoke(actor: Actor, reference: str, sessions: Sessions, tools: Tools) -> None:
    """Revoke a certificate, as the API does."""
    with contextlib.suppress(DBAPIError, NameplateError):
        revocations.revoke(sessions, tools, actor, reference)


def rotate(account: str, sessions: Sessions, tools: Tools) -> None:
    """Change the key of an account, as the command does."""
    with contextlib.suppress(DBAPIError, NameplateError):
        account_keys.rotate(sessions, tools, PLATFORM, account)


class Life:
    """One Nameplate with one certificate, behind a relay to its database and a proxy to its authority."""

    def __init__(self, world: World, url: str, case: Case, folder: Path) -> None:
        self.case, self.world = case, world
        self.name = f"{case.label}.{ZONE}"
        folder.mkdir()
        self.log = folder / "worker.log"
        self.sessions = sessions_over(url)
        self.address = world.next_address()
        world.publish(self.name, "A", self.address)
        with contextlib.ExitStack() as stack:
            self.proxy = stack.enter_context(AcmeProxy(world.pebble))
            self._settings = {
                "NAMEPLATE_HOME": str(folder),
                **self._database(stack, url),
                **world.settings(self.address),
            }
            given = Settings.read({**self._settings, "NAMEPLATE_DATABASE_URL": url})
            self.tools = bootstrap.tools(given, bootstrap.keyring(given))
            place = self.address, world.http_port
            stack.enter_context(Answers(self.sessions, self.tools.keyring, place))
            self._stack = stack.pop_all()
        self.sessions.run(PLATFORM, self._furnish)

    def _database(self, stack: contextlib.ExitStack, url: str) -> dict[str, str]:
        """Return how workers reach the database: where it can be cut, through the relay."""
        self.relay: DatabaseRelay | None = None
        if not url.startswith("postgresql"):
            return {"NAMEPLATE_DATABASE_URL": url}
        parts = sa.make_url(url)
        assert parts.port is not None
        self.relay = stack.enter_context(DatabaseRelay(parts.port))
        port = self.relay.port

        def through(role: str) -> str:
            led = sa.make_url(postgresql.role_url(url, role)).set(port=port)
            return led.render_as_string(hide_password=False)

        return {
            "NAMEPLATE_DATABASE_URL": through(postgresql.APP),
            "NAMEPLATE_SYSTEM_DATABASE_URL": through(postgresql.SYSTEM),
        }

    def _furnish(self, session: Session) -> None:
        owner = organizations.add(session, PLATFORM, name="Acme")
        account = accounts.add(
            session, PLATFORM, self.tools, kind="ca", provider="acme", name="ca",
            config={
                "directory_url": self.proxy.directory_url,
                "ca_bundle": str(self.world.pebble.ca_bundle),
            },
            credentials={"account_key": keys.new_key().reveal()},
        )  # fmt: skip
        domain = Domain(
            organization_id=owner.id, domain_name=ZONE, subdomain=self.name.partition(".")[0]
        )
        session.add(domain)
        session.flush()
        session.refresh(domain)
        now = datetime.now(UTC)
        prove(session, domain, now)
        row = requests.create(
            session, domain, [self.name], CertificatePreferences(challenge="http-01"), now
        )
        self.account, self.actor = ids.show("acct", account.id), Actor(owner.id)
        self.reference = ids.show("crt", row.id)

    def row(self) -> Certificate:
        """Return the certificate as it is now."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            return session.scalars(sa.select(Certificate)).one()

    def live(self) -> None:
        """Do what the case says, with its fault, and have somebody finish it."""
        case = self.case
        if case.act != "issue":
            with self._worker():
                self._wait(1)
        former = (self.row().certificate or "").encode()
        if case.act in {"revoke", "rotate"}:
            self._act_in_trouble()
        else:
            self._begin()
            self._work_in_trouble()
        self._check(former)

    def _begin(self) -> None:
        now = datetime.now(UTC)
        if self.case.act == "renew":
            self.sessions.run(
                PLATFORM, lambda s: requests.renew(s, self.actor, self.reference, now)
            )
        elif self.case.act == "replace":
            revocations.revoke(self.sessions, self.tools, self.actor, self.reference, replace=True)

    @property
    def _generations(self) -> int:
        return {"issue": 1, "renew": 2, "replace": 2, "revoke": 1, "rotate": 2}[self.case.act]

    def _worker(self, **options: object) -> WorkerProcess:
        return WorkerProcess(Job(self._settings, self.log, **options))  # type: ignore[arg-type]  # options of a job

    def _work_in_trouble(self) -> None:
        point = self.case.point
        if self.case.fault == "kill":
            with self._worker(die_at=point) as first:
                assert first.was_killed(60), f"it did not die at {point}: {self._told()}"
            with self._worker():
                self._wait(self._generations)
        else:
            with self._worker(tell_at=point) as only:
                self._part(only)
                self._wait(self._generations)

    def _act_in_trouble(self) -> None:
        act: Callable[[Sessions, Tools], None] = partial(rotate, self.account)
        if self.case.act == "revoke":
            act = partial(revoke, self.actor, self.reference)
        where = {"die_at": self.case.point}
        if self.case.fault != "kill":
            where = {"tell_at": self.case.point}
        with self._worker(act=act, **where) as process:
            if self.case.fault == "kill":
                assert process.was_killed(60), f"it did not die: {self._told()}"
            else:
                self._part(process)
                assert process.join(30) is not None
        time.sleep(AWAY)
        if self.case.act == "revoke":
            revocations.revoke(self.sessions, self.tools, self.actor, self.reference)
            return
        account_keys.rotate(self.sessions, self.tools, PLATFORM, self.account)
        now = datetime.now(UTC)
        self.sessions.run(PLATFORM, lambda s: requests.renew(s, self.actor, self.reference, now))
        with self._worker():
            self._wait(2)

    def _part(self, process: WorkerProcess) -> None:
        """Take the database away at the point, and let the process go on."""
        assert process.wait_until_told(60), f"not at {self.case.point}: {self._told()}"
        assert self.relay is not None
        if self.case.fault == "cut":
            self.relay.cut(AWAY)
        else:
            self.relay.lose_commits(DOUBT)
        process.go_on()

    def _wait(self, generation: int) -> None:
        deadline = time.monotonic() + 60
        while not self._is_done(row := self.row(), generation):
            assert time.monotonic() < deadline, (
                f"{row.status} {row.generation} {row.trouble_code} {row.renewal_error_code} "
                f"{self._told()}"
            )
            time.sleep(0.2)

    def _is_done(self, row: Certificate, generation: int) -> bool:
        there = row.generation >= generation and row.status is CertificateStatus.ACTIVE
        rests = row.pending_private_key is None and row.lease_until is None
        return there and rests and row.revocation_certificate is None

    def _check(self, former: bytes) -> None:
        """Compare the row, what was counted at the authority, and what Pebble itself says."""
        row, arrived, case = self.row(), self.proxy.arrived, self.case
        assert row.generation == self._generations
        assert (row.pending_private_key, row.acme_order_url) == (None, None)
        assert sum(arrived.finalized.values()) == self._generations, arrived
        assert max(arrived.finalized.values()) == 1, arrived
        assert self._generations <= arrived.orders <= self._generations + 1, arrived
        assert arrived.accounts == 1
        assert self.world.issued(self.name) == self._generations
        is_ended = case.act == "revoke"
        assert row.status is (CertificateStatus.REVOKED if is_ended else CertificateStatus.ACTIVE)
        if case.act in {"revoke", "replace"}:
            assert arrived.revoked == 1
            assert self.world.pebble.is_revoked(former)
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            assert session.scalars(sa.select(HttpChallenge)).all() == []
            account = session.scalars(sa.select(Account)).one()
            assert set(accounts.credentials(account, self.tools.keyring)) == {"account_key"}
        assert "PRIVATE KEY" not in self.log.read_text(errors="replace")

    def _told(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.sessions.dispose()


@contextlib.contextmanager
def life(world: World, url: str, case: Case, folder: Path) -> Iterator[Life]:
    """Begin a life in `folder`, or beside one that is there: a test is run once more."""
    while (folder / case.label).exists():
        folder = folder / "again"
        folder.mkdir(exist_ok=True)
    with Life(world, url, case, folder / case.label) as begun:
        yield begun
