"""The product and the model side by side, and how both are told the same."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis.stateful import RuleBasedStateMachine

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.db import Sessions
from nameplate.models import NameChallenge, NameGrant, Verification
from nameplate.usecases.claims import grants, proving
from tests.rights.model import Claim, Model, Proof, Token
from tests.rights.world import World


@dataclass
class Offer:
    """A name that its holder offers to another organization."""

    giver: int
    taker: int
    name: str
    with_bindings: bool
    claim: Claim


class Sides(RuleBasedStateMachine):
    """What the rules of the machine stand on."""

    sessions: Callable[[], Sessions]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(type(self).sessions())
        self.model = Model()
        self.offers: dict[int, Offer] = {}

    def teardown(self) -> None:
        self.world.close()

    def _actor(self, who: int) -> Actor:
        return self.world.actors[who % len(self.world.actors)]

    def _act(self, actor: Actor, act: Callable[[Any], Any]) -> Any:
        """Return what the act returns, None when it is refused: then nothing has changed."""

        def within() -> Any:
            with self.world.sessions.begin(actor) as session:
                return act(session)

        return self._try(within)

    def _try(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Conflict, Invalid, NotFound):
            return None

    def _pick(
        self, what: int, chosen: Callable[[Claim], bool] = lambda one: not one.removed
    ) -> tuple[int, Claim]:
        """Return a claim, of those that are chosen where there are any."""
        every = list(self.model.claims.items())
        some = [one for one in every if chosen(one[1])] or every
        return some[what % len(some)]

    def _proof(self, claim: Claim, how: int) -> tuple[int, Proof]:
        every = list(claim.proofs.items())
        return every[how % len(every)]

    def _look(self, row: int, after: timedelta = timedelta(0)) -> None:
        lease = self.world.lease(Verification, row, after)
        proving.reconcile(self.world.sessions, self.world.tools, lease)

    def _work(self) -> None:
        """Have workers look at every verification that waits for a look, however soon it is due.

        A proof that stood in somebody's way before may be seen now. What is due depends on how long
        the program has taken, and a program must do the same each time.
        """
        for row in self.world.all(Verification):
            if row.next_action_at is None:
                continue
            self._look(row.id)
            claim = self.model.claims[row.organization_domain_id]
            proof = claim.proofs.get(row.id)
            if proof is not None and self.world.is_published(row.id, claim.held_name):
                self.model.see(claim, proof)

    def _sync(self) -> None:
        """Learn of tokens that the product made, and of those that it ended before they were seen.

        Before that workers look at all grants, until nothing follows any more.
        """
        if not self.model.quarantines:
            self.world.end_quarantines()
        for _ in range(2):
            for number in self.world.grants():
                lease = self.world.lease(NameGrant, number)
                grants.reconcile(self.world.sessions, self.world.tools, lease)
        self.model.forget()
        self.model.end_what_was_lent()
        for row, number, wide, over in self.world.tokens():
            proof = self.model.claims[number].proofs.setdefault(row, Proof(wide))
            if over and proof.token is Token.OPEN:
                proof.end()

    def _challenges(self) -> list[tuple[int, int]]:
        """Return the open challenges: their ids, and by which proof each was opened."""
        query = sa.select(NameChallenge.id, NameChallenge.domain_verification_id).where(
            NameChallenge.base == self.world.base, NameChallenge.ended_at.is_(None)
        )
        with self.world.sessions.begin(PLATFORM) as session:
            found = session.execute(query.order_by(NameChallenge.id)).all()
        return [(row.id, row.domain_verification_id) for row in found]
