"""Whether an authority that asks a host for an http-01 proof reaches Nameplate, looked at beforehand.

An authority may ask any address of the host (RFC 8555 section 8.3), so every one of them must lead to
us: an order that cannot succeed costs time and the authority's patience. Nothing is stored for a
look; what it asks for is worked out from the key ring, by whoever answers as by who asks.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.orm import Session

from nameplate.core import challenge_certificates, names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid, Refused
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, ChallengeType, Server
from nameplate.ports.fetcher import HttpOutcome
from nameplate.ports.resolver import AnswerKind
from nameplate.usecases import placements
from nameplate.usecases.certificates import challenges
from nameplate.usecases.tools import Tools

PATH = "/.well-known/acme-challenge/"
_TOKEN = re.compile("nameplate-[0-9a-f]{16}-([A-Za-z0-9_-]{1,32})")
"""A number used once, and the id of the key that the answer is made with."""
_PORT = re.compile(r":\d{1,5}$")
_LABEL = "challenge-check"
_MAX_ADDRESSES = 16
_ABSENT = frozenset({AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_SEEN: Mapping[HttpOutcome, str] = {
    HttpOutcome.ADDRESS_REFUSED: "is not an address on the public Internet",
    HttpOutcome.UNREACHABLE: "does not accept connections at port 80",
    HttpOutcome.TIMEOUT: "did not answer in time at port 80",
    HttpOutcome.TLS_FAILED: "redirects to HTTPS, and the TLS handshake fails",
    HttpOutcome.MALFORMED: "does not speak HTTP at port 80",
    HttpOutcome.REDIRECT_REFUSED: "redirects to another site",
    HttpOutcome.TOO_MANY_REDIRECTS: "redirects too often",
}
"""What is said of an address where a fetch ended like that."""
_NO_TLS = "does not accept connections at port 443"
_UNREACHABLE = {_SEEN[HttpOutcome.UNREACHABLE], _NO_TLS}
Ask = Callable[[Tools, str, str, int | None], str | None]
"""Asks one address for a host at a port; returns what it does instead of answering as Nameplate."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """Why an authority would not reach Nameplate at a host, and what leads there instead."""

    code: str
    message: str
    addresses: tuple[str, ...] = ()
    """What leads there instead: addresses, or the targets of aliases."""
    records: tuple[str, ...] = ()
    """What must be published instead, where that does not depend on a server."""
    waits_for: str | None = None
    """Whom it waits for; None: whoever has the domain's DNS."""
    every: timedelta | None = None
    """How often one of those that wait for the same is looked at, whatever its back-off."""
    name: str = ""
    """The name that it is about; empty: no name of the owner."""


def look(
    tools: Tools, hosts: Sequence[str], ports: Mapping[str, int], kind: str = "http-01"
) -> Unreached | None:
    """Look at the challenge path of all hosts, through each address that DNS has; None: all is well.

    `ports` says at which port the hosts of a sandbox answer, `kind` what the authority will ask for.
    """
    for host in hosts:
        found = seen(tools, host, ports, kind)[1]
        if found is not None:
            return found
    return None


def seen(
    tools: Tools, host: str, ports: Mapping[str, int], kind: str = "http-01"
) -> tuple[tuple[str, ...], Unreached | None]:
    """Return the addresses of one host, and what keeps an authority from reaching Nameplate there."""
    addresses = _addresses(tools, host)
    if isinstance(addresses, Unreached):
        return (), replace(addresses, name=host)
    ask = _ask_tls if kind == "tls-alpn-01" else _ask_http
    found = _ask(tools, host, addresses, ask, ports.get(host))
    return addresses, found and replace(found, name=host)


def answer(ring: KeyRing, host: str, token: str) -> str | None:
    """Return what is answered for `token` of such a look at `host`; None when it is none."""
    ours = _TOKEN.fullmatch(token)
    if ours is None:
        return None
    try:
        key = ring.derive(_LABEL, key=ours[1])
    except Refused:
        return None
    digest = hmac.digest(key, f"{token} {host}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def presented(sessions: Sessions, ring: KeyRing, host: str, token: str) -> str | None:
    """Return what is answered for `token` at a host, as its header names it: an order's, or a look's."""
    try:
        name = names.canonical(_PORT.sub("", host.strip()))
    except Invalid:
        return None
    found = answer(ring, name, token)
    if found is None:
        with sessions.look() as session:
            found = challenges.answer(session, name, token)
    return found


def ports(session: Session, row: Certificate, hosts: Sequence[str]) -> Mapping[str, int]:
    """Return where the hosts of a sandbox answer the authority: at the port of their server's proxy."""
    bound = (
        Binding.visible(PLATFORM)
        .join(Server, placements.is_at(Binding, Server))
        .where(
            Binding.organization_id == row.organization_id,
            Binding.hostname.in_(hosts),
        )
        .order_by(Binding.id.desc())
        .with_only_columns(Binding.hostname, Server.proxy)
    )
    any_server = Server.visible(Actor(row.organization_id)).where(Server.proxy.is_not(None))
    first: Server | None = session.scalars(any_server.order_by(Server.id).limit(1)).first()
    found = dict.fromkeys(hosts, first.proxy if first is not None else None)
    found |= {host: proxy for host, proxy in session.execute(bound)}  # noqa: C416 - rows are no pairs to mypy
    is_tls = row.acme_challenge_type is ChallengeType.TLS_ALPN_01
    name = "https_port" if is_tls else "http_port"
    return {host: int(proxy[name]) for host, proxy in found.items() if name in (proxy or {})}


def _token(tools: Tools) -> str:
    """Return what nobody has asked for before, so that no cache knows it."""
    return f"nameplate-{tools.random(8).hex()}-{tools.keyring.primary}"


def _addresses(tools: Tools, host: str) -> tuple[str, ...] | Unreached:
    """Return every address that the authoritative servers have for a host, IPv4 and IPv6."""
    found: list[str] = []
    for rdtype in ("A", "AAAA"):
        answers = tools.resolver.authoritative(host, rdtype).answers
        there = [one for one in answers if one.kind is AnswerKind.DATA]
        absent = [one for one in answers if one.kind in _ABSENT]
        if there and absent:
            return Unreached(
                "host_without_address",
                f"Not every name server has the address of {host} yet: {absent[0].server} has none.",
            )
        if not there and not absent:
            why = next((one.detail or one.kind.value for one in answers), "there are none")
            return Unreached(
                "host_not_resolved", f"The name servers of {host} do not answer: {why}."
            )
        found += [value for one in there for value in one.values]
        if all(one.kind is AnswerKind.NXDOMAIN for one in answers):
            break
    if not found:
        return Unreached("host_without_address", f"{host} has no address in DNS.")
    return tuple(dict.fromkeys(found))[:_MAX_ADDRESSES]


def _ask(
    tools: Tools, host: str, addresses: Sequence[str], ask: Ask, port: int | None
) -> Unreached | None:
    """Ask each address for what only Nameplate can answer; return the first that does not."""
    answered = 0
    for address in addresses:
        why = ask(tools, address, host, port)
        if why is None:
            answered += 1
        elif why not in _UNREACHABLE or tools.fetcher.has_route(address):
            return _elsewhere(host, addresses, address, why)
    if answered:
        return None  # what cannot be reached from here at all, the authority may reach
    return Unreached(
        "host_not_checkable",
        f"{host} points to {', '.join(addresses)}, and the worker's machine has no network route there.",
        tuple(addresses),
    )


def _ask_http(tools: Tools, address: str, host: str, port: int | None) -> str | None:
    """Ask for a token; return what an address does instead of answering it."""
    token = _token(tools)
    expected = answer(tools.keyring, host, token) or ""
    fetched = tools.fetcher.fetch_at(address, host, PATH + token, port=port)
    if hmac.compare_digest(fetched.body.strip(), expected.encode()):
        return None
    if fetched.category is HttpOutcome.ANSWERED and not fetched.body:
        return f"answers with HTTP status {fetched.status}"
    return _SEEN.get(fetched.category, "answers with another page")


def _ask_tls(tools: Tools, address: str, host: str, port: int | None) -> str | None:
    """Ask for a certificate that proves what only Nameplate can; return what is presented instead."""
    token = _token(tools)
    expected = answer(tools.keyring, host, token) or ""
    if tools.present is None:
        return None
    fetched = tools.present(address, host, (challenge_certificates.PROTOCOL, token), port)
    if challenge_certificates.proves(fetched.body, host, expected):
        return None
    if fetched.category is HttpOutcome.UNREACHABLE:
        return _NO_TLS
    seen = {
        HttpOutcome.ADDRESS_REFUSED: _SEEN[HttpOutcome.ADDRESS_REFUSED],
        HttpOutcome.TIMEOUT: "did not answer in time at port 443",
        HttpOutcome.ANSWERED: "presents another certificate for `acme-tls/1`",
    }
    return seen.get(fetched.category, "refuses the TLS handshake for `acme-tls/1`")


def _elsewhere(host: str, addresses: Sequence[str], address: str, said: str) -> Unreached:
    place = "which" if len(addresses) == 1 else f"of which {address}"
    return Unreached(
        "host_points_elsewhere",
        f"{host} points to {', '.join(addresses)}, {place} {said} where Nameplate should answer an "
        "ACME challenge.",
        tuple(addresses),
    )
