"""Proof in the form of dns-01 (RFC 8555 section 8.4): the name and everything under it."""

from nameplate.adapters.verification import acme_key
from nameplate.adapters.verification.records import RecordMethod
from nameplate.ports.verification import ProofMethodPlugin, ProofRecord

LABEL = "_acme-challenge"


class AcmeDns(RecordMethod):
    """The record is the digest of the key authorization of the claim's own key."""

    def record(self, name: str, token: str) -> ProofRecord:
        """Return the TXT record to publish. Pure."""
        return ProofRecord("TXT", f"{LABEL}.{name}", acme_key.answer(token).digest)


plugin = ProofMethodPlugin(
    title="Answer to an ACME challenge, by DNS",
    connect=lambda _config, outside: AcmeDns(outside.resolver),
)
