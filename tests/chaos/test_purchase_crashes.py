"""A worker that buys is killed (SIGKILL) at each of its points: the next one pays once, or not again."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nameplate import bootstrap
from nameplate.adapters.registrar.ledger import LedgerStore
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.leases import lease
from nameplate.models import Account, AccountKind, Purchase, RegisteredName, RenewedBy
from nameplate.ports.registrar import Act
from nameplate.settings import Settings
from nameplate.usecases import work
from nameplate.usecases.registrations import purchases, quotes, reconciling
from nameplate.usecases.registrations.purchases import Agreement
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools
from tests.chaos.run_worker import Job, WorkerProcess
from tests.databases import Templates

POINTS = tuple(one for one in work.CRASH_POINTS if one.startswith("registration:"))
CASES = [(act, point) for act in Act for point in POINTS]
SHORT = [(Act.REGISTER, POINTS[2]), (Act.REACTIVATE, POINTS[3])]


def test_there_are_as_many_points_as_the_campaign_needs() -> None:
    assert len(CASES) >= 24


def work_on(sessions: Sessions, tools: Tools) -> None:
    """Take steps as a worker does, until no purchase is open."""
    tools = dataclasses.replace(tools, special_use=True)
    until = time.monotonic() + 30
    while time.monotonic() < until and _open(sessions):
        with sessions.begin(PLATFORM) as session:
            now = database_now(session)
            due = lease(session, RegisteredName, limit=5, seconds=1, now=now)
        for one in due:
            reconciling.reconcile(sessions, tools, one)
        time.sleep(0.02)


def _open(sessions: Sessions) -> bool:
    with sessions.begin(PLATFORM, read_only=True) as session:
        return any(one.is_open for one in session.scalars(Purchase.visible(PLATFORM)))


@dataclasses.dataclass
class Shop:
    """An organization that buys at a sandbox registrar whose ledger is a file."""

    folder: Path
    url: str

    def __post_init__(self) -> None:
        self.given = {
            "NAMEPLATE_HOME": str(self.folder),
            "NAMEPLATE_DATABASE_URL": self.url,
            "NAMEPLATE_SANDBOX": "true",
            "NAMEPLATE_SANDBOX_HTTP_PORT": "8080",
        }
        settings = Settings.read(self.given)
        self.sessions = bootstrap.sessions(settings)
        tools = bootstrap.tools(settings, bootstrap.keyring(settings))
        self.tools = dataclasses.replace(tools, special_use=True)
        self.ledger = LedgerStore(self.folder / "registrar.json")
        with self.sessions.begin(PLATFORM) as session:
            self.buyer = Actor(organizations.add(session, PLATFORM, name="acme").id, "acme")
            session.add(
                Account(
                    organization_id=self.buyer.organization_id, kind=AccountKind.REGISTRAR,
                    provider="sandbox", name="names",
                    config={"state": str(self.folder / "registrar.json")},
                )
            )  # fmt: skip

    def buy(self, name: str, act: Act) -> int:
        """Quote and confirm."""
        found = quotes.quote(self.sessions, self.tools, self.buyer, act=act, name=name)
        code = Secret(f"code-{name}") if act is Act.TRANSFER else None
        terms = Agreement(found.price, transfer_code=code, renewed_by=RenewedBy.NONE)
        reference = show(Prefix.PURCHASE, found.id)
        purchases.confirm(self.sessions, self.tools, self.buyer, reference, terms)
        return found.id

    def prepare(self, act: Act) -> str:
        """Return a name for which the act can be bought."""
        name = "taken-shop.test" if act is Act.TRANSFER else "shop.test"
        if act in {Act.RENEW, Act.REACTIVATE}:
            self.buy(name, Act.REGISTER)
            work_on(self.sessions, self.tools)
        if act is Act.REACTIVATE:
            with self.ledger.open() as ledger:
                past = datetime.now(UTC) - timedelta(days=50)
                ledger.names[name] = dataclasses.replace(ledger.names[name], expires_at=past)
        return name


def play(templates: Templates, folder: Path, act: Act, point: str) -> None:
    with templates.sqlite(folder / "nameplate.db") as url:
        shop = Shop(folder, url)
        name = shop.prepare(act)
        with shop.ledger.open() as ledger:
            before = len(ledger.charges)
        bought = shop.buy(name, act)
        job = Job(shop.given, folder / "worker.log", die_at=point, act=work_on)
        with WorkerProcess(job) as killed:
            assert killed.was_killed(30), (folder / "worker.log").read_text()
        with WorkerProcess(dataclasses.replace(job, die_at=None)) as heir:
            assert heir.join(40) == 0, (folder / "worker.log").read_text()
        with shop.sessions.begin(PLATFORM, read_only=True) as session:
            row = session.get_one(Purchase, bought)
            registration = session.get_one(RegisteredName, row.registration_id)
            assert row.status is PurchaseStatus.SETTLED
            assert registration.status in {RegistrationStatus.ACTIVE, RegistrationStatus.EXPIRING}
        with shop.ledger.open() as ledger:
            assert len(ledger.charges) == before + 1
            assert ledger.names[name].expires_at == registration.expires_at
        shop.sessions.dispose()


@pytest.mark.parametrize(("act", "point"), SHORT)
def test_a_killed_process_pays_once(
    templates: Templates, tmp_path: Path, act: Act, point: str
) -> None:
    play(templates, tmp_path, act, point)


@pytest.mark.torture
@pytest.mark.parametrize(("act", "point"), CASES)
def test_at_every_point_a_killed_process_pays_once(
    templates: Templates, tmp_path: Path, act: Act, point: str
) -> None:
    play(templates, tmp_path, act, point)
