"""Looking at everything that keeps a certificate from being ordered, without ordering anything.

It is done by hand before a first order, and by a worker weeks before each renewal. The looks are those
before an order; here they go on after the first obstacle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import draft_challenges, names
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    ChallengeType,
    Rehearsal,
    RenewalRisk,
    Server,
)
from nameplate.ports.resolver import AnswerKind
from nameplate.ports.validation import Security
from nameplate.usecases import placements
from nameplate.usecases.certificates import (
    authority_choice,
    coverage,
    delegations,
    generations,
    order,
    outages,
    reachability,
    stored_orders,
    usage,
    watches,
)
from nameplate.usecases.certificates.caa_looks import CaaObstacle
from nameplate.usecases.certificates.delegations import ChallengeDelegation
from nameplate.usecases.certificates.order import CertificateRequest
from nameplate.usecases.certificates.reachability import Unreached
from nameplate.usecases.certificates.watches import Watched
from nameplate.usecases.tools import Tools

_LOCAL = "local"
"""The authority that asks nobody for a proof."""


@dataclass(frozen=True, slots=True)
class RehearsalLook:
    """What to look at for one certificate, and what its rows say already."""

    request: CertificateRequest | None
    """None: it cannot even be prepared."""
    known: tuple[RenewalRisk, ...] = ()
    certificate: str | None = None
    """What is served, PEM: a look counts for that generation alone."""

    def carry_out(self, tools: Tools) -> "RehearsalReply":
        """Look. Nothing is raised for what the DNS or a host says."""
        found = self._seen(tools)
        watched = (None if self.request is None else _watched(self.request, one) for one in found)
        risks = (*self.known, *map(_risk, found))
        return RehearsalReply(self.certificate, risks, next(filter(None, watched), None))

    def risks(self, tools: Tools) -> tuple[RenewalRisk, ...]:
        """Return everything that keeps the certificate from being ordered; asks the network."""
        return (*self.known, *map(_risk, self._seen(tools)))

    def _seen(self, tools: Tools) -> Sequence[Unreached | CaaObstacle]:
        return () if self.request is None else tuple(_obstacles(tools, self.request))


@dataclass(frozen=True, slots=True)
class RehearsalReply:
    """What came of it."""

    certificate: str | None
    risks: tuple[RenewalRisk, ...]
    watched: Watched | None = None
    """What is watched until one of them is gone."""

    def keep(self, session: Session, row: Certificate, _jitter: float, now: datetime) -> None:
        """Note it on the row, unless that has another generation by now."""
        if row.certificate == self.certificate:
            row.note_rehearsal(Rehearsal(self.risks) if self.risks else None, now)
            watches.watch(session, row, self.watched, now)


def due(session: Session, tools: Tools, row: Certificate, now: datetime) -> RehearsalLook | None:
    """Return what to look at now for the next renewal of a settled certificate, if anything.

    Whatever has woken one at risk may have repaired it.
    """
    at = generations.rehearsal_at(row)
    if at is None or (at > now and row.at_risk_since is None) or not usage.is_wanted(session, row):
        return None
    return of(session, tools, row, now)


def of(session: Session, tools: Tools, row: Certificate, now: datetime) -> RehearsalLook:
    """Return what to look at for a certificate, as its rows stand; nothing is asked yet."""
    there = coverage.read(session, row)
    if not there.hosts:
        unproved = Unreached("domain_not_proved", "Ownership of the domain is not proved.")
        return RehearsalLook(None, (_risk(unproved),), row.certificate)
    try:
        begun = stored_orders.read(session, tools, row, there)
    except Refused as error:
        return RehearsalLook(None, (RenewalRisk(error.code, error.detail),), row.certificate)
    request = begun.request if isinstance(begun, order.OpenOrder) else begun
    accounts = request.accounts or (request.account,)
    request = replace(request, accounts=accounts)
    known = [*_away(accounts, now)]
    if request.is_answered_here and request.is_looked_at:
        known += _stopped(session, row, request.hosts)
    return RehearsalLook(request, tuple(map(_risk, known)), row.certificate)


def _away(accounts: Sequence[Account], now: datetime) -> Iterator[Unreached]:
    if all(outages.is_away(one, now) for one in accounts):
        yield Unreached(
            "authority_away",
            f"{authority_choice.title(accounts[0])} has failed {accounts[0].outage_failures} times in a "
            "row and is left alone for now.",
        )


def _stopped(session: Session, row: Certificate, hosts: Sequence[str]) -> Iterator[Unreached]:
    """Say which proxies that lead an authority to Nameplate cannot be configured."""
    query = (
        Binding.visible(PLATFORM)
        .join(Server, placements.is_at(Binding, Server))
        .where(
            Binding.organization_id == row.organization_id,
            Binding.hostname.in_(hosts),
            Server.trouble_code.is_not(None),
        )
        .order_by(Binding.id)
        .with_only_columns(Binding.hostname, Server)
    )
    for host, server in session.execute(query):
        message = f"The server of {host} cannot be configured: {server.trouble_told}"
        yield Unreached("server_stopped", message, name=host)


def _obstacles(tools: Tools, request: CertificateRequest) -> Iterator[Unreached | CaaObstacle]:
    """Ask the network everything that counts for the challenge, and CAA."""
    if all(one.provider == _LOCAL for one in request.accounts):
        return
    led = request.delegation
    if led is not None and not led.is_ready:
        yield delegations.unready()
    elif led is not None:
        for owner, there in led.targets.items():
            found = delegations.look(tools, ChallengeDelegation({owner: there}, led.zone_id))
            yield from () if found is None else (found,)
    elif request.is_answered_here:
        for host in request.hosts:
            unreached = reachability.seen(tools, host, request.ports, request.kind)[1]
            yield from _bogus(tools, host, "A") if unreached is None else (unreached,)
    else:
        for owner in _owners(request):
            yield from _alias(tools, owner)
    forbidden = authority_choice.forbidden(tools, request)
    yield from () if forbidden is None else (forbidden,)


def _owners(request: CertificateRequest) -> Sequence[str]:
    """Return the names that proofs are written at; none where the account's URL is a part of them."""
    labels = {"dns-01": delegations.LABEL, draft_challenges.PERSIST: draft_challenges.PERSIST_LABEL}
    label = labels.get(request.kind)
    bare = dict.fromkeys(map(names.without_wildcard, request.hosts))
    return [f"{label}.{name}" for name in bare if name not in request.by_owner] if label else []


def _watched(request: CertificateRequest, found: Unreached | CaaObstacle) -> Watched | None:
    """Return what to watch until an obstacle is gone; what is wrong at a name that we write is not."""
    led = request.delegation
    is_ours = isinstance(found, Unreached) and not request.is_answered_here
    if is_ours and (led is None or found.name not in led.targets):
        return None
    port = request.ports.get(found.name)
    if isinstance(found, Unreached) and found.code == "dnssec_bogus" and led is None:
        return None  # seen at another place than a host is looked at
    return watches.of_obstacle(found, led, request.kind, port)


def _bogus(tools: Tools, name: str, rdtype: str) -> Iterator[Unreached]:
    if tools.validator is None:
        return
    found = tools.validator.validate(name, rdtype)
    if found.security is Security.BOGUS:
        yield delegations.bogus(name, found.detail)


def _alias(tools: Tools, owner: str) -> Iterator[Unreached]:
    """Say that nothing can be written at the name of the challenges, as a CNAME is there."""
    answers = tools.resolver.authoritative(owner, "CNAME").answers
    there = next((one for one in answers if one.kind is AnswerKind.DATA and one.values), None)
    if there is not None:
        target = there.values[0].removesuffix(".")
        yield Unreached(
            "challenge_name_is_alias",
            f"{owner} is a CNAME to {ascii(target)[1:-1]}. Nameplate cannot publish proofs beside it.",
            (f"{owner} CNAME {ascii(target)[1:-1]}",),
            name=owner,
        )
        return
    yield from _bogus(tools, owner, "TXT")


def _risk(found: Unreached | CaaObstacle) -> RenewalRisk:
    return RenewalRisk(
        found.code, found.message, host=found.name, seen=found.addresses, records=found.records
    )


def leftovers(tools: Tools, request: CertificateRequest) -> dict[str, tuple[str, ...]]:
    """Return the TXT records at the names of the challenges, by name: what others have left there."""
    if request.kind != ChallengeType.DNS_01 or request.delegation is not None:
        return {}
    found = {}
    for owner in sorted(_owners(request)):
        answers = tools.resolver.authoritative(owner, "TXT").answers
        values = dict.fromkeys(value for one in answers for value in one.values)
        if values:
            found[owner] = tuple(values)
    return found


def is_dns(row: Certificate) -> bool:
    """Tell whether the names are proved in DNS, wherever their hosts lead."""
    return row.acme_challenge_type is not None and row.acme_challenge_type.is_in_dns
