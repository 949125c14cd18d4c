"""Claims without a network, leased together as a worker leases them."""

from dataclasses import dataclass

from tests.usecases.offline import Offline

from nameplate import leases
from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, Verification
from nameplate.usecases.claims import domains, verification_sweeps, verifications
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.usecases.tools import Tools


@dataclass
class Claims:
    """Organizations and their claims."""

    sessions: Sessions

    def __post_init__(self) -> None:
        self.offline = Offline(self.sessions)
        self.tools: Tools = self.offline.tools

    def organization(self, name: str) -> Actor:
        """Add an organization."""
        return self.offline.organization(name)

    def claim(self, actor: Actor, name: str) -> int:
        """Claim a name; return the id of its proof."""
        with self.sessions.begin(actor) as session:
            domain = domains.add(session, self.tools, actor, name=name)
            rows = verifications.page(session, actor, limit=500)
            return next(row.id for row in rows if row.organization_domain_id == domain.id)

    def row(self, row_id: int) -> Verification:
        """Return a proof as it is now."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            return session.get_one(Verification, row_id)

    def domain(self, row_id: int) -> Domain:
        """Return the domain of a proof as it is now."""
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            row = session.get_one(Verification, row_id)
            return session.get_one(Domain, row.organization_domain_id)

    def lease(self, seconds: float = 60) -> list[Lease]:
        """Lease whatever is due."""
        with self.sessions.begin(PLATFORM) as session:
            return list(leases.lease(session, Verification, limit=500, seconds=seconds))

    def looks(self) -> dict[int, Look]:
        """Lease whatever is due, and return what is to be looked at by the proof's id."""
        found = verification_sweeps.read(self.sessions, self.lease())
        return {one.lease.id: one for one in found}
