"""Organizations that prove names by what is in a DNS of their own, with time that passes."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from tests.usecases.offline import DNS_TXT, Offline
from tests.usecases.test_holders import claim, now

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    Domain,
    Event,
    NameChallenge,
    NameHolding,
    Verification,
)
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases.claims import contests, proving


class Zone(MemoryMethod):
    """A DNS in which many tokens stand at one name, and in which servers can be silent."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.there: dict[str, set[str]] = defaultdict(set)
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def check(self, name: str, token: str) -> Proof:
        """Look once."""
        self.asked.append((name, token))
        if name in self.silent or token in self.silent:
            return Proof(Verdict.INCONCLUSIVE, "servers_disagree", "The servers disagree.")
        if token in self.there[name]:
            return Proof(Verdict.MATCH, "txt_match", "The proof is in place.")
        return Proof(Verdict.ABSENT, "txt_absent", f"Nothing is published for {name} yet.")


@dataclass
class Contests:
    """Claims, proofs and challenges."""

    sessions: Sessions

    def __post_init__(self) -> None:
        self.zone = Zone()
        self.offline = Offline(self.sessions, self.zone)
        self.tools = self.offline.tools

    def organization(self, name: str) -> Actor:
        """Add an organization."""
        return self.offline.organization(name)

    def claim(self, actor: Actor, name: str, *, publish: bool = True, look: bool = True) -> int:
        """Claim a name, publish its token and have a worker look; return the domain's id."""
        domain = claim(self.offline, actor, name)
        if publish:
            self.publish(domain)
        if look:
            self.look(domain)
        return domain

    def proof(self, domain: int) -> Verification:
        """Return the newest proof of a domain."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Verification).where(Verification.organization_domain_id == domain)
            return list(session.scalars(query.order_by(Verification.id)))[-1]

    def publish(self, domain: int) -> None:
        """Put the newest token of a domain into the DNS."""
        row = self.proof(domain)
        self.zone.there[self.held_name(domain)].add(row.verification_token)

    def withdraw(self, domain: int) -> None:
        """Take the newest token of a domain out of the DNS."""
        row = self.proof(domain)
        self.zone.there[self.held_name(domain)].discard(row.verification_token)

    def held_name(self, domain: int) -> str:
        """Return the name of a domain."""
        return (self.domain(domain).full_domain or "").removeprefix("*.")

    def look(self, domain: int, after: timedelta = timedelta(0)) -> VerificationStatus:
        """Have a worker look at the newest proof of a domain."""
        row = self.proof(domain)
        lease = self.offline.leased(Verification, row.id, after=after)
        proving.reconcile(self.sessions, self.tools, lease)
        return self.proof(domain).status

    def step(self, challenge: int, after: timedelta = timedelta(0)) -> NameChallenge:
        """Have a worker look at a challenge that much later."""
        lease = self.offline.leased(NameChallenge, challenge, after=after)
        contests.reconcile(self.sessions, self.tools, lease)
        return self.challenge(challenge)

    def challenge(self, challenge: int) -> NameChallenge:
        """Return a challenge as it is now."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(NameChallenge, challenge)

    def open_challenge(self) -> int:
        """Return the id of the one open challenge."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(NameChallenge.id).where(NameChallenge.ended_at.is_(None))
            return session.scalars(query).one()

    def domain(self, domain: int) -> Domain:
        """Return a domain as it is now."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, domain)

    def held(self) -> dict[str, int]:
        """Return who holds what."""
        with self.sessions.begin(PLATFORM) as session:
            return {
                row.name: row.organization_id for row in session.scalars(sa.select(NameHolding))
            }

    def events(self, actor: Actor) -> list[str]:
        """Return what an organization was told, in order."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Event.type).where(Event.organization_id == actor.organization_id)
            return list(session.scalars(query.order_by(Event.id)))

    def told(self, actor: Actor) -> str:
        """Return all that the events of an organization say."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Event).where(Event.organization_id == actor.organization_id)
            return " ".join(
                f"{row.before} {row.after} {row.hostname}" for row in session.scalars(query)
            )


__all__ = ["DNS_TXT", "Contests", "Zone", "now"]


def at_once(acts: Sequence[Callable[[], object]]) -> list[Exception | None]:
    """Run all at one moment, each in a thread of its own; return what each of them raised."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [one.exception() for one in [pool.submit(run, act) for act in acts]]  # type: ignore[misc]  # none exits
