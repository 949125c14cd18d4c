"""One example's small universe in the real product: three organizations and a few names of one domain."""

import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from nameplate.adapters.ca.local import create_root
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.instructions import Instruction, dns_record
from nameplate.core.lifecycle import BindingStatus, VerificationStatus
from nameplate.core.orders import Order
from nameplate.db import Sessions
from nameplate.edge.app import App, Message
from nameplate.edge.feed import Feed
from nameplate.edge.snapshot import Snapshot
from nameplate.leases import Lease, lease_one
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    NameGrant,
    NameHolding,
    Organization,
    QuarantinedName,
    Verification,
    VerificationMethodName,
)
from nameplate.models.orm import Work
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.ports.verification import Proof, ProofScope, Verdict
from nameplate.usecases.serving import hosts, routes
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import Authority, Internet
from tests.usecases.offline import DNS_TXT, Offline

_numbers = itertools.count(1)
_ROOT = create_root("Test root", datetime.now(UTC))


class Published:
    """The world as a method of proof sees it: any number of tokens at a name."""

    def __init__(self, scope: ProofScope, at: set[tuple[str, str]]) -> None:
        self.scope = scope
        self.at = at

    def instruct(self, name: str, token: str) -> Instruction:
        """Return a record to publish."""
        return dns_record("TXT", name, token)

    def check(self, name: str, token: str) -> Proof:
        """Look once."""
        if (name, token) in self.at:
            return Proof(Verdict.MATCH, "txt_match", "The proof is in place.", (token,))
        return Proof(Verdict.ABSENT, "txt_absent", "Nothing is published.")


class NotingAuthority(Authority):
    """Signs at once, and notes what it was asked for."""

    @cached_property
    def asked(self) -> list[tuple[str, ...]]:
        """The names of each order."""
        return []

    def order(self, names: Any, profile: Any = None, replaces: Any = None) -> Order:
        """Note the names and create the order."""
        self.asked.append(tuple(names))
        return super().order(names, profile, replaces)


class Unreached:
    """A prober for servers that nobody reaches."""

    def look(self, target: ProbeTarget) -> ProbeResult:
        """Tell that the connection failed."""
        return ProbeResult(target, Failure.CONNECTION_FAILED, "The connection failed.")

    def look_many(self, targets: Sequence[ProbeTarget]) -> Sequence[ProbeResult]:
        """Tell the same of each."""
        return [self.look(target) for target in targets]


@dataclass(frozen=True)
class Served:
    """One host that leads somewhere."""

    host: str
    organization: int
    binding: int
    claim: int
    active: bool
    """The application was seen there: the edge routes to it."""
    certificate: int | None


class World:
    """The product over one database, and what can be seen of it."""

    def __init__(self, sessions: Sessions) -> None:
        self.number = next(_numbers)
        self.base = f"acme-{self.number}.com"
        self.offline = Offline(sessions)
        self.sessions = sessions
        self.published: set[tuple[str, str]] = set()
        exact = Published(ProofScope.EXACT, self.published)
        wide = Published(ProofScope.SUBTREE, self.published)
        self.authority = NotingAuthority(*_ROOT, clock=lambda: datetime.now(UTC))
        internet: Any = Internet(self.offline.tools.keyring)
        self.tools = replace(
            self.offline.tools,
            resolver=internet,
            fetcher=internet,
            prober=Unreached(),
            methods={**dict.fromkeys(VerificationMethodName, exact), DNS_TXT: wide},
            authority=lambda _account: self.authority,
        )
        self.actors = [self.offline.organization(f"o{self.number}-{n}") for n in range(3)]
        self.feed = Feed(sessions)
        self._people()

    def _people(self) -> None:
        with self.sessions.begin(PLATFORM) as session:
            rows.account(session, None, kind="ca", provider="acme", name=f"ca-{self.number}")
            server = rows.server(session, None, proxy={"type": "caddy"})
            server.configured_at = datetime.now(UTC)
            self.server = server.id
            self.applications: dict[int, int] = {}
            self.accounts: dict[int, int] = {}
            for actor in self.actors:
                owner = session.get_one(Organization, actor.organization_id)
                app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
                self.applications[owner.id] = app.id
                self.accounts[owner.id] = rows.account(session, owner).id

    def close(self) -> None:
        """Leave nothing behind that the next example would have to read."""
        with self.sessions.begin(PLATFORM) as session:
            for kind in (NameHolding, Binding, NameGrant, QuarantinedName):
                session.execute(sa.delete(kind).where(kind.organization_id.in_(self._mine())))

    def end_quarantines(self) -> None:
        """Let released names be free at once: what keeps them is tested by itself."""
        with self.sessions.begin(PLATFORM) as session:
            session.execute(
                sa.delete(QuarantinedName).where(QuarantinedName.organization_id.in_(self._mine()))
            )

    def _mine(self) -> list[int]:
        return [one.organization_id for one in self.actors if one.organization_id is not None]

    def lease(self, kind: type[Work], row_id: int, after: timedelta = timedelta(0)) -> Lease:
        """Lease one row as a worker would `after` from now."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, row_id)
            row.lease_until = None
            session.flush()
            found = lease_one(session, kind, row_id, seconds=600)
        assert found is not None
        return replace(found, taken_at=found.taken_at + after, until=found.until + after)

    def tokens(self) -> list[tuple[int, int, bool, bool]]:
        """Return all verifications: id, claim, whether it proves what is below too, and is over."""
        over = {VerificationStatus.EXPIRED, VerificationStatus.FAILED}
        found = sa.select(
            Verification.id,
            Verification.organization_domain_id,
            Verification.verification_method,
            Verification.status,
        ).where(Verification.organization_id.in_(self._mine()))
        with self.sessions.begin(PLATFORM) as session:
            rows_ = session.execute(found.order_by(Verification.id)).all()
        return [(row, claim, how == DNS_TXT, status in over) for row, claim, how, status in rows_]

    def publish(self, verification: int, name: str, *, seen: bool) -> None:
        """Have the owner publish a token, or take it away."""
        with self.sessions.begin(PLATFORM) as session:
            token = session.get_one(Verification, verification).verification_token
        (self.published.add if seen else self.published.discard)((name, token))

    def is_published(self, verification: int, name: str) -> bool:
        """Tell whether the owner has published a token."""
        with self.sessions.begin(PLATFORM) as session:
            token = session.get_one(Verification, verification).verification_token
        return (name, token) in self.published

    def holdings(self) -> dict[str, tuple[int, bool]]:
        """Return what the table of holdings says."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(NameHolding).where(NameHolding.base == self.base)
            return {
                row.name: (row.organization_id, row.scope == "subtree")
                for row in session.scalars(query)
            }

    def kept(self) -> set[str]:
        """Return which of them serve nothing."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(NameHolding.name).where(
                NameHolding.base == self.base, NameHolding.lapsed_at.is_not(None)
            )
            return set(session.scalars(query))

    def rendered(self) -> list[Served]:
        """Return what the server's proxy is told to serve."""
        with self.sessions.begin(PLATFORM) as session:
            of = sa.select(Binding.id, Binding.organization_domain_id)
            claims = {row.id: row.organization_domain_id for row in session.execute(of)}
            return [
                Served(
                    one.hostname, one.organization, one.binding, claims[one.binding],
                    one.status is BindingStatus.ACTIVE, one.certificate,
                )
                for one in routes.wanted(session, self.server)
            ]  # fmt: skip

    def grants(self) -> list[int]:
        """Return the ids of all grants, oldest first."""
        query = sa.select(NameGrant.id).where(NameGrant.organization_id.in_(self._mine()))
        with self.sessions.begin(PLATFORM) as session:
            return list(session.scalars(query.order_by(NameGrant.id)))

    def edges(self, *, followed: bool = True) -> list[App]:
        """Return the edge as it is loaded now, and as it followed all changes."""
        with self.sessions.begin(PLATFORM) as session:
            fresh = Snapshot.of(hosts.everything(session)[2])
        if not followed:
            return [App(_Frozen(fresh))]
        self.feed.refresh()
        return [App(_Frozen(fresh)), App(self.feed)]

    def routed(self, edge: App, host: str) -> int | None:
        """Return the organization that the edge routes a host to."""
        status, body = _get(edge, "/edge/route", f"host={host}&path=/login")
        if status != 200:
            return None
        app = ids.parse(json.loads(body)["application"], "app")
        return next(owner for owner, mine in self.applications.items() if mine == app)

    def asked_for(self, edge: App, host: str) -> bool:
        """Tell whether the edge permits a certificate for a host."""
        return _get(edge, "/edge/ask", f"domain={host}")[0] == 200

    def certificate(self, row_id: int) -> Certificate:
        """Return a certificate's row."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Certificate, row_id)

    def all(self, kind: Any) -> list[Any]:
        """Return the live rows of a kind that these organizations have."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(kind).where(
                kind.organization_id.in_(self._mine()), kind.deleted_at.is_(None)
            )
            return list(session.scalars(query.order_by(kind.id)))

    def give_account(self, claim: int) -> None:
        """Let a claim have an account at its DNS provider, without which there are no wildcards."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(Domain, claim)
            row.dns = replace(row.dns, automatic=False)
            row.dns_account_id = self.accounts[row.organization_id]

    def activate(self, binding: int) -> None:
        """Let the row of a binding say that it is served, whatever is right."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(Binding, binding)
            row.status = BindingStatus.ACTIVE

    def actor(self, organization: int) -> Actor:
        """Return who acts for an organization."""
        return next(one for one in self.actors if one.organization_id == organization)


class _Frozen:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def within(self, _seconds: float) -> Snapshot:
        return self.snapshot


def _get(edge: App, path: str, query: str) -> tuple[int, bytes]:
    """Return status and body; the edge waits for nothing, so no event loop is needed."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    scope = {
        "type": "http", "path": path, "method": "GET", "query_string": query.encode(),
        "headers": [],
    }  # fmt: skip
    with contextlib.suppress(StopIteration):
        edge(scope, receive, send).__await__().__next__()
    return sent[0]["status"], sent[1]["body"]
