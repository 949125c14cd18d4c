"""What an owner publishes so that the platform can answer the challenges of certificates (dns-01).

Offered where nothing else proves the names: for wildcards, for certificates that are asked for with
dns-01, and as another way for hosts that do not lead here.
"""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from nameplate.core import instructions, names
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.instructions import Instruction
from nameplate.models import Certificate, ChallengeType, Organization
from nameplate.usecases.certificates import delegations
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.to_publish import ToPublish, kept
from nameplate.usecases.tools import Tools

_FAILED = "host_"
"""How the codes of hosts begin that an http-01 proof would not reach."""


def of(session: Session, tools: Tools, known: DomainFacts) -> list[ToPublish]:
    """Return the CNAME records, each name once; none without a zone of the platform."""
    zone, domain = tools.challenge_zone, known.domain
    if zone is None or domain.dns_account_id is not None:
        return []
    bare = names.without_wildcard(domain.full_domain)
    own = [one for one in _wanted(known) if names.is_within(one[0], bare)]  # not of other domains
    wanted = dict(reversed(own))  # what comes first decides
    if not wanted:
        return []
    owner = session.get_one(Organization, domain.organization_id)
    found = []
    for host in reversed(wanted):
        for name, there in delegations.records(owner, zone, [host]).items():
            told = instructions.in_zone(delegations.instruction(name, there), domain.domain_name)
            found.append(_shown(told, wanted[host]))
    return found


def _wanted(known: DomainFacts) -> Iterator[tuple[str, Certificate | None]]:
    """Yield each host that needs one, without `*.`, and the certificate that is asked for."""
    asked = [row for row in known.certificates if not row.is_uploaded]
    for row in asked:
        if row.acme_challenge_type is ChallengeType.DNS_01:
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


def _shown(told: Instruction, row: Certificate | None) -> ToPublish:
    if row is not None and row.acme_challenge_type is not ChallengeType.DNS_01:
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
