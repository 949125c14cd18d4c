"""What an owner publishes so that the challenges of certificates can be answered in DNS.

For dns-01 a CNAME that leads to the platform, where nothing else proves the names: for wildcards, for
certificates that are asked for with it, and as another way for hosts that do not lead here. For
dns-persist-01 the record that proves the name itself, once the authority has said what it must be.
"""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from nameplate.core import instructions, names
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.instructions import Instruction
from nameplate.models import Certificate, ChallengeType, Organization
from nameplate.usecases.certificates import delegations, draft_proofs
from nameplate.usecases.claims import persist_records
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.to_publish import ToPublish, kept
from nameplate.usecases.tools import Tools

_FAILED = "host_"
"""How the codes of hosts begin that an http-01 proof would not reach."""


def of(session: Session, tools: Tools, known: DomainFacts) -> list[ToPublish]:
    """Return the records, each name once; CNAME records only with a zone of the platform."""
    zone, domain = tools.challenge_zone, known.domain
    if domain.dns_account_id is not None:
        return []
    stays = persist_records.of(known)
    return stays if zone is None else stays + _delegating(session, tools, known, zone)


def _delegating(session: Session, tools: Tools, known: DomainFacts, zone: str) -> list[ToPublish]:
    domain = known.domain
    bare = names.without_wildcard(domain.full_domain)
    own = [
        one for one in _wanted(tools, known) if names.is_within(one[0], bare)
    ]  # not of other domains
    wanted = dict(reversed(own))  # what comes first decides
    if not wanted:
        return []
    owner = session.get_one(Organization, domain.organization_id)
    found = []
    for host in reversed(wanted):
        for name, there in delegations.records(owner, zone, [host]).items():
            told = instructions.in_zone(delegations.instruction(name, there), domain.domain_name)
            row = wanted[host]
            asked = row is None or _is_delegated(tools, row)
            found.append(_shown(told, row, is_asked=asked))
    return found


def _wanted(tools: Tools, known: DomainFacts) -> Iterator[tuple[str, Certificate | None]]:
    """Yield each host that needs one, without `*.`, and the certificate that is asked for."""
    asked = [row for row in known.certificates if not row.is_uploaded]
    for row in asked:
        if _is_delegated(tools, row):
            for host in row.subject_alternative_names or ():
                yield names.without_wildcard(host), row
    bound = [row.hostname for row, _ in known.bindings if row.ssl_enabled]
    for host in (known.domain.full_domain, *bound):
        if names.is_wildcard(host):
            yield names.without_wildcard(host), None
    for row in asked:
        if (row.trouble_code or "").startswith(_FAILED):
            for host in row.subject_alternative_names or ():
                yield names.without_wildcard(host), row


def _is_delegated(tools: Tools, row: Certificate) -> bool:
    """Tell whether the names are proved by dns-01, as asked for or for lack of something newer."""
    known = row.acme_challenge_type
    if known is ChallengeType.DNS_PERSIST_01:
        return not draft_proofs.is_usable(tools, known)
    return known is not None and known.is_in_dns


def _shown(told: Instruction, row: Certificate | None, *, is_asked: bool) -> ToPublish:
    if not is_asked:
        sentence = (
            f"If the host cannot point to its server: {told.sentence} Then request the certificate "
            "with the challenge `dns-01`."
        )
        return ToPublish(Purpose.CHALLENGE, replace(told, sentence=sentence))
    # While an order is under way, or one has come through, the record was seen before it began.
    ordered = row is not None and (row.certificate or row.pending_private_key)
    if ordered and row is not None and row.trouble_code is None:
        one = ToPublish(Purpose.CHALLENGE, told, is_published=True, done=True)
        return kept(one, "Challenges are delegated to Nameplate.")
    sentence = f"{told.sentence} Nameplate then obtains and renews the certificate."
    return ToPublish(Purpose.CHALLENGE, replace(told, sentence=sentence))
