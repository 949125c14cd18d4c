"""Many cells at once: one certificate each, whose authority has one trouble at one endpoint.

Each cell has an organization, an account at the authority and a proxy of its own, so that all of a
batch go on at once under one worker and none can hide behind another.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate import bootstrap
from nameplate.core import ids, keys
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.conditions import Condition
from nameplate.core.error_catalogue import explain
from nameplate.core.errors import NameplateError
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate, Domain
from nameplate.settings import Settings
from nameplate.usecases.certificates import requests, revocations
from nameplate.usecases.claims import conditions
from nameplate.usecases.tenants import account_keys, accounts, organizations
from tests.chaos.authority_cell import Cell
from tests.chaos.run_worker import Job, WorkerProcess
from tests.chaos.world import ZONE, Answers, World
from tests.databases import sessions_over
from tests.proof import prove
from tests.servers.acme_proxy import AcmeProxy
from tests.servers.acme_troubles import REJECTED, TROUBLES
from tests.servers.pebble import Pebble

CERTIFICATE = "certificate"
"""How a cell ends in which the trouble does not keep the certificate away."""
SILENT = "nothing said"
_LATER = {"renewalInfo", "revokeCert", "keyChange"}
"""Endpoints that no certificate depends on."""


class Matrix:
    """A Nameplate with one worker, and the cells of one batch."""

    def __init__(self, world: World, newer: Pebble, url: str, folder: Path) -> None:
        world.publish(f"*.{ZONE}", "A", "127.0.0.1")
        self._pebbles = world.pebble, newer
        self._settings = {
            "NAMEPLATE_HOME": str(folder),
            "NAMEPLATE_DATABASE_URL": url,
            **world.settings("127.0.0.1"),
        }
        settings = Settings.read(self._settings)
        self.tools = bootstrap.tools(settings, bootstrap.keyring(settings))
        self.sessions = sessions_over(url)
        self.log = folder / "worker.log"
        self._http_port = world.http_port

    def run(self, cells: Sequence[Cell], *, dwell: float) -> None:
        """Have the batch meet its troubles for `dwell` seconds after each has shown; then heal all."""
        with contextlib.ExitStack() as stack:
            for cell in cells:
                newer = cell.endpoint == "renewalInfo"
                trouble = TROUBLES[cell.trouble]()
                proxy = AcmeProxy(self._pebbles[newer], cell.endpoint, trouble)
                cell.proxy = stack.enter_context(proxy)
            self.sessions.run(PLATFORM, lambda session: self._furnish(session, cells))
            answers = Answers(self.sessions, self.tools.keyring, ("127.0.0.1", self._http_port))
            stack.enter_context(answers)
            job = Job(self._settings, self.log, lease=30, poll=3600, threads=8)
            stack.enter_context(WorkerProcess(job))
            self._until(cells, self._has_shown, 45)
            time.sleep(dwell)
            self._judge(cells)
            self._heal(cells)
            self._each(cells, "revokeCert", self._revoke_twice)
            self._each(cells, "keyChange", self._change_key_twice)
            self._ask_again([cell for cell in cells if cell.endpoint == "renewalInfo"])
        for cell in cells:
            self._count(cell)

    def _furnish(self, session: Session, cells: Iterable[Cell]) -> None:
        now = datetime.now(UTC)
        for cell in cells:
            owner = organizations.add(session, PLATFORM, name=cell.label)
            pebble = self._pebbles[cell.endpoint == "renewalInfo"]
            account = accounts.add(
                session, PLATFORM, self.tools, kind="ca", provider="acme", name=cell.label,
                organization=owner.slug,
                config={
                    "directory_url": cell.proxy.directory_url,
                    "ca_bundle": str(pebble.ca_bundle),
                },
                credentials={"account_key": keys.new_key().reveal()},
            )  # fmt: skip
            domain = Domain(organization_id=owner.id, domain_name=ZONE, subdomain=cell.label)
            session.add(domain)
            session.flush()
            session.refresh(domain)
            prove(session, domain, now, subtree=True)
            row = requests.create(
                session, domain, cell.names, CertificatePreferences(challenge="http-01"), now
            )
            cell.account = ids.show("acct", account.id)
            cell.actor, cell.certificate = Actor(owner.id), row.id

    def rows(self, cells: Iterable[Cell]) -> Mapping[int, Certificate]:
        """Return the certificates of cells by their ids."""
        wanted = [cell.certificate for cell in cells]
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            found = session.scalars(sa.select(Certificate).where(Certificate.id.in_(wanted)))
            return {row.id: row for row in found}

    def _until(
        self, cells: Sequence[Cell], is_so: Callable[[Cell, Certificate], bool], seconds: float
    ) -> set[str]:
        """Wait until it is so of all cells; return the labels of those of which it is not."""
        began = time.monotonic()
        left = list(cells)
        while left and time.monotonic() - began < seconds:
            rows = self.rows(left)
            for cell in left:
                if is_so(cell, rows[cell.certificate]):
                    cell.healed_in = time.monotonic() - began
            left = [cell for cell in left if not is_so(cell, rows[cell.certificate])]
            time.sleep(0.2)
        return {cell.label for cell in left}

    def _has_shown(self, cell: Cell, row: Certificate) -> bool:
        return _is_there(cell, row) or _code(row) is not None

    def _judge(self, cells: Iterable[Cell]) -> None:
        """Note how each stands while there is trouble, and whether a person is told what to do."""
        rows = self.rows(cells)
        for cell in cells:
            row = rows[cell.certificate]
            cell.given_up = row.renewal_attempts
            if _is_there(cell, row):
                cell.outcome = CERTIFICATE
                continue
            code = _code(row)
            cell.outcome = code or SILENT
            if code is None:
                cell.complain(f"says nothing: {row.status}, due {row.next_action_at}")
                continue
            with self.sessions.begin(PLATFORM, read_only=True) as session:
                domain = session.get_one(Domain, row.organization_domain_id)
                found = conditions.of(session, self.tools, domain)
            told = next(one for one in found if one.type == "certificate")
            for complaint in _told(code, row, told):
                cell.complain(complaint)
            if len(cell.names) > 1 and REJECTED not in told.message:
                cell.complain(f"the refused name is not told: {told.message}")

    def _heal(self, cells: Sequence[Cell]) -> None:
        """End all troubles of issuance, have the accounts tried as their owner would, and wait."""
        issuing = [cell for cell in cells if cell.endpoint not in _LATER]
        for cell in issuing:
            cell.proxy.heal()
        waiting = [cell for cell in cells if cell.outcome != CERTIFICATE]
        with ThreadPoolExecutor(4) as pool:
            tried = list(pool.map(self._try_account, waiting))
        for cell, found in zip(waiting, tried, strict=True):
            if not found["ok"] and cell.endpoint not in _LATER:
                cell.complain(f"the account is refused: {found['code']}")
        late = self._until(waiting, _is_there, 25)
        rows = self.rows(cells)
        for cell in cells:
            row = rows[cell.certificate]
            if cell.label in late:
                cell.complain(
                    f"not there after the repair: {row.status} {_code(row)} "
                    f"{row.trouble_message or row.renewal_error_message} due {row.next_action_at}"
                )

    def _try_account(self, cell: Cell) -> Mapping[str, object]:
        return accounts.test(self.sessions, self.tools, PLATFORM, cell.account)

    def _each(self, cells: Sequence[Cell], endpoint: str, act: Callable[[Cell], None]) -> None:
        """Do what only some cells are about: once in trouble, once more without."""
        chosen = [cell for cell in cells if cell.endpoint == endpoint]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(act, chosen))

    def _revoke_twice(self, cell: Cell) -> None:
        reference = ids.show("crt", cell.certificate)
        pem = (self.rows([cell])[cell.certificate].certificate or "").encode()
        try:
            revocations.revoke(self.sessions, self.tools, cell.actor, reference)
            cell.outcome = "revoked"
        except NameplateError as error:
            cell.outcome = error.code
            explain(error.code)
            if self.rows([cell])[cell.certificate].status is CertificateStatus.REVOKED:
                cell.complain(f"is revoked although that ended with {error.code}")
        cell.proxy.heal()
        if cell.outcome != "revoked":
            revocations.revoke(self.sessions, self.tools, cell.actor, reference)
        if not self._pebbles[0].is_revoked(pem) or cell.proxy.arrived.revoked != 1:
            cell.complain(f"revoked {cell.proxy.arrived.revoked} times")

    def _change_key_twice(self, cell: Cell) -> None:
        def change() -> None:
            account_keys.rotate(self.sessions, self.tools, PLATFORM, cell.account)

        try:
            change()
            cell.outcome = "key changed"
        except NameplateError as error:
            cell.outcome = error.code
            explain(error.code)
        cell.proxy.heal()
        if cell.outcome != "key changed":
            change()
        if not self._try_account(cell)["ok"]:
            cell.complain("the account is not known by its key")
        reference = ids.show("crt", cell.certificate)
        now = datetime.now(UTC)
        self.sessions.run(
            PLATFORM, lambda session: requests.renew(session, cell.actor, reference, now)
        )
        if self._until([cell], lambda _, row: row.generation == cell.generations, 25):
            row = self.rows([cell])[cell.certificate]
            cell.complain(f"no renewal with the new key: {_code(row)} {row.trouble_message}")

    def _ask_again(self, cells: Sequence[Cell]) -> None:
        """Have the authority asked for its advice once more when it is well."""
        now = datetime.now(UTC)
        for cell in cells:
            cell.proxy.heal()
        chosen = [cell.certificate for cell in cells]
        self.sessions.run(
            PLATFORM,
            lambda session: session.execute(
                sa.update(Certificate)
                .where(Certificate.id.in_(chosen))
                .values(next_action_at=now, renewal_info_due_at=now)
            ),
        )
        late = self._until(cells, lambda _, row: row.renewal_window_starts_at is not None, 25)
        for cell in cells:
            if cell.label in late:
                cell.complain("the advice did not come")

    def _count(self, cell: Cell) -> None:
        """Compare what arrived at the authority with what was needed."""
        arrived = cell.proxy.arrived
        need = cell.generations + arrived.lost_orders + cell.given_up
        if arrived.orders > need + 1:
            cell.complain(f"{arrived.orders} orders where {need} are needed")
        if any(count > 1 for count in arrived.finalized.values()):
            cell.complain(f"an order was finalized twice: {arrived.finalized}")
        if sum(arrived.finalized.values()) > cell.generations + cell.given_up:
            cell.complain(f"{arrived.finalized} for {cell.generations + cell.given_up} generations")
        if arrived.accounts > 1:
            cell.complain(f"{arrived.accounts} accounts")
        row = self.rows([cell])[cell.certificate]
        if row.generation != cell.generations:
            cell.complain(f"generation {row.generation}")

    def secrets_told(self, cells: Iterable[Cell]) -> list[str]:
        """Return the tokens and keys that the worker's log shows."""
        log = self.log.read_text(errors="replace")
        tokens = {token for cell in cells for token in cell.proxy.arrived.tokens}
        assert tokens
        return [one for one in (*tokens, "PRIVATE KEY", "eyJ") if one in log]

    def close(self) -> None:
        """End the connections to the database."""
        self.sessions.dispose()


def _code(row: Certificate) -> str | None:
    code = row.trouble_code or row.renewal_error_code
    return None if code == "answer_awaited" else code


def _is_there(cell: Cell, row: Certificate) -> bool:
    return row.status is CertificateStatus.ACTIVE


def _told(code: str, row: Certificate, told: Condition) -> Iterable[str]:
    """Say what a person is not told of a certificate that is not there."""
    explain(code)
    if told.status is not False:
        yield f"the condition holds with {code}"
    if not told.fix or told.fix.startswith("No action needed") or told.turn is None:
        yield f"nothing to do with {code}: {told.fix!r}"
    if told.next_check_at is None and told.fix.startswith("Wait"):
        yield f"waits for nothing with {code}"
    if told.reason != code:
        yield f"the condition says {told.reason} of {code}"
    if not (row.trouble_message or row.renewal_error_message):
        yield f"no message with {code}"
