"""How rights pass: lost in steps and found again, given to others, and free again after a while."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from nameplate.core import ids
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding, Domain, Verification
from nameplate.usecases.claims import acceptances, domains, transfers
from nameplate.usecases.claims.acceptances import Acceptance
from nameplate.usecases.claims.transfers import TransferOffer
from tests.rights.model import Claim, Proof, Quarantine, Token
from tests.rights.sides import Offer
from tests.rights.steps import METHODS, domain_reference, now, which
from tests.rights.truths import Truths

LOST = ((31,), (31, 34, 37), (31, 34, 37, 38), (31, 34, 37, 38, 68))
"""Days on which a worker looks for a proof that is gone: notices, out of service, given up."""
GRACE, OUT, GONE = 1, 2, 3
"""After how many of these a name is still served, out of service, and given up."""


class Passing(Truths):
    """Lapses, quarantines and transfers."""

    # What is lost

    @rule(what=which, how=which, far=st.sampled_from((0, GRACE, OUT, OUT, GONE, GONE)))
    def lose(self, what: int, how: int, far: int) -> None:
        """Take a proof away and let time pass."""
        _, claim = self._pick(what, lambda one: one.is_proved)
        self._lose(claim, *self._proof(claim, how), far)

    def _lose(self, claim: Claim, row: int, proof: Proof, far: int) -> None:
        self.world.publish(row, claim.held_name, seen=False)
        for days in LOST[far]:
            self._look(row, timedelta(days=days))
        if not claim.removed:
            self.model.run_out(claim, proof)
            if proof.token is Token.PROVED:
                self._notices_are_given(row, far, again=proof.is_lost)
            self.model.miss(proof)
            if far >= OUT:
                self.model.lapse(claim, proof)
            if far >= GONE:
                self.model.give_up(claim, proof)
        self._sync()

    def _notices_are_given(self, row: int, far: int, *, again: bool) -> None:
        """`again`: the proof was lost before already, perhaps for longer."""
        with self.world.sessions.look() as session:
            found = session.get_one(Verification, row)
        due = (1, 3, 3, 3)[far]
        assert found.notices == due or (again and found.notices > due), f"{found.notices} notices"

    @rule(what=which)
    def find_again(self, what: int) -> None:
        """Publish again what was lost, in the grace or after it."""
        _, claim = self._pick(what, lambda one: one.is_lost)
        every = sorted(claim.proofs.items(), key=lambda one: not one[1].is_lost)
        row, proof = every[0]
        self.world.publish(row, claim.held_name, seen=True)
        self._look(row)
        self.model.see(claim, proof)
        self._sync()

    @rule(what=which)
    def let_a_gift_run_out(self, what: int) -> None:
        """Let the time pass in which a given name must be proved."""
        given = [one.claim for one in self.model.gifts.values()]
        if not given:
            return
        claim = given[what % len(given)]
        for row, proof in list(claim.proofs.items()):
            if proof.token is Token.OPEN:
                self._lose(claim, row, proof, 0)

    # What is free again after a while

    @rule(what=which, who=which, wide=st.booleans())
    def come_back(self, what: int, who: int, wide: bool) -> None:
        """Give a name up, and have it proved by a token from before and by a fresh one meanwhile."""
        number, claim = self._pick(what, lambda one: one.is_proved)
        name, before, was_lent = claim.held_name, self.model.alone(), set(self.model.lent)
        known = [proof for one in self.model.claims.values() for proof in one.proofs.values()]
        actor = self.world.actor(claim.organization)
        done = self._act(
            actor,
            lambda s: domains.remove(s, self.world.tools, actor, domain_reference(number), now()),
        )
        if done is None:
            return
        claim.removed = True
        claim.end_proofs()
        self.model.forget()
        if name in before and name not in self.model.alone() and name not in was_lent:
            owner, reach = before[name]  # what was lent is its lender's again
            self.model.quarantines = [Quarantine(owner, name, reach, known)]
        self._sync()
        others = [one for one in self.model.claims.values() if one.held_name == name]
        for other in others:
            for row, proof in list(other.proofs.items()):
                if proof.token is Token.OPEN:
                    self._see(other, row, proof)
        self._claim_anew(who, name, wide)
        self.model.quarantines = []
        self._sync()

    def _see(self, claim: Claim, row: int, proof: Proof) -> None:
        self.world.publish(row, claim.held_name, seen=True)
        self._look(row)
        self.model.see(claim, proof)
        self._sync()

    def _claim_anew(self, who: int, name: str, wide: bool) -> None:
        actor = self._actor(who)
        made = self._act(
            actor,
            lambda s: (
                domains.add(
                    s, self.world.tools, actor, name=name, verification_method=METHODS[wide]
                ).id
            ),
        )
        if made is None:
            return
        claim = self.model.claims[made] = Claim(actor.organization_id or 0, name)
        self.world.give_account(made)
        self._sync()
        self._see(claim, *self._proof(claim, 0))

    # What is given to others

    @rule(what=which, who=which, bound=st.booleans(), then=st.integers(0, 5))
    def offer(self, what: int, who: int, bound: bool, then: int) -> None:
        """Offer a name, mostly one that is held; it is accepted at once, declined, withdrawn or left."""
        number, claim = self._pick(what, lambda one: one.is_proved)
        giver = self.world.actor(claim.organization)
        taker = [one for one in self.world.actors if one != giver][who % 2]
        given = TransferOffer(
            domain_reference(number), ids.show("org", taker.organization_id or 0), bound
        )
        made = self._try(lambda: transfers.offer(self.world.sessions, giver, given).id)
        if made is None:
            return
        holder = self.model.proved().get(claim.held_name, (0, False))[0]
        assert holder == claim.organization, f"{claim.held_name} is another's"
        self.offers[made] = Offer(
            claim.organization, taker.organization_id or 0, claim.held_name, bound, claim
        )
        if then in {1, 2, 3}:
            self.accept(len(self.offers) - 1, who, then > 1)
        elif then == 4:
            self.end_offer(len(self.offers) - 1, who, True)

    @rule(what=which, who=which, serves=st.booleans())
    def accept(self, what: int, who: int, serves: bool) -> None:
        """Have somebody take what is offered, mostly to whom it is."""
        if not self.offers:
            return
        number = list(self.offers)[what % len(self.offers)]
        offer = self.offers[number]
        actor = self._actor(who)
        if who % 4:
            actor = self.world.actor(offer.taker)
        if self._was_lent_below(offer):
            return
        app = ids.show("app", self.world.applications[actor.organization_id or 0])
        terms = Acceptance(app if serves else None)
        given = self._bound(offer.giver, offer.name)
        before = self._bound(offer.taker)
        done = self._try(
            lambda: acceptances.accept(
                self.world.sessions, self.world.tools, actor, ids.show("xfr", number), terms
            )
        )
        if done is None:
            return
        assert actor.organization_id == offer.taker, "accepted by somebody else"
        holder, wide = self.model.proved().get(offer.name, (0, False))
        assert holder == offer.giver, f"{offer.name} is another's by now"
        del self.offers[number]
        self._hand_over(offer, wide=wide)
        received = self._bound(offer.taker) - before
        moves = serves and offer.with_bindings
        assert received == (given - before if moves else set()), f"{received} are bound"

    def _was_lent_below(self, offer: Offer) -> bool:
        """Tell whether the taker has proved what it was lent below: its proof there rests until the next."""
        lent = {one.name for one in self.model.grants if one.grantee == offer.taker}
        mine = (one for one in self.model.claims.values() if one.organization == offer.taker)
        return any(one.held_name in lent and one.is_proved for one in mine)

    def _bound(self, organization: int, name: str | None = None) -> set[tuple[str, str]]:
        """Return what an organization has bound, by its claims on a name that rest on it."""
        return {
            (row.hostname, row.path)
            for row in self.world.all(Binding)
            if row.organization_id == organization and row.status is not BindingStatus.DISABLED
            and (name is None or self._stands_for(row.organization_domain_id, name))
        }  # fmt: skip

    def _stands_for(self, number: int, name: str) -> bool:
        claim = self.model.claims[number]
        wide = self.model.proved().get(name, (0, False))[1]
        return claim.held_name == name and (wide or claim.name == name)

    def _hand_over(self, offer: Offer, *, wide: bool) -> None:
        gone = self.model.hand_over(offer.name, offer.taker)
        rows: dict[str, Any] = {
            row.full_domain: row
            for row in self.world.all(Domain)
            if row.organization_id == offer.taker and row.domain_name == self.world.base
        }
        for name in gone:
            assert name in rows, f"nobody received {name}"
            if rows[name].id not in self.model.claims:
                self.model.claims[rows[name].id] = Claim(offer.taker, name)
                self.world.give_account(rows[name].id)
        first = self.model.claims[rows[offer.claim.name].id]
        self.model.receive(first, wide=wide)
        self._sync()

    @rule(what=which, who=which, back=st.booleans())
    def end_offer(self, what: int, who: int, back: bool) -> None:
        """Have an offer withdrawn or declined, by the right side or another one."""
        if not self.offers:
            return
        number = list(self.offers)[what % len(self.offers)]
        offer, act = self.offers[number], transfers.withdraw if back else transfers.decline
        side = offer.giver if back else offer.taker
        actor = self.world.actor(side) if who % 3 else self._actor(who)
        done = self._try(lambda: act(self.world.sessions, actor, ids.show("xfr", number)))
        if done is not None:
            assert actor.organization_id == side, "ended by somebody else"
            del self.offers[number]
