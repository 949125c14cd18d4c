"""Whether a name points to the platform, and who serves its zone: what a look at a proof sees beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.addresses import is_address
from nameplate.core.egress import Network
from nameplate.models import Server
from nameplate.ports.resolver import AnswerKind, DnsQuestion, Inquiry, LookupResult
from nameplate.ports.verification import Proof, ProofSurroundings
from nameplate.usecases.tools import Tools

ADDRESSES = ("A", "AAAA")
_ABSENT = frozenset({AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Here:
    """The addresses at which the platform serves."""

    addresses: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def has(self, address: str) -> bool:
        """Whether something of the platform answers at an address."""
        if address in self.addresses:
            return True
        found = ip_address(address)
        return any(found in one for one in self.networks)


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a name leads."""

    is_here: bool | None
    """None: its servers do not say."""
    addresses: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The same for a person."""
        if self.is_here is None:
            return "The name servers do not say where the name points."
        if not self.addresses:
            return "The name has no address."
        shown = ", ".join(self.addresses[:_SHOWN])
        return f"The name points to {shown}" + (", which is here." if self.is_here else ".")


def known_addresses(session: Session) -> tuple[str, ...]:
    """Return the addresses and host names of every server of the installation."""
    query = sa.select(Server.address, Server.addresses).where(Server.deleted_at.is_(None))
    found = [(one, *(more or ())) for one, more in session.execute(query)]
    return tuple(dict.fromkeys(text for texts in found for text in texts if text))


def here(tools: Tools, texts: Iterable[str]) -> Here:
    """Return the addresses that these are, those of host names by ordinary resolution."""
    found: set[str] = set()
    for text in texts:
        several = (text,) if is_address(text) else tools.resolver.addresses(text)
        found.update(str(ip_address(one)) for one in several if is_address(one))
    return Here(frozenset(found), tools.edge)


def pointing(found: Sequence[LookupResult], place: Here) -> Pointing:
    """Return where a name leads by what its servers said of its A and AAAA.

    One address that is here is enough. That it leads elsewhere is said only where all servers that
    answer agree, and no type was left unanswered.
    """
    values = {
        value
        for one in found
        for answer in one.answers
        if answer.kind is AnswerKind.DATA
        for value in answer.values
        if is_address(value)
    }
    addresses = tuple(sorted(values))
    if any(place.has(one) for one in addresses):
        return Pointing(is_here=True, addresses=addresses)
    said = all(_is_said(one) for one in found) and bool(found)
    return Pointing(is_here=False if said else None, addresses=addresses)


def _is_said(found: LookupResult) -> bool:
    """Tell whether the servers have said something on which all that answered agree."""
    answered = [one for one in found.answers if one.kind is AnswerKind.DATA or one.kind in _ABSENT]
    if len(answered) < max(1, min(2, len(found.answers))):
        return False
    return len({one.values for one in answered}) == 1


def name_servers(found: LookupResult) -> tuple[str, ...]:
    """Return the name servers that a zone names itself; empty when its servers do not agree."""
    data = {one.values for one in found.answers if one.kind is AnswerKind.DATA}
    if len(data) != 1:
        return ()
    return tuple(sorted(value.removesuffix(".").lower() for value in data.pop()))


def observing(inquiry: Inquiry[Proof], name: str, base: str, place: Here) -> Inquiry[Proof]:
    """Carry on an inquiry for a proof, and then look at what stands around the name."""
    proof = yield from inquiry
    return (yield from around(proof, name, base, place))


def around(proof: Proof, name: str, base: str, place: Here) -> Inquiry[Proof]:
    """Ask where a name points and who serves its registrable domain, beside what was seen."""
    questions = [DnsQuestion(name, rdtype) for rdtype in ADDRESSES]
    *addresses, servers = yield [*questions, DnsQuestion(base, "NS")]
    seen = ProofSurroundings(pointing(addresses, place).is_here, name_servers(servers))
    return replace(proof, surroundings=seen)
