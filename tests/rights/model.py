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
    VOID = "void"
    """It must never prove any more."""


@dataclass
class Proof:
    """One way to prove one claim."""

    wide: bool
    """By DNS: the name and everything below it."""
    token: Token = Token.OPEN


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
            proof.token = Token.VOID


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
class Model:
    """All claims of all organizations."""

    grants: list[Grant] = field(default_factory=list)

    claims: dict[int, Claim] = field(default_factory=dict)
    disabled: set[int] = field(default_factory=set)
    """Organizations that are switched off: they keep their names and serve nothing."""
    removed: set[int] = field(default_factory=set)

    def holdings(self) -> dict[str, tuple[int, bool]]:
        """Return who holds each name, and whether with everything below it; what is lent, too."""
        held = self.proved()
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
        lent = [one for one in self.grants if one.name == source and not one.over]
        borrowed = source not in self.proved()
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

    def proved(self) -> dict[str, tuple[int, bool]]:
        """Return the same of what is proved."""
        held: dict[str, tuple[int, bool]] = {}
        for claim in self.claims.values():
            if claim.removed or not claim.is_proved:
                continue
            wide = any(p.wide for p in claim.proofs.values() if p.token is Token.PROVED)
            owner, before = held.get(claim.held_name, (claim.organization, False))
            assert owner == claim.organization, f"two organizations hold {claim.held_name}"
            held[claim.held_name] = owner, wide or before
        return held

    def holder(self, host: str) -> int | None:
        """Return the organization that holds a host (`*.` allowed), or None."""
        bare = host.removeprefix("*.")
        covering = [
            (len(name), owner)
            for name, (owner, wide) in self.holdings().items()
            if (wide and ("." + bare).endswith("." + name)) or name == host
        ]
        return max(covering)[1] if covering else None

    def see(self, claim: Claim, proof: Proof) -> None:
        """Somebody looked and saw the proof in the world."""
        if claim.removed or proof.token is Token.VOID:
            return
        mine = claim.held_name
        for grant in self.grants:
            inside = mine == grant.name or (grant.wide and mine.endswith("." + grant.name))
            if not grant.over and grant.lender == claim.organization and inside:
                return
        held = self.holdings()
        own = max(
            (
                len(name)
                for name, (owner, wide) in held.items()
                if owner == claim.organization
                and (name == mine or (wide and mine.endswith("." + name)))
            ),
            default=0,
        )
        for name, (owner, wide) in held.items():
            above = name == mine or (wide and mine.endswith("." + name))
            below = proof.wide and name.endswith("." + mine) and name in self.proved()
            if owner != claim.organization and ((above and own <= len(name)) or below):
                return
        proof.token = Token.PROVED

    def end_what_was_lent(self) -> None:
        """Let no proof count that the holder of what is above does not lend room for."""
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
        """Somebody looked for so long without seeing the proof that it counts no more."""
        proof.token = Token.VOID

    def may_serve(self, claim: Claim, host: str) -> bool:
        """Tell whether what the claim's owner bound at a host may be reached there."""
        idle = claim.removed or claim.paused or claim.banned
        off = claim.organization in self.disabled | self.removed
        may = not idle and not off and self.holder(host) == claim.organization
        return may and not self._answers_for_lent(claim.organization, host)

    def _answers_for_lent(self, organization: int, host: str) -> bool:
        """Tell whether a host is a wildcard directly above a name that is lent to somebody else."""
        alone = self.proved()
        return host.startswith("*.") and any(
            owner != organization and name not in alone and name.partition(".")[2] == host[2:]
            for name, (owner, _) in self.holdings().items()
        )
