"""What the methods that look at a web server share: who answered, and what went wrong."""

import hashlib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from nameplate.core.egress import Network
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.verification import ANSWERED_BY_PLATFORM, Proof, Verdict

Scheme = Literal["http", "https"]

Told = tuple[Verdict, str, str]
"""Verdict, reason and message."""

_ENDS: dict[HttpOutcome, tuple[Verdict, str]] = {
    HttpOutcome.NO_ADDRESS: (Verdict.INCONCLUSIVE, "The name has no address (A or AAAA record)."),
    HttpOutcome.ADDRESS_REFUSED: (
        Verdict.INCONCLUSIVE,
        "The name has an address that is not on the public Internet.",
    ),
    HttpOutcome.UNREACHABLE: (Verdict.INCONCLUSIVE, "The web server cannot be reached."),
    HttpOutcome.TIMEOUT: (Verdict.INCONCLUSIVE, "The web server took too long."),
    HttpOutcome.TLS_FAILED: (Verdict.INCONCLUSIVE, "The TLS handshake with the web server failed."),
    HttpOutcome.MALFORMED: (
        Verdict.INCONCLUSIVE,
        "The server at this address does not speak HTTP.",
    ),
    HttpOutcome.TOO_LARGE: (Verdict.MISMATCH, "The answer is too large to be the {what}."),
    HttpOutcome.ENCODED: (
        Verdict.MISMATCH,
        "The {what} was sent compressed. Serve it without compression.",
    ),
    HttpOutcome.REDIRECT_REFUSED: (
        Verdict.INCONCLUSIVE,
        (
            "The web server redirects to another site, port or scheme. Serve the {what} without a "
            "redirect."
        ),
    ),
    HttpOutcome.TOO_MANY_REDIRECTS: (Verdict.INCONCLUSIVE, "The web server redirects too often."),
}


def judge(
    fetched: Fetched, what: str, edge: tuple[Network, ...], compare: Callable[[Fetched], Told]
) -> Proof:
    """Return what a look came to; `compare` judges an answer that is no redirect.

    An answer from the platform's own proxies proves nothing, on any hop: any tenant could have put it
    there. `edge` are their networks, and they mark their answers with `EDGE_HEADER`.
    """
    verdict, reason, message = _told(fetched, what, edge, compare)
    servers = tuple((urlsplit(hop.url).hostname or "", hop.address) for hop in fetched.hops)
    return Proof(verdict, reason, message, _observed(fetched), servers=servers)


def first_match(look: Callable[[Scheme], Proof], schemes: tuple[Scheme, ...]) -> Proof:
    """Look by one scheme after the other until one matches; the platform's own answer ends it.

    Without a match the first look decides that is not inconclusive, else one that reached a server.
    """
    looks: list[Proof] = []
    for scheme in schemes:
        looks.append(look(scheme))
        if looks[-1].verdict is Verdict.MATCH or looks[-1].reason == "answered_by_platform":
            return looks[-1]
    conclusive = [one for one in looks if one.verdict is not Verdict.INCONCLUSIVE]
    reached = [one for one in looks if not one.reason.endswith(f"_{HttpOutcome.UNREACHABLE}")]
    return (conclusive or reached or looks)[0]


def _told(
    fetched: Fetched, what: str, edge: tuple[Network, ...], compare: Callable[[Fetched], Told]
) -> Told:
    if _is_platforms(fetched, edge):
        return ANSWERED_BY_PLATFORM
    if fetched.category is not HttpOutcome.ANSWERED:
        verdict, message = _ENDS[fetched.category]
        return verdict, f"{what}_{fetched.category}", message.format(what=what)
    return compare(fetched)


def _is_platforms(fetched: Fetched, edge: tuple[Network, ...]) -> bool:
    return any(
        EDGE_HEADER.lower() in hop.headers
        or (hop.address and any(ip_address(hop.address) in net for net in edge))
        for hop in fetched.hops
    )


def _observed(fetched: Fetched) -> tuple[str, ...]:
    """Say who answered with which status; of the body only a fingerprint, never its text."""
    seen = []
    for hop in fetched.hops:
        parts = urlsplit(hop.url)
        seen.append(f"{parts.scheme}://{parts.netloc}: {hop.status or fetched.category}")
    if fetched.body:
        seen.append(f"sha256 of the body: {hashlib.sha256(fetched.body).hexdigest()}")
    return tuple(seen)
