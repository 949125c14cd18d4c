"""A world in memory in which tests and trials publish proofs."""

from nameplate.core.instructions import Instruction, dns_record
from nameplate.ports.verification import Proof, ProofScope, Verdict


class MemoryMethod:
    """Matches when `published[name]` is the token; nothing leaves the process."""

    def __init__(self, scope: ProofScope = ProofScope.SUBTREE) -> None:
        self.scope = scope
        self.published: dict[str, str] = {}

    def instruct(self, name: str, token: str) -> Instruction:
        """Return a record to publish. Pure."""
        return dns_record("TXT", name, token)

    def check(self, name: str, token: str) -> Proof:
        """Look once."""
        seen = self.published.get(name)
        if seen is None:
            return Proof(Verdict.ABSENT, "txt_absent", f"Nothing is published for {name} yet.")
        if seen != token:
            return Proof(
                Verdict.MISMATCH, "txt_mismatch", f"A different text is at {name}.", (seen,)
            )
        return Proof(Verdict.MATCH, "txt_match", "The proof is in place.", (seen,))
