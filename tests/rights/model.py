"""Who has which right, said as simply as can be: nothing of the product is used here.

An organization holds a name while one of its live claims on that name has a proof that counts, as
far as the widest of those proofs reaches. Of the holdings that cover a host the longest decides.
"""

from dataclasses import dataclass, field
from enum import Enum


class Token(Enum):
    """What the token of a verification is worth."""

    OPEN = "open"
    """Seen, it proves."""
    PROVED = "proved"
    """It proved and counts still."""
    LAPSED = "lapsed"
    """It was gone for longer than the grace: seen again, it proves again."""
    VOID = "void"
    """It must never prove any more."""


@dataclass
class Proof:
    """One way to prove one claim."""

    wide: bool
    """By DNS: the name and everything below it."""
    token: Token = Token.OPEN
    is_lost: bool = False
    """It is gone, and the grace goes on or is over."""

    def end(self) -> None:
        """Never prove any more."""
        self.token, self.is_lost = Token.VOID, False


@dataclass
class Claim:
    """What one organization says of one name."""

    organization: int
    name: str
    """With `*.` when it is a wildcard."""
    removed: bool = False
    removed_with_organization: bool = False
    paused: bool = False
    """By the organization itself."""
    banned: bool = False
    """By the operator."""
    proofs: dict[int, Proof] = field(default_factory=dict)

    @property
    def held_name(self) -> str:
        """The name without `*.`."""
        return self.name.removeprefix("*.")

    @property
    def is_proved(self) -> bool:
        """One of its own proofs counts."""
        return any(proof.token is Token.PROVED for proof in self.proofs.values())

    def end_proofs(self) -> None:
        """No token of it, seen or not, proves any more."""
        for proof in self.proofs.values():
            proof.end()

    @property
    def is_lost(self) -> bool:
        """One of its proofs is gone and can be found again."""
        return any(proof.is_lost for proof in self.proofs.values())


@dataclass
class Grant:
    """A name that one organization lends to another."""

    lender: int
    grantee: int
    name: str
    wide: bool
    may_lend: bool
    over: bool = False


@dataclass
class Stand:
    """A name that is held without a proof that counts: given by its former holder, or kept for its own."""

    claim: Claim
    """What it stands and falls with."""
    wide: bool


@dataclass
class Quarantine:
    """A name that was given up a moment ago."""

    organization: int
    name: str
    wide: bool
    before: list[Proof]
    """All tokens that there were."""


@dataclass
class Model:
    """All claims of all organizations."""

    grants: list[Grant] = field(default_factory=list)
    gifts: dict[str, Stand] = field(default_factory=dict)
    """Given by transfers and not proved since: they serve."""
    kept: dict[str, Stand] = field(default_factory=dict)
    """Lost for longer than the grace: they serve nothing, and are nobody else's."""
    lent: dict[str, int] = field(default_factory=dict)
    """Names in use by a grant, and by whom: a proof of such a name ends with it."""
    quarantines: list[Quarantine] = field(default_factory=list)

    claims: dict[int, Claim] = field(default_factory=dict)
    disabled: set[int] = field(default_factory=set)
    """Organizations that are switched off: they keep their names and serve nothing."""
    removed: set[int] = field(default_factory=set)

    def holdings(self) -> dict[str, tuple[int, bool]]:
        """Return who holds each name, and whether with everything below it; what is lent, too."""
        held = self.alone()
        for grant in sorted(self.grants, key=lambda one: len(one.name)):
            if not grant.over and self.lends(grant, held) and self._is_used(grant):
                held.setdefault(grant.name, (grant.grantee, grant.wide))
        return held

    def lends(self, grant: Grant, held: dict[str, tuple[int, bool]]) -> bool:
        """Tell whether the lender holds what is above, and may lend of it."""
        above = [
            (len(name), name)
            for name, (_, wide) in held.items()
            if wide and grant.name.endswith("." + name)
        ]
        if not above:
            return False
        source = max(above)[1]
        if source in self.kept:
            return False
        lent = [one for one in self.grants if one.name == source and not one.over]
        borrowed = source not in self.alone()
        return held[source][0] == grant.lender and (
            not borrowed or any(one.may_lend and one.grantee == grant.lender for one in lent)
        )

    def _is_used(self, grant: Grant) -> bool:
        """Tell whether the grantee claims anything of it."""
        return any(
            claim.organization == grant.grantee
            and not claim.removed
            and (claim.held_name == grant.name or claim.held_name.endswith("." + grant.name))
            and (grant.wide or claim.name == grant.name)
            for claim in self.claims.values()
        )

    def alone(self) -> dict[str, tuple[int, bool]]:
        """Return the same of what is not lent."""
        held = {name: (one.claim.organization, one.wide) for name, one in self.kept.items()}
        return held | self.proved()

    def proved(self) -> dict[str, tuple[int, bool]]:
        """Return the same of what is proved, or given by who had proved it."""
        held: dict[str, tuple[int, bool]] = {}
        for claim in self.claims.values():
            if claim.removed or not claim.is_proved:
                continue
            wide = any(p.wide for p in claim.proofs.values() if p.token is Token.PROVED)
            owner, before = held.get(claim.held_name, (claim.organization, False))
            assert owner == claim.organization, f"two organizations hold {claim.held_name}"
            held[claim.held_name] = owner, wide or before
        for name, gift in self.gifts.items():
            owner, before = held.get(name, (gift.claim.organization, False))
            assert owner == gift.claim.organization, f"two organizations hold {name}"
            held[name] = owner, gift.wide or before
        return held

    def holder(self, host: str) -> int | None:
        """Return the organization that holds a host (`*.` allowed), or None."""
        bare = host.removeprefix("*.")
        covering = [
            (len(name), owner, name not in self.kept)
            for name, (owner, wide) in self.holdings().items()
            if (wide and ("." + bare).endswith("." + name)) or name == host
        ]
        if not covering:
            return None
        holder = max(covering)[1]
        return holder if any(owner == holder and serves for _, owner, serves in covering) else None

    def see(self, claim: Claim, proof: Proof) -> None:
        """Somebody looked and saw the proof in the world."""
        if claim.removed or proof.token is Token.VOID:
            return
        mine = claim.held_name
        if proof.token is Token.OPEN and self._is_kept_back(claim, proof):
            return
        for grant in self.grants:
            inside = mine == grant.name or (grant.wide and mine.endswith("." + grant.name))
            if not grant.over and grant.lender == claim.organization and inside:
                return
        if self.in_the_way(claim, wide=proof.wide):
            return
        proof.token, proof.is_lost = Token.PROVED, False
        self.kept.pop(mine, None)
        if mine in self.gifts and (proof.wide or not self.gifts[mine].wide):
            del self.gifts[mine]

    def in_the_way(self, claim: Claim, *, wide: bool = True) -> list[tuple[str, int]]:
        """Return the names of others that keep a claim from its name, and whose they are."""
        held, mine = self.holdings(), claim.held_name
        covering = {
            name: owner
            for name, (owner, reaches) in held.items()
            if name == mine or (reaches and mine.endswith("." + name))
        }
        own = max((len(n) for n, o in covering.items() if o == claim.organization), default=0)
        return [
            (name, owner)
            for name, (owner, _) in sorted(held.items())
            if owner != claim.organization
            and (
                (name in covering and own <= len(name))
                or (wide and name.endswith("." + mine) and name in self.alone())
            )
        ]

    def _is_kept_back(self, claim: Claim, proof: Proof) -> bool:
        """Tell whether a quarantine is in the way; a token from before it is worth nothing any more."""
        mine = claim.held_name
        for one in self.quarantines:
            above = one.wide and mine.endswith("." + one.name)
            below = proof.wide and one.name.endswith("." + mine)
            if not (mine == one.name or above or below):
                continue
            if any(known is proof for known in one.before):
                proof.end()
                return True
            if one.organization != claim.organization and not proof.wide:
                return True
        return False

    def end_what_was_lent(self) -> None:
        """Let no proof count that the holder of what is above does not lend room for."""
        held = self.holdings()
        lent_now = {
            one.name: one.grantee
            for one in self.grants
            if not one.over and held.get(one.name) == (one.grantee, one.wide)
            and self.lends(one, held)
        }  # fmt: skip
        for claim in self.claims.values():
            name = claim.held_name
            if self.lent.get(name) == claim.organization and name not in lent_now:
                claim.end_proofs()
        self.lent = lent_now
        held = self.holdings()
        for claim in self.claims.values():
            name = claim.held_name
            lent = any(
                held.get(one.name) == (one.grantee, one.wide)
                and not one.over
                and one.grantee == claim.organization
                and (name == one.name or (one.wide and name.endswith("." + one.name)))
                for one in self.grants
            )
            above = [
                (len(other), owner)
                for other, (owner, wide) in held.items()
                if wide and name.endswith("." + other)
            ]
            if claim.is_proved and not lent and above and max(above)[1] != claim.organization:
                claim.end_proofs()

    def miss(self, proof: Proof) -> None:
        """Somebody looked and did not see a proof that was there; for a while that changes nothing."""
        proof.is_lost = proof.token in {Token.PROVED, Token.LAPSED}

    def lapse(self, claim: Claim, proof: Proof) -> None:
        """End the grace: what nothing else supports is kept and serves nothing."""
        if proof.token is not Token.PROVED:
            return
        proof.token = Token.LAPSED
        if self.holder(claim.name) == claim.organization:
            proof.end()
        else:
            self.kept[claim.held_name] = Stand(claim, proof.wide)

    def give_up(self, claim: Claim, proof: Proof) -> None:
        """Nobody found the proof again: no token from before counts, unless another one does."""
        if proof.token is not Token.LAPSED:
            return
        proof.end()
        if self.holder(claim.name) != claim.organization:
            claim.end_proofs()
        self.forget()

    def run_out(self, claim: Claim, proof: Proof) -> None:
        """End a token that was not seen for too long, and with the last one what was given."""
        if proof.token is Token.OPEN:
            proof.end()
            gift = self.gifts.get(claim.held_name)
            if gift and gift.claim is claim and not _can_prove(claim):
                del self.gifts[claim.held_name]

    def forget(self) -> None:
        """Let nothing stand for what is not there any more."""
        for name, one in list(self.kept.items()):
            there = any(proof.token is Token.LAPSED for proof in one.claim.proofs.values())
            if one.claim.removed or not there:
                del self.kept[name]
        for name, gift in list(self.gifts.items()):
            if not gift.claim.removed:
                continue
            heirs = [
                claim
                for _, claim in sorted(self.claims.items())
                if (claim.organization, claim.held_name) == (gift.claim.organization, name)
                and not claim.removed
                and (gift.wide or claim.name == name)
                and _can_prove(claim)
            ]
            if heirs:
                gift.claim = heirs[0]
            else:
                del self.gifts[name]

    def dispossess(self, name: str, organization: int) -> None:
        """End whatever makes an organization the holder of a name by itself."""
        for claim in self.claims.values():
            if (claim.organization, claim.held_name) == (organization, name):
                for proof in claim.proofs.values():
                    if proof.token in {Token.PROVED, Token.LAPSED}:
                        proof.end()
        self.gifts.pop(name, None)
        self.kept.pop(name, None)

    def hand_over(self, name: str, taker: int) -> list[str]:
        """Let another organization hold what one gives away; return the names of its former claims."""
        giver, wide = self.proved()[name]
        gone = []
        for claim in list(self.claims.values()):
            mine = claim.organization == giver and not claim.removed
            if mine and claim.held_name == name and (wide or claim.name == name):
                claim.removed = True
                claim.end_proofs()
                gone.append(claim.name)
        for below in [one for one in self.alone() if wide and one.endswith("." + name)]:
            if self.alone()[below][0] == giver:
                self.dispossess(below, giver)
        for grant in self.grants:
            if grant.lender == giver and wide and grant.name.endswith("." + name):
                grant.lender = taker
                grant.over = grant.over or grant.grantee == taker
        self.gifts.pop(name, None)
        return gone

    def receive(self, claim: Claim, *, wide: bool) -> None:
        """Let a claim of the new holder stand for what it was given."""
        self.gifts[claim.held_name] = Stand(claim, wide)

    def may_serve(self, claim: Claim, host: str) -> bool:
        """Tell whether what the claim's owner bound at a host may be reached there."""
        idle = claim.removed or claim.paused or claim.banned
        off = claim.organization in self.disabled | self.removed
        may = not idle and not off and self.holder(host) == claim.organization
        return may and not self._answers_for_lent(claim.organization, host)

    def _answers_for_lent(self, organization: int, host: str) -> bool:
        """Tell whether a host is a wildcard directly above a name that is lent to somebody else."""
        alone = self.alone()
        return host.startswith("*.") and any(
            owner != organization and name not in alone and name.partition(".")[2] == host[2:]
            for name, (owner, _) in self.holdings().items()
        )


def _can_prove(claim: Claim) -> bool:
    return any(proof.token is Token.OPEN for proof in claim.proofs.values())
