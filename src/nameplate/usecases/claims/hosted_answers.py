"""Proofs by a web server, where a service that the platform pays for answers for the host.

The platform's own proxies mark their answers (`EDGE_HEADER`). Behind such a service stands an origin of the
operator's that marks nothing, so the rows say whose answer it was.
"""

from dataclasses import replace

from sqlalchemy.orm import Session

from nameplate.models import Binding
from nameplate.ports.verification import ANSWERED_BY_PLATFORM, Proof


def judged(session: Session, proof: Proof) -> Proof:
    """Return a proof that counts for nothing when a service of the platform's answered on any hop."""
    hosts = {host for host, _ in proof.servers if host}
    if not proof.verdict.proves or not hosts:
        return proof
    query = Binding.seen_anywhere(hosts)
    if not any(seen is not None and seen.state.id for seen in session.scalars(query)):
        return proof
    verdict, reason, message = ANSWERED_BY_PLATFORM
    return replace(proof, verdict=verdict, reason=reason, message=message)
