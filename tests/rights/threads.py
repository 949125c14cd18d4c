"""Many threads that give, take and use rights to the same names at once, and what must hold when they rest."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError
from nameplate.core.names import is_below
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, Domain, NameChallenge, NameGrant, NameHolding
from nameplate.models import Verification as Proof
from nameplate.usecases import work
from nameplate.usecases.certificates import issuance, requests
from nameplate.usecases.claims import (
    acceptances,
    contests,
    domains,
    grants,
    overrides,
    proving,
    transfers,
)
from nameplate.usecases.claims.acceptances import Acceptance
from nameplate.usecases.claims.grants import Terms
from nameplate.usecases.claims.transfers import TransferOffer
from nameplate.usecases.serving import bindings
from tests.rights.world import World

LEFT = ("", "shop.", "a.shop.", "x.", "*.")
"""What stands left of the registrable domain."""
AFTER = (timedelta(0), timedelta(0), timedelta(hours=25), timedelta(days=38), timedelta(days=68))
ACTS = 12
"""Acts of each thread between two rests."""


@dataclass
class Crowd:
    """Threads over one world, each with chance of its own."""

    sessions: Sessions
    seed: int = 0
    threads: int = 4
    unexpected: list[str] = field(default_factory=list)
    done: int = 0
    accepted: int = 0

    def __post_init__(self) -> None:
        self.world = World(self.sessions)
        self.tools, self.base = self.world.tools, self.world.base
        self.acts: Sequence[Callable[[random.Random], Any]] = (
            self.claim, self.claim, self.prove, self.prove, self.prove, self.lose, self.remove,
            self.lend, self.take_back, self.offer, self.accept, self.end_offer, self.decide, self.contest,
            self.bind, self.bind, self.order,
        )  # fmt: skip

    def run(self, until: datetime) -> int:
        """Act and rest until that moment; return how many rests there were."""
        rests = 0
        with ThreadPoolExecutor(self.threads) as pool:
            while datetime.now(UTC) < until:
                chances = [random.Random(f"{self.seed} {rests} {n}") for n in range(self.threads)]
                list(pool.map(self._some, chances))
                assert not self.unexpected, self.unexpected
                self.rest()
                rests += 1
        return rests

    def _some(self, chance: random.Random) -> None:
        for _ in range(ACTS):
            act = chance.choice(self.acts)
            try:
                act(chance)
                self.accepted += 1
            except (NameplateError, work.Superseded, LookupError, AssertionError):
                pass  # refused, or somebody else was faster
            except sa.exc.DBAPIError as error:
                if "eadlock" not in str(error) and "serializ" not in str(error):
                    self.unexpected.append(f"{act.__name__}: {error!r}")
            self.done += 1

    # What each may do

    def _one(self, chance: random.Random, kind: Any) -> Any:
        return chance.choice(self.world.all(kind))

    def _name(self, chance: random.Random) -> str:
        return chance.choice(LEFT) + self.base

    def claim(self, chance: random.Random) -> None:
        actor, name = chance.choice(self.world.actors), self._name(chance)
        method = "dns_txt" if name.startswith("*") else chance.choice(("dns_txt", "file_upload"))
        with self.sessions.begin(actor) as session:
            row = domains.add(session, self.tools, actor, name=name, verification_method=method)
            number = row.id
        self.world.give_account(number)

    def _look(self, chance: random.Random, *, seen: bool, after: timedelta) -> None:
        row = self._one(chance, Proof)
        with self.sessions.begin(PLATFORM) as session:
            claim = session.get_one(Domain, row.organization_domain_id)
            name = claim.full_domain.removeprefix("*.")
        self.world.publish(row.id, name, seen=seen)
        lease = self.world.lease(Proof, row.id, after)
        proving.reconcile(self.sessions, self.tools, lease)

    def prove(self, chance: random.Random) -> None:
        self._look(chance, seen=True, after=timedelta(0))

    def lose(self, chance: random.Random) -> None:
        self._look(chance, seen=False, after=chance.choice(AFTER))

    def remove(self, chance: random.Random) -> None:
        row = self._one(chance, Domain)
        actor, number = self.world.actor(row.organization_id), ids.show("dom", row.id)
        for act in (domains.remove, domains.restore)[: chance.choice((1, 2))]:
            with self.sessions.begin(actor) as session:
                act(session, self.tools, actor, number, datetime.now(UTC))

    def lend(self, chance: random.Random) -> None:
        actor, to = chance.sample(self.world.actors, 2)
        terms = Terms(self._name(chance), may_lend=chance.random() < 0.5)
        now = datetime.now(UTC)
        with self.sessions.begin(actor) as session:
            grants.add(session, self.tools, actor, terms, now=now, to=to.organization_id)
        self._grants(chance.sample(self.world.grants(), 1))

    def _grants(self, found: Sequence[int]) -> None:
        for number in found:
            lease = self.world.lease(NameGrant, number)
            grants.reconcile(self.sessions, self.tools, lease)

    def take_back(self, chance: random.Random) -> None:
        number, now = chance.choice(self.world.grants()), datetime.now(UTC)
        with self.sessions.begin(PLATFORM) as session:
            grants.revoke(session, PLATFORM, ids.show("gnt", number), now, now)
        self._grants([number])

    def offer(self, chance: random.Random) -> None:
        actor, to = chance.sample(self.world.actors, 2)
        given = TransferOffer(self._name(chance), ids.show("org", to.organization_id or 0))
        transfers.offer(self.sessions, actor, given)

    def _offered(self, chance: random.Random, actor: Any) -> str:
        with self.sessions.begin(actor) as session:
            found = transfers.page(session, actor, limit=50)
            return ids.show("xfr", chance.choice([one.id for one in found]))

    def end_offer(self, chance: random.Random) -> None:
        actor = chance.choice(self.world.actors)
        act = chance.choice((transfers.withdraw, transfers.decline))
        act(self.sessions, actor, self._offered(chance, actor))

    def accept(self, chance: random.Random) -> None:
        actor = chance.choice(self.world.actors)
        number = self._offered(chance, actor)
        app = ids.show("app", self.world.applications[actor.organization_id or 0])
        acceptances.accept(self.sessions, self.tools, actor, number, Acceptance(app))

    def decide(self, chance: random.Random) -> None:
        name, now = self._name(chance).removeprefix("*."), datetime.now(UTC)
        to = ids.show("org", chance.choice(self.world.actors).organization_id or 0)
        gives = chance.random() < 0.5

        def act(session: Any) -> None:
            if gives:
                overrides.give(session, self.tools, PLATFORM, name, to, reason="So.", now=now)
            else:
                overrides.release(session, self.tools, PLATFORM, name, reason="So.", now=now)

        self.sessions.run(PLATFORM, act)

    def contest(self, chance: random.Random) -> None:
        query = sa.select(NameChallenge.id).where(
            NameChallenge.base == self.base, NameChallenge.ended_at.is_(None)
        )
        with self.sessions.begin(PLATFORM) as session:
            number = chance.choice(list(session.scalars(query)))
        lease = self.world.lease(NameChallenge, number, chance.choice(AFTER))
        contests.reconcile(self.sessions, self.tools, lease)

    def bind(self, chance: random.Random) -> None:
        row = self._one(chance, Domain)
        actor = self.world.actor(row.organization_id)
        with self.sessions.begin(actor) as session:
            made = bindings.add(
                session, self.tools, actor,
                application=ids.show("app", self.world.applications[row.organization_id]),
                domain=ids.show("dom", row.id), subdomain=chance.choice((None, "shop", "x")),
                server=ids.show("srv", self.world.server), now=datetime.now(UTC),
            ).id  # fmt: skip
        self.world.activate(made)

    def order(self, chance: random.Random) -> None:
        row, name = self._one(chance, Domain), self._name(chance)
        actor, now = self.world.actor(row.organization_id), datetime.now(UTC)
        number = ids.show("dom", row.id)
        with self.sessions.begin(actor) as session:
            requests.issue(session, self.tools, actor, number, now=now, hosts=[name])
        self._obtain(self._one(chance, Certificate))

    def _obtain(self, row: Certificate) -> None:
        if row.certificate is None:
            lease = self.world.lease(Certificate, row.id)
            issuance.reconcile(self.sessions, self.tools, lease)

    # What must be true whenever they rest

    def rest(self) -> None:
        """Have workers do what follows, insist on every binding, and look at everything."""
        for _ in range(3):
            self._grants(self.world.grants())
        for row in self.world.all(Binding):
            self.world.activate(row.id)
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(NameHolding).where(NameHolding.base == self.base)
            held = list(session.scalars(query))
        self._nobody_holds_what_another_holds(held)
        self._claims_rest_on_what_is_held(held)
        self._served_is_what_is_held(held)
        self.world.authority.asked.clear()
        for certificate in self.world.all(Certificate):
            with suppress(NameplateError):
                self._obtain(certificate)
            for name in (one for names in self.world.authority.asked for one in names):
                assert _holder(held, name) == certificate.organization_id, f"certified {name}"
            self.world.authority.asked.clear()

    def _nobody_holds_what_another_holds(self, held: Sequence[NameHolding]) -> None:
        for row in held:
            above = [one for one in held if _reaches(one, row.name) and one is not row]
            chain = [*sorted(above, key=lambda one: len(one.name)), row]
            for upper, lower in pairwise(chain):
                same = upper.organization_id == lower.organization_id
                assert same or lower.grant_id, f"{upper.name} and {lower.name} have two holders"

    def _claims_rest_on_what_is_held(self, held: Sequence[NameHolding]) -> None:
        owners = {row.name: row.organization_id for row in held}
        live = {row.id: row for row in self.world.all(Domain)}
        for claim in live.values():
            if claim.holding_name is not None:
                assert owners.get(claim.holding_name) == claim.organization_id, claim.full_domain
        for row in held:
            assert row.organization_domain_id in live, f"{row.name} is held by no claim"
            assert live[row.organization_domain_id].organization_id == row.organization_id

    def _served_is_what_is_held(self, held: Sequence[NameHolding]) -> None:
        served = {one.host: one.organization for one in self.world.rendered()}
        for host, organization in served.items():
            assert _holder(held, host) == organization, f"{host} is rendered"
        (edge,) = self.world.edges(followed=False)
        for host in (left + self.base for left in (*LEFT[:-1], "b.x.", "shop.x.")):
            routed = self.world.routed(edge, host)
            assert routed in {None, _holder(held, host)}, f"{host} is routed"


def _reaches(row: NameHolding, name: str) -> bool:
    return row.scope == "subtree" and is_below(name, row.name)


def _holder(held: Sequence[NameHolding], host: str) -> int | None:
    """Return who holds a host, of the holdings that serve."""
    bare = host.removeprefix("*.")
    fitting = [
        row for row in held
        if _reaches(row, bare) or (row.name == bare and (host == bare or row.scope == "subtree"))
    ]  # fmt: skip
    found = max(fitting, key=lambda row: len(row.name), default=None)
    return None if found is None else found.organization_id
