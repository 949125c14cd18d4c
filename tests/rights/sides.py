"""The product and the model side by side, and how both are told the same."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.db import Sessions
from nameplate.models import NameGrant, Verification
from nameplate.usecases.claims import grants, proving
from tests.rights.model import Claim, Model, Proof, Token
from tests.rights.world import World


class Sides(RuleBasedStateMachine):
    """What the rules of the machine stand on."""

    sessions: Callable[[], Sessions]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(type(self).sessions())
        self.model = Model()

    def teardown(self) -> None:
        self.world.close()

    def _actor(self, who: int) -> Actor:
        return self.world.actors[who % len(self.world.actors)]

    def _act(self, actor: Actor, act: Callable[[Any], Any]) -> Any:
        """Return what the act returns, None when it is refused: then nothing has changed."""
        try:
            with self.world.sessions.begin(actor) as session:
                return act(session)
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
        """Have workers look at every verification that is due at once.

        How many are due depends on how long the program has taken: a proof that stood in somebody's
        way before may be seen now.
        """
        for row in self.world.all(Verification):
            if row.next_action_at is None or row.next_action_at > datetime.now(UTC):
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
        self.world.end_quarantines()
        for _ in range(2):
            for number in self.world.grants():
                lease = self.world.lease(NameGrant, number)
                grants.reconcile(self.world.sessions, self.world.tools, lease)
        self.model.end_what_was_lent()
        for row, number, wide, over in self.world.tokens():
            proof = self.model.claims[number].proofs.setdefault(row, Proof(wide))
            if over and proof.token is Token.OPEN:
                proof.token = Token.VOID
