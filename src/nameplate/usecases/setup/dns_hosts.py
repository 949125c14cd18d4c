"""Where a domain's DNS is managed, and what its owner must type there."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from nameplate.core import dns_hosts, names
from nameplate.core.actor import Actor
from nameplate.core.dns_hosts import Confidence, Recognition, entry
from nameplate.core.dns_hosts.entry import RecordToPublish, TypedRecord
from nameplate.core.pointing import Obstacle
from nameplate.db import Sessions
from nameplate.models import Domain
from nameplate.ports.resolver import AnswerKind
from nameplate.usecases import holders, lookup
from nameplate.usecases.setup import publishing, wildcard_hosts
from nameplate.usecases.setup.publishing import Publication
from nameplate.usecases.tools import Tools

MAX_SERVERS = 26
"""Name servers of one zone that are looked at: 13 twice, for a delegation that changes."""
MAX_LOOKED_FOR = 40
"""Records that the zone's servers are asked for."""
_AT_ONCE = 8
_ALIASES = frozenset({"ALIAS", "ANAME"})


@dataclass(frozen=True, slots=True)
class DnsHostDelegation:
    """The zone that a name lies in, as the Internet sees it."""

    zone: str
    """Canonical; empty when the registered domain has no zone of its own."""
    name_servers: tuple[str, ...] = ()
    """Canonical, without final dot, sorted."""
    confirmed: bool = False
    """The zone's own servers name them; otherwise only the parent zone does."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The DNS host of a domain, and each record as it is typed there."""

    domain: str
    delegation: DnsHostDelegation
    recognition: Recognition
    message: str
    """How the host was found, for a person."""
    steps: tuple[str, ...]
    entries: tuple[TypedRecord, ...]
    obstacles: tuple[Obstacle, ...]
    """Why hosts cannot be led to their servers by any record there."""


def advise(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> Advice:
    """Look at the delegation of a domain's zone and say what must be typed where.

    Raises `NotFound` and `Conflict` as `lookup.domain`; what DNS says is never an error.
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, reference)
        due = publishing.due(session, tools, domain)
    found = delegation(tools, domain)
    recognition = dns_hosts.recognise(found.name_servers)
    zone = found.zone or domain.domain_name
    publication = due.at(zone, recognition.host, tools.resolver.addresses)
    records = _looked_for(tools, found, publication)
    if found.confirmed:
        records = [*wildcard_hosts.preserving(tools, zone, records), *records]
    return Advice(
        domain=domain.full_domain,
        delegation=found,
        recognition=recognition,
        message=_message(domain.domain_name, found, recognition),
        steps=entry.steps(recognition.host),
        entries=entry.entries(recognition.host, zone, records),
        obstacles=publication.obstacles,
    )


def _looked_for(
    tools: Tools, found: DnsHostDelegation, publication: Publication
) -> list[RecordToPublish]:
    """Return the records with what the zone's servers say of them now: what is left is to be entered."""
    if not found.confirmed:
        return list(publication.records)
    asked = publication.records[:MAX_LOOKED_FOR]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="nameplate-look") as pool:
        seen = pool.map(partial(_is_published, tools), asked)
        looked = [replace(one, is_published=there) for one, there in zip(asked, seen, strict=True)]
    return [*looked, *publication.records[MAX_LOOKED_FOR:]]


def _is_published(tools: Tools, record: RecordToPublish) -> bool:
    """Tell whether every authoritative server has the record; an alias is known by its addresses."""
    if record.type in _ALIASES:
        there = set(tools.resolver.addresses(record.name))
        return bool(there) and there == set(tools.resolver.addresses(record.value))
    answers = tools.resolver.authoritative(record.name, record.type).answers
    fitting = {record.value, f"{record.value}."}
    return bool(answers) and all(
        one.kind is AnswerKind.DATA and not fitting.isdisjoint(one.values) for one in answers
    )


def delegation(tools: Tools, domain: Domain) -> DnsHostDelegation:
    """Ask which zone the domain's name lies in and which name servers it has."""
    zone = tools.resolver.authoritative(holders.held_name(domain), "NS").zone
    registered = domain.domain_name
    if not names.is_within(zone, registered):
        return DnsHostDelegation("")
    answers = tools.resolver.authoritative(zone, "NS").answers
    named = {
        value for answer in answers if answer.kind is AnswerKind.DATA for value in answer.values
    }
    # Servers that do not answer for the zone are those that its parent names.
    seen = named or {answer.server.partition(" ")[0] for answer in answers}
    servers = sorted(names.canonical(server) for server in seen if server)
    return DnsHostDelegation(zone, tuple(servers[:MAX_SERVERS]), confirmed=bool(named))


def _message(registered: str, found: DnsHostDelegation, recognition: Recognition) -> str:
    if not found.zone:
        return (
            f"{registered} has no name servers. Check that it is registered and that the "
            "registrar shows name servers for it."
        )
    servers = f"The name servers of {found.zone}"
    if not found.confirmed:
        servers += " (from its parent zone, because they do not answer)"
    host = recognition.host
    if host is None:
        return (
            f"{servers} belong to no DNS host that Nameplate knows: {_listed(found.name_servers)}."
        )
    if recognition.confidence is Confidence.CERTAIN:
        return f"{servers} belong to {host.name}."
    others = [other.name for other in recognition.others]
    also = [*others, *recognition.strangers]
    return (
        f"{servers} belong only partly to {host.name}. The others: {_listed(also)}. Either "
        "the zone is moving, or several hosts serve it. Enter each record at all of them."
    )


def _listed(servers: tuple[str, ...] | list[str]) -> str:
    more = len(servers) - 4
    shown = ", ".join(servers[:4])
    return f"{shown} and {more} more" if more > 0 else shown or "none"
