"""Every check over what was seen of a name, in the order of causes, and what they find by weight."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from nameplate.core.diagnosis import hosts, issuance, pages, proofs, zones
from nameplate.core.diagnosis.finding import DiagnosisFinding, Weight
from nameplate.core.diagnosis.observed import Observed

CHECKS: Sequence[Callable[[Observed], Iterator[DiagnosisFinding]]] = (
    zones.registered,
    zones.visible,
    zones.answering,
    zones.signed,
    proofs.published,
    pages.served,
    hosts.reachable,
    hosts.leading,
    issuance.allowed,
    zones.consistent,
    proofs.cached,
    zones.wild,
)
"""In the order of causes: what comes first explains what comes later."""

_WEIGHTS = list(Weight)


CERTIFICATE_CHECKS: Sequence[Callable[[Observed], Iterator[DiagnosisFinding]]] = (
    zones.registered,
    zones.answering,
    zones.signed,
    zones.consistent,
)
"""Those that count for a certificate whose names are proved in DNS; CAA is judged for each authority."""

HOST_CHECKS = (*CERTIFICATE_CHECKS, hosts.reachable, hosts.leading)
"""Those that count where the authority asks the host."""


def diagnose(
    seen: Observed, checks: Sequence[Callable[[Observed], Iterator[DiagnosisFinding]]] = CHECKS
) -> list[DiagnosisFinding]:
    """Return all findings: those that block first, causes before what follows from them."""
    return ordered(finding for check in checks for finding in check(seen))


def ordered(found: Iterable[DiagnosisFinding]) -> list[DiagnosisFinding]:
    """Return findings with those first that block; of one weight as they came."""
    return sorted(found, key=lambda one: _WEIGHTS.index(one.weight))
