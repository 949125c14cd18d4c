"""Proof by a TXT record below the name: control of the name and everything under it."""

from nameplate.adapters.verification.records import RecordMethod
from nameplate.core.tokens import TXT_LABEL, TXT_PREFIX
from nameplate.ports.verification import ProofMethodPlugin, ProofRecord


class DnsTxt(RecordMethod):
    """The token stands in a TXT record of our own label."""

    def record(self, name: str, token: str) -> ProofRecord:
        """Return the TXT record to publish. Pure."""
        return ProofRecord("TXT", f"{TXT_LABEL}.{name}", f"{TXT_PREFIX}{token}")


plugin = ProofMethodPlugin(
    title="TXT record", connect=lambda _config, outside: DnsTxt(outside.resolver)
)
