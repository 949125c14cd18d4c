"""One proved domain, one certificate that is wanted, and an authority that can say no."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import NameplateError, Unavailable
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    CertificateWatch,
    Domain,
    Organization,
)
from nameplate.ports.ca import CertificateAuthority
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.certificates import issuance, reachability, requests, watches
from nameplate.usecases.claims import conditions, domains, holdings
from nameplate.usecases.tenants import accounts

NAME = "shop.example.com"
DIRECTORY = {"directory_url": "https://ca.example/directory"}
"""What the account says; whom it is connected to, each test decides."""


class Authority(LocalAuthority):
    """Signs at once, unless it refuses orders or wants proofs of one kind."""

    refusal: NameplateError | None = None
    """Of the order itself."""
    late_refusal: NameplateError | None = None
    """Of the certificate, when the order is there."""
    offered: str | None = None
    status = "pending"
    """Of the challenge that is offered."""
    answer: bytes | None = None
    orders = 0

    def meanwhile(self) -> None:
        """Do what else happens while an order is asked for."""

    def order(self, names: Any, profile: Any = None, replaces: Any = None) -> Order:
        self.orders += 1
        self.meanwhile()
        if self.refusal is not None:
            raise self.refusal
        order = super().order(names, profile, replaces)
        if self.offered is None:
            return order
        proof = Challenge("c:1", self.offered, names[0], "token", "token.thumb", self.status)
        return replace(order, status=OrderStatus.PENDING, challenges=(proof,))

    def download(self, order: Order) -> bytes:
        if self.late_refusal is not None:
            raise self.late_refusal
        return self.answer or super().download(order)


class Slow:
    """An authority at one remove: answers can be lost, and orders take their time."""

    def __init__(self, authority: AcmeAuthority) -> None:
        self._authority = authority
        self.finalized = 0
        self.away = False
        self.pending_for = 0

    def order(self, *names: Any) -> Order:
        return self._authority.order(*names)

    def refresh(self, url: str) -> Order:
        order = self._authority.refresh(url)
        self.pending_for -= 1
        if self.pending_for < 0:
            return order
        return replace(order, status=OrderStatus.PENDING, challenges=())

    def respond(self, challenge: Challenge) -> None:
        self._authority.respond(challenge)

    def finalize(self, order: Order, csr: bytes) -> Order:
        self.finalized += 1
        finalized = self._authority.finalize(order, csr)
        if self.away:
            self.away = False
            raise Unavailable("acme_unreachable", "the answer was lost")
        return finalized

    def download(self, order: Order) -> bytes:
        return self._authority.download(order)


@dataclass
class Internet:
    """What DNS says of every host, and who answers at which address."""

    ring: KeyRing
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    """By type of record."""
    strangers: dict[str, Fetched] = field(default_factory=dict)
    """Addresses at which Nameplate does not answer, and what comes from there."""
    unroutable: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers["CAA"] = (Answer(AnswerKind.NODATA, "ns1"),)
        self.points_to("192.0.2.1")

    def points_to(self, *addresses: str) -> None:
        for rdtype, is_six in (("A", False), ("AAAA", True)):
            values = tuple(one for one in addresses if (":" in one) is is_six)
            kind = AnswerKind.DATA if values else AnswerKind.NODATA
            self.answers[rdtype] = (Answer(kind, "ns1", values), Answer(kind, "ns2", values))

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del name, delegated
        return LookupResult("example.com", self.answers.get(rdtype, ()))

    def public(self, name: str, rdtype: str) -> tuple[Answer, ...]:
        return self.authoritative(name, rdtype).answers

    def fetch_at(
        self, address: str, host: str, path: str, *, port: int | None = None, max_body: int = 1024
    ) -> Fetched:
        del max_body
        self.asked.append((address, host, port))
        if address in self.strangers:
            return self.strangers[address]
        body = reachability.answer(self.ring, host, path.rpartition("/")[2]) or ""
        return Fetched(HttpOutcome.ANSWERED, (Hop(path, address, 200),), body.encode())

    def has_route(self, address: str) -> bool:
        return address not in self.unroutable


def local_authority() -> Authority:
    key, root = create_root("Test root", datetime.now(UTC))
    return Authority(key, root, clock=lambda: datetime.now(UTC))


@dataclass
class Rig:
    """A certificate, and what its worker does."""

    offline: Offline
    authority: Any
    actor: Actor
    domain_id: int
    certificate_id: int = 0
    passed: list[str] = field(default_factory=list)
    """Crash points, as they were passed."""

    def __post_init__(self) -> None:
        tools = self.offline.tools
        self.internet = Internet(tools.keyring)
        internet: Any = self.internet
        self.offline.tools = replace(tools, resolver=internet, fetcher=internet)

    @property
    def reference(self) -> str:
        return ids.show("crt", self.certificate_id)

    def authority_is(self, authority: CertificateAuthority) -> None:
        self.authority = authority
        self.offline.tools = replace(
            self.offline.tools,
            authority=lambda _account: authority,
            checkpoint=self.passed.append,
        )

    def add_account(self, **fields: Any) -> Account:
        given = {"kind": "ca", "provider": "acme", "name": "ca", "config": DIRECTORY, **fields}
        with self.offline.sessions.begin(PLATFORM) as session:
            return accounts.add(session, PLATFORM, self.offline.tools, **given)

    def want(self, **fields: Any) -> None:
        with self.offline.sessions.begin(self.actor) as session:
            row = requests.issue(
                session, self.offline.tools, self.actor, NAME, now=datetime.now(UTC), **fields
            )
            self.certificate_id = row.id

    def work(self, after: timedelta = timedelta(0)) -> Certificate:
        """Have a worker look at the certificate, due or not, and return the row."""
        lease = self.offline.leased(Certificate, self.certificate_id, after=after)
        issuance.reconcile(self.offline.sessions, self.offline.tools, lease)
        return self.row()

    def row(self) -> Certificate:
        with self.offline.sessions.begin(PLATFORM) as session:
            return session.get_one(Certificate, self.certificate_id)

    def age(self, days: float = 6, hours: float = 5) -> None:
        """Have the trouble of the certificate be days old, and its next step hours away."""
        now = datetime.now(UTC)
        row = self.row()
        self.change(
            Certificate,
            self.certificate_id,
            trouble_since=None if row.trouble_code is None else now - timedelta(days=days),
            attempts=500,
            next_action_at=now + timedelta(hours=hours),
            next_renewal_attempt_at=row.certificate and now + timedelta(hours=hours),
        )

    def causes(self) -> int:
        """Have all names looked at that are watched, due or not; return how many that woke."""
        sessions, tools = self.offline.sessions, self.offline.tools
        with sessions.begin(PLATFORM) as session:
            session.execute(CertificateWatch.postponing(datetime(2026, 1, 1, tzinfo=UTC)))
        found = sessions.run(PLATFORM, lambda session: watches.due(session, tools, 100))
        return sum(watches.note(sessions, one, watches.look(tools, one)) for one in found)

    def is_due(self) -> bool:
        """Tell whether a worker has something to do with the certificate now."""
        at = self.row().next_action_at
        return at is not None and at <= datetime.now(UTC)

    def bind(self, **server: Any) -> int:
        """Bind the host to a server of the platform, and have it use the certificate."""
        with self.offline.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, self.actor.organization_id)
            domain = session.get_one(Domain, self.domain_id)
            machine = rows.server(session, None, **{"address": "192.0.2.1", **server})
            return rows.binding(
                session, rows.application(session, owner), domain,
                hostname=NAME, server_id=machine.id, ssl_certificate_id=self.certificate_id,
            ).id  # fmt: skip

    def change(self, kind: Any, row_id: int, **columns: Any) -> None:
        """Change columns past every rule."""
        with self.offline.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, row_id)
            for name, value in columns.items():
                setattr(row, name, value)

    def unbind(self, binding_id: int) -> None:
        """Remove a binding, without its worker."""
        self.change(Binding, binding_id, deleted_at=datetime.now(UTC))

    def condition(self) -> Any:
        """Return what the domain says of its certificates, None for nothing."""
        with self.offline.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.domain_id)
            found = conditions.of(session, self.offline.tools, domain)
        return next((one for one in found if one.type == "certificate"), None)

    def renew(self) -> None:
        with self.offline.sessions.begin(self.actor) as session:
            requests.renew(session, self.actor, self.reference, datetime.now(UTC))


def made(sessions: Any, *, account: bool = True, proved: bool = True) -> Rig:
    """Return a rig over an empty database, with the platform's account unless told otherwise."""
    offline = Offline(sessions)
    actor = offline.organization("acme")
    with sessions.begin(actor) as session:
        domain_id = domains.add(session, offline.tools, actor, name=NAME).id
    rig = Rig(offline, None, actor, domain_id)
    rig.authority_is(local_authority())
    if proved:
        prove(rig)
    if account:
        rig.add_account()
    rig.want()
    return rig


def prove(rig: Rig) -> None:
    """Have the domain proved, and its name held."""
    now = datetime.now(UTC)
    with rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        domain.verify(now, now + timedelta(days=3000))
        holdings.take(session, domain, subtree=True, now=now)
