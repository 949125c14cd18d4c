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
class Model:
    """All claims of all organizations."""

    claims: dict[int, Claim] = field(default_factory=dict)
    disabled: set[int] = field(default_factory=set)
    """Organizations that are switched off: they keep their names and serve nothing."""
    removed: set[int] = field(default_factory=set)

    def holdings(self) -> dict[str, tuple[int, bool]]:
        """Return who holds each name, and whether with everything below it."""
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
        for name, (owner, wide) in self.holdings().items():
            above = name == mine or (wide and mine.endswith("." + name))
            below = proof.wide and name.endswith("." + mine)
            if owner != claim.organization and (above or below):
                return
        proof.token = Token.PROVED

    def miss(self, proof: Proof) -> None:
        """Somebody looked for so long without seeing the proof that it counts no more."""
        proof.token = Token.VOID

    def may_serve(self, claim: Claim, host: str) -> bool:
        """Tell whether what the claim's owner bound at a host may be reached there."""
        idle = claim.removed or claim.paused or claim.banned
        off = claim.organization in self.disabled | self.removed
        return not idle and not off and self.holder(host) == claim.organization
