"""Random programs over everything that gives, takes or uses a right to a name."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.models import Binding, Certificate, NameChallenge
from nameplate.usecases.certificates import issuance, requests
from nameplate.usecases.claims import contests, domains, grants, overrides, verifications
from nameplate.usecases.claims.grants import Terms
from nameplate.usecases.serving import bindings, probes
from nameplate.usecases.tenants import organizations
from tests.rights.model import Claim, Grant, Token
from tests.rights.passing import Passing
from tests.rights.steps import METHODS, domain_reference, now, which
from tests.rights.truths import HOSTS

CLAIMED = ("", "shop.", "", "a.shop.", "*.", "shop.", "*.shop.", "x.")
"""What stands left of the registrable domain in claims."""
LENT = ("shop.", "a.shop.", "x.", "shop.")
"""The same for what is lent."""
BELOW = (None, None, "shop", "a.shop", "x", "a")
"""What is bound below the name of a claim."""


class Rights(Passing):
    """What tenants, the operator, owners of DNS and workers may do, in any order."""

    # Claims and proofs

    @initialize(
        claims=st.lists(st.tuples(which, st.booleans(), which), min_size=2, max_size=4),
        lent=st.booleans(),
    )
    def begin(self, claims: list[tuple[int, bool, int]], lent: bool) -> None:
        """Begin with something to take away: claims that are proved, with bindings; a lent name."""
        if lent:
            self.claim(0, CLAIMED.index(""), True)
            self.prove(0, 0)
            self.lend(0, LENT.index("x."), 1, True, False)
            self.claim(1, CLAIMED.index("x."), True)
            self.bind(0, BELOW.index("x"), 0)
        for who, (name, wide, where) in enumerate(claims, start=2 * lent):
            self.claim(who, name, wide)
            self.prove(who, 0)
            self.bind(who, where, 0)

    @rule(who=which, name=which, wide=st.booleans())
    def claim(self, who: int, name: int, wide: bool) -> None:
        actor = self._actor(who)
        full = CLAIMED[name % len(CLAIMED)] + self.world.base
        method = METHODS[wide or full.startswith("*")]
        row = self._act(
            actor,
            lambda s: (
                domains.add(s, self.world.tools, actor, name=full, verification_method=method).id
            ),
        )
        if row is not None:
            self.model.claims[row] = Claim(actor.organization_id or 0, full)
            self.world.give_account(row)
            self._sync()

    @rule(what=which, wide=st.booleans())
    def offer_another_proof(self, what: int, wide: bool) -> None:
        self._offer(*self._pick(what), wide)

    def _offer(self, number: int, claim: Claim, wide: bool) -> None:
        method = METHODS[wide or claim.name.startswith("*")]
        actor = self.world.actor(claim.organization)
        made = self._act(
            actor,
            lambda s: (
                verifications.add(s, self.world.tools, actor, domain_reference(number), method).id
            ),
        )
        if made is not None:
            for row, proof in claim.proofs.items():
                if proof.token is Token.OPEN and METHODS[proof.wide] == method and row != made:
                    proof.token = Token.VOID
        self._sync()

    @rule(what=which)
    def try_the_former_token(self, what: int) -> None:
        """Ask for a fresh token by the same method, and have the former one seen."""
        number, claim = self._pick(what, lambda one: not one.removed and not one.is_proved)
        self._offer(number, claim, claim.proofs[max(claim.proofs)].wide)
        former = sorted(claim.proofs)[-2:][0]
        self.world.publish(former, claim.held_name, seen=True)
        self._look(former)
        self.model.see(claim, claim.proofs[former])
        self._sync()

    @rule(what=which, how=which)
    def prove(self, what: int, how: int) -> None:
        _, claim = self._pick(what)
        row, proof = self._proof(claim, how)
        self.world.publish(row, claim.held_name, seen=True)
        self._look(row)
        self.model.see(claim, proof)
        self._sync()

    @rule(what=which)
    def remove(self, what: int) -> None:
        number, claim = self._pick(what)
        actor = self.world.actor(claim.organization)
        done = self._act(
            actor,
            lambda s: domains.remove(s, self.world.tools, actor, domain_reference(number), now()),
        )
        if done is not None:
            claim.removed = True
            claim.end_proofs()
            self.model.forget()
        self._sync()

    @rule(what=which)
    def restore(self, what: int) -> None:
        number, claim = self._pick(what, lambda one: one.removed)
        actor = self.world.actor(claim.organization)
        done = self._act(
            actor,
            lambda s: domains.restore(s, self.world.tools, actor, domain_reference(number), now()),
        )
        if done is not None:
            claim.removed = False
        self._sync()

    @rule(what=which, operator=st.booleans())
    def suspend(self, what: int, operator: bool) -> None:
        number, claim = self._pick(what)
        actor = PLATFORM if operator else self.world.actor(claim.organization)
        done = self._act(
            actor, lambda s: domains.suspend(s, actor, domain_reference(number), now(), "Because.")
        )
        if done is not None:
            claim.banned, claim.paused = claim.banned or operator, claim.paused or not operator

    @rule(what=which, operator=st.booleans())
    def resume(self, what: int, operator: bool) -> None:
        number, claim = self._pick(what, lambda one: one.banned or one.paused)
        actor = PLATFORM if operator else self.world.actor(claim.organization)
        done = self._act(actor, lambda s: domains.resume(s, actor, domain_reference(number), now()))
        if done is None:
            return
        assert operator or not claim.banned, "only the operator ends what the operator began"
        if claim.banned:
            claim.banned = False
        else:
            claim.paused = False

    # What is lent

    @rule(what=which, name=which, who=which, wide=st.booleans(), on=st.booleans())
    def lend(self, what: int, name: int, who: int, wide: bool, on: bool) -> None:
        """Lend a name below one that is held, mostly."""
        _, claim = self._pick(what, lambda one: one.is_proved)
        lender = self.world.actor(claim.organization)
        grantee = self._actor(who)
        lent = LENT[name % len(LENT)] + self.world.base
        terms = Terms(lent, subtree=wide, may_lend=on)
        if grantee == lender:
            return
        made = self._act(
            lender,
            lambda s: (
                grants.add(
                    s, self.world.tools, lender, terms, now=now(), to=grantee.organization_id
                )[0].id
            ),
        )
        if made is not None:
            self.model.grants.append(
                Grant(
                    lender.organization_id or 0,
                    grantee.organization_id or 0,
                    lent,
                    wide,
                    on and wide,
                )
            )
        self._sync()

    @rule(what=which)
    def take_back(self, what: int) -> None:
        """End a grant at once."""
        live = [(n, one) for n, one in enumerate(self.model.grants) if not one.over]
        if not live:
            return
        held = self.model.holdings()
        used = [one for one in live if held.get(one[1].name) == (one[1].grantee, one[1].wide)]
        number, grant = (used or live)[what % len(used or live)]
        lender = self.world.actor(grant.lender)
        row = self.world.grants()[number]
        done = self._act(
            lender, lambda s: grants.revoke(s, lender, ids.show("gnt", row), now(), now()).id
        )
        grant.over = grant.over or done is not None
        self._sync()

    # What is decided between organizations

    @rule(late=st.booleans())
    def contest(self, late: bool) -> None:
        """Have every challenge looked at: holders whose proofs are published lose nothing."""
        for number, proof in self._challenges():
            claim = next(one for one in self.model.claims.values() if proof in one.proofs)
            outcome = self._outcome(claim)
            if outcome is None:
                continue
            for hours in (1, 26) if late else (1,):
                lease = self.world.lease(NameChallenge, number, timedelta(hours=hours))
                contests.reconcile(self.world.sessions, self.world.tools, lease)
            if self.world.is_published(proof, claim.held_name):
                for name, organization in outcome if late else ():
                    self.model.dispossess(name, organization)
                self.model.see(claim, claim.proofs[proof])
        self._sync()

    def _outcome(self, claim: Claim) -> list[tuple[str, int]] | None:
        """Return what a challenge takes from whom; None: of several proofs in its way some are gone."""
        lost: list[tuple[str, int]] = []
        for name, organization in self.model.in_the_way(claim):
            tokens = [
                (number, one)
                for one in self.model.claims.values()
                if (one.organization, one.held_name) == (organization, name) and not one.removed
                for number, proof in one.proofs.items()
                if proof.token in {Token.PROVED, Token.LAPSED}
            ]
            seen = [self.world.is_published(number, name) for number, _ in tokens]
            if any(seen) and not lost:
                return []
            banned = any(one.banned for one in self.model.claims.values() if one.held_name == name)
            if lost or any(seen) or banned or not (tokens or name in self.model.gifts):
                return None
            lost = [(name, organization)]
        return lost

    @rule(what=which)
    def override(self, what: int) -> None:
        """Have the operator take a name from whoever holds it."""
        _, claim = self._pick(what, lambda one: one.is_proved or one.is_lost)
        holder = self.model.alone().get(claim.held_name, (None, False))[0]
        was_kept = claim.held_name in self.model.kept
        done = self._act(
            PLATFORM,
            lambda s: overrides.release(
                s, self.world.tools, PLATFORM, claim.held_name, reason="So.", now=now()
            ),
        )
        if done is not None:
            for other in self.model.claims.values():
                mine = (other.organization, other.held_name) == (holder, claim.held_name)
                if mine and not was_kept:  # of a name out of service no open token ends
                    other.end_proofs()
            self.model.dispossess(claim.held_name, holder or 0)
        self._sync()

    # Organizations

    @rule(who=which)
    def switch(self, who: int) -> None:
        """Switch an organization off, or the one on again that is off."""
        on = bool(self.model.disabled)
        number = min(self.model.disabled) if on else self._actor(who).organization_id or 0
        done = self._act(
            PLATFORM,
            lambda s: organizations.update(s, PLATFORM, ids.show("org", number), is_active=on),
        )
        if done is not None:
            (self.model.disabled.discard if on else self.model.disabled.add)(number)

    @rule(who=which)
    def take_away(self, who: int) -> None:
        """Remove an organization, or restore the one that is removed."""
        back = bool(self.model.removed)
        number = min(self.model.removed) if back else self._actor(who).organization_id or 0
        act = organizations.restore if back else organizations.remove
        done = self._act(PLATFORM, lambda s: act(s, PLATFORM, ids.show("org", number), now()))
        if done is None:
            return
        mine = [claim for claim in self.model.claims.values() if claim.organization == number]
        for claim in mine:
            if back and claim.removed_with_organization:
                claim.removed = claim.removed_with_organization = False
            elif not back and not claim.removed:
                claim.removed = claim.removed_with_organization = True
                claim.end_proofs()
        (self.model.removed.discard if back else self.model.removed.add)(number)
        self.model.forget()
        self._sync()
        self._work()
        self._sync()

    # What uses a right

    @rule(what=which, where=which, path=which)
    def bind(self, what: int, where: int, path: int) -> None:
        number, claim = self._pick(what)
        actor = self.world.actor(claim.organization)
        below = BELOW[where % len(BELOW)]
        app = ids.show("app", self.world.applications[claim.organization])
        row = self._act(
            actor,
            lambda s: (
                bindings.add(
                    s,
                    self.world.tools,
                    actor,
                    application=app,
                    domain=domain_reference(number),
                    subdomain=below,
                    path=("/", "/", "/login")[path % 3],
                    server=ids.show("srv", self.world.server),
                    now=now(),
                ).id
            ),
        )
        if row is not None:
            self.world.activate(row)

    @rule(what=which)
    def insist(self, what: int) -> None:
        """Let a row say that it is served, however it came to say something else."""
        live = self.world.all(Binding)
        if live:
            self.world.activate(live[what % len(live)].id)

    @rule(what=which)
    def step(self, what: int) -> None:
        """Have a worker look at a binding; it may change what its row says."""
        live = self.world.all(Binding)
        if live:
            row = live[what % len(live)].id
            probes.sweep(self.world.sessions, self.world.tools, [self.world.lease(Binding, row)])

    @rule(what=which, hosts=st.lists(which, min_size=1, max_size=2))
    def order(self, what: int, hosts: list[int]) -> None:
        """Have a certificate obtained: the authority is asked for what the organization holds."""
        number, claim = self._pick(what)
        actor = self.world.actor(claim.organization)
        names = [HOSTS[host % len(HOSTS)] + self.world.base for host in hosts]
        self._act(
            actor,
            lambda s: requests.issue(
                s, self.world.tools, actor, domain_reference(number), now=now(), hosts=names
            ),
        )
        self.obtain(what)

    @rule(what=which)
    def obtain(self, what: int) -> None:
        waiting = [row for row in self.world.all(Certificate) if row.certificate is None]
        if not waiting:
            return
        row = waiting[what % len(waiting)]
        lease = self.world.lease(Certificate, row.id)
        issuance.reconcile(self.world.sessions, self.world.tools, lease)
        claim = self.model.claims[row.organization_domain_id]
        for name in (name for names in self.world.authority.asked for name in names):
            assert self.model.may_serve(claim, name), f"ordered {name}"
        self.world.authority.asked.clear()
