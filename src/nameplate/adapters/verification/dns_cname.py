"""Proof by a CNAME to a target of ours that nobody else has: the name and everything under it."""

from dataclasses import dataclass

from nameplate.adapters.verification.records import RecordMethod
from nameplate.core.configuration import DomainName, setting
from nameplate.core.tokens import CNAME_LABEL, target
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import ProofMethodPlugin, ProofRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsCnameConfiguration:
    """Where the targets are."""

    zone: DomainName | None = setting(
        "Zone of the platform below which the targets are. It must have no other names.",
        default=None,
    )


class DnsCname(RecordMethod):
    """The target is the token below the platform's zone: random, for one claim, never given again.

    Only the alias itself counts. What a chain of aliases ends at may be anybody's choice.
    """

    def __init__(self, resolver: Resolver, zone: str) -> None:
        """Put the targets below `zone`, a canonical name."""
        super().__init__(resolver)
        self._zone = zone

    def record(self, name: str, token: str) -> ProofRecord:
        """Return the CNAME record to publish. Pure."""
        return ProofRecord("CNAME", f"{CNAME_LABEL}.{name}", target(token, self._zone))


plugin = ProofMethodPlugin(
    title="CNAME record",
    configuration=DnsCnameConfiguration,
    connect=lambda config, outside: DnsCname(outside.resolver, config.zone),
    lacks=lambda config, _outside: None if config.zone else "set up a zone for it",
)
