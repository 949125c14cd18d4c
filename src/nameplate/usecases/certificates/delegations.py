"""Delegated dns-01: an owner's CNAME leads the authority to a label in a zone of the platform.

    _acme-challenge.acme.com  CNAME  <label>.challenges.example.net

One record of the owner, for every certificate of the name, wildcards and renewals. The label belongs
to one name of one organization, and proofs are written there only while that organization holds the
name: whoever else leads to it proves nothing. The zone is that of a domain of the platform's operator,
whose account, ledger and worker write it as they write any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.orm import Session

from nameplate.core import names, tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.instructions import Instruction, dns_record
from nameplate.core.orders import Challenge
from nameplate.models import Certificate, ChallengeType, Domain, Organization
from nameplate.ports.resolver import AnswerKind, LookupResult, Resolver
from nameplate.ports.validation import Security, Validator
from nameplate.usecases import holders
from nameplate.usecases.certificates.reachability import Unreached
from nameplate.usecases.tools import Tools

LABEL = "_acme-challenge"
"""RFC 8555 section 8.4."""
OF_OPERATOR = frozenset({"challenge_zone_missing", "challenge_zone_stopped"})
"""Codes of what only the operator can repair."""
WATCH = timedelta(seconds=15)
"""How often one certificate looks for the platform's zone, whatever the back-off."""
_MAX_ALIASES = 8
_ABSENT = frozenset({AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ChallengeDelegation:
    """Where the proofs of names are written whose domains have no DNS account."""

    targets: Mapping[str, str]
    """Names of ours, by the names that the authority asks for; empty without a zone of the platform."""
    zone_id: int | None
    """The domain that the zone belongs to; None: it cannot be written now."""

    @property
    def is_ready(self) -> bool:
        """Whether there is a zone that can be written."""
        return self.zone_id is not None and bool(self.targets)


def target(organization: Organization, zone: str, name: str) -> str | None:
    """Return where an organization's challenges of `name` (without `*.`) are delegated to."""
    seed = organization.challenge_seed
    return None if seed is None else tokens.target(tokens.challenge_label(seed, name), zone)


def records(
    organization: Organization, zone: str | None, hosts: Sequence[str]
) -> Mapping[str, str]:
    """Return the target of each CNAME that certificates for `hosts` need, by its owner name."""
    bare = dict.fromkeys(map(names.without_wildcard, hosts)) if zone is not None else {}
    found = {f"{LABEL}.{name}": target(organization, zone or "", name) for name in bare}
    return {owner: there for owner, there in found.items() if there is not None}


def instruction(owner: str, there: str) -> Instruction:
    """Return the CNAME as the owner of the zone must publish it."""
    return dns_record("CNAME", owner, there)


def read(
    session: Session,
    zone: str | None,
    row: Certificate,
    hosts: Sequence[str],
    homes: Mapping[str, int],
    *,
    kind: ChallengeType | None = None,
) -> ChallengeDelegation | None:
    """Return the delegation of `hosts`; None when all their proofs are written elsewhere.

    `homes` are the domains of hosts; others belong to the certificate's own. `kind` is how the names
    are proved now, where that is not what the row says.
    """
    if (kind or row.acme_challenge_type) is not ChallengeType.DNS_01:
        return None
    led = [
        host
        for host in hosts
        if session.get_one(Domain, homes.get(host, row.organization_domain_id)).dns_account_id
        is None
    ]
    if not led:
        return None
    owner = session.get_one(Organization, row.organization_id)
    targets = records(owner, zone, led)
    found = None if zone is None else _zone(session, zone)
    return ChallengeDelegation(targets, None if found is None else found.id)


def zones(
    delegation: ChallengeDelegation | None,
    homes: Mapping[str, int],
    challenges: Sequence[Challenge],
) -> dict[str, int]:
    """Return the domain in whose zone each proof is written, by the record's owner name."""
    bare = {names.without_wildcard(host): home for host, home in homes.items()}
    found = {one.record_name: bare[one.name] for one in challenges if one.name in bare}
    if delegation is not None and delegation.zone_id is not None:
        found |= dict.fromkeys(delegation.targets.values(), delegation.zone_id)
    return found


def _zone(session: Session, name: str) -> Domain | None:
    """Return the domain of the platform whose zone is written, while it may be and can be."""
    query = Domain.visible(PLATFORM).where(
        Domain.full_domain == name,
        Domain.organization_id == holders.holder(session, name),
        Domain.is_live,
        Domain.dns_account_id.is_not(None),
    )
    return session.scalars(query).one_or_none()


def look(tools: Tools, delegation: ChallengeDelegation) -> Unreached | None:
    """Look whether every CNAME leads to its label; None: all do, and the zone can be written."""
    if not delegation.is_ready:
        return unready()
    for owner, there in delegation.targets.items():
        found = _follow(tools.resolver, owner, there) or _rejected(tools.validator, owner, there)
        if found is not None:
            return replace(found, name=owner)
    return None


def _rejected(validator: Validator | None, owner: str, there: str) -> Unreached | None:
    """Return what is wrong with the signatures of the CNAME: authorities validate them."""
    if validator is None:
        return None
    found = validator.validate(owner, "CNAME")
    if found.security is not Security.BOGUS:
        return None
    return bogus(owner, found.detail, records=_record(owner, there))


def bogus(owner: str, detail: str, *, records: tuple[str, ...] = ()) -> Unreached:
    """Return what is said of a name whose signatures are wrong."""
    message = f"DNSSEC is broken at {owner} ({detail}), so that the authority rejects it."
    return Unreached("dnssec_bogus", message, records=records, name=owner)


def unready() -> Unreached:
    """Return what is said while the platform has no zone to write proofs in."""
    return Unreached(
        "challenge_zone_missing",
        "The platform has no zone for delegated challenges that it can write.",
        waits_for="challenge zone",
        every=WATCH,
    )


def stopped(session: Session, delegation: ChallengeDelegation) -> Unreached | None:
    """Return what keeps proofs from being written for an order under way, None when nothing does."""
    if delegation.zone_id is None:
        return unready()
    zone = session.get(Domain, delegation.zone_id)
    if zone is None or zone.trouble_code is None:
        return None
    return Unreached(
        "challenge_zone_stopped",
        "The platform's zone for delegated challenges cannot be written now.",
        waits_for=zone.waits_for,
    )


def _follow(resolver: Resolver, owner: str, there: str) -> Unreached | None:
    """Follow the aliases of one name, at most 8 of them.

    Only the first is shown: what the others lead through may be names of somebody else.
    """
    first: tuple[str, ...] = ()
    at = owner
    for _ in range(_MAX_ALIASES):
        said = resolver.authoritative(at, "CNAME")
        seen = sorted({value for one in said.answers for value in one.values})
        found = [value.removesuffix(".") for value in seen]
        first = first or tuple(found)
        if not found or len(found) > 1 or _lacking(said):
            break
        if found[0] == there:
            return None
        at = found[0]
    return (
        _elsewhere(owner, there, first)
        if first and first != (there,)
        else _missing(resolver, owner, there, said)
    )


def _lacking(said: LookupResult) -> str | None:
    """Return a server that has nothing at the name."""
    return next((one.server for one in said.answers if one.kind in _ABSENT), None)


def _missing(resolver: Resolver, owner: str, there: str, said: LookupResult) -> Unreached:
    wanted = _record(owner, there)
    lacking = _lacking(said)
    if lacking is None:
        why = next((one.detail or one.kind.value for one in said.answers), "there are none")
        message = f"The name servers of {owner} do not answer: {why}."
        return Unreached("challenge_name_not_resolved", message, records=wanted)
    if any(one.values for one in said.answers):
        message = f"Not every name server has the CNAME record at {owner} yet: {lacking} has none."
        return Unreached("challenge_cname_missing", message, records=wanted)
    texts = [one for one in resolver.authoritative(owner, "TXT").answers if one.values]
    message = f"There is no CNAME record at {owner} yet."
    if texts:
        message = (
            f"There are TXT records at {owner}. A CNAME record cannot be beside them: remove them."
        )
    shown = tuple(f"{owner} TXT" for _ in texts[:1])
    return Unreached("challenge_cname_missing", message, shown, wanted)


def _elsewhere(owner: str, there: str, seen: Sequence[str]) -> Unreached:
    others = [one for one in seen if one != there]
    shown = tuple(ascii(one)[1:-1] for one in others[:_SHOWN])
    return Unreached(
        "challenge_cname_elsewhere",
        f"The CNAME record at {owner} leads to {', '.join(shown)}, and not to {there}.",
        tuple(f"{owner} CNAME {one}" for one in shown),
        _record(owner, there),
    )


def _record(owner: str, there: str) -> tuple[str, ...]:
    return (f"{owner} CNAME {there}",)
