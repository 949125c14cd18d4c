"""What certificates are made with: as asked for, else as their domain, organization or platform prefers.

What was chosen is kept on the certificate with who has said so, and looked at again before each
renewal: what was not asked for with the certificate follows what is preferred by then.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import certificate_preferences, draft_challenges, names
from nameplate.core.certificate_preferences import (
    FIELDS,
    CertificatePreferences,
    ChosenPreferences,
    Level,
    PreferenceOrigin,
)
from nameplate.models import (
    Certificate,
    CertificateOrigins,
    ChallengeType,
    Domain,
    Organization,
)
from nameplate.usecases.certificates import draft_proofs, tls_alpn
from nameplate.usecases.tools import Tools


def choose(
    session: Session,
    tools: Tools | None,
    domain: Domain,
    homes: Mapping[str, int],
    asked: CertificatePreferences,
) -> ChosenPreferences:
    """Return what a certificate is made with; `homes` are its hosts, each with its domain."""
    return certificate_preferences.choose(
        [(PreferenceOrigin.CERTIFICATE, asked), *_levels(session, tools, domain)],
        lambda challenge: not can_prove(session, tools, domain, homes, challenge),
    )


def _levels(session: Session, tools: Tools | None, domain: Domain) -> Sequence[Level]:
    owner = session.get_one(Organization, domain.organization_id)
    platform = CertificatePreferences() if tools is None else tools.certificate_preferences
    return (
        (PreferenceOrigin.DOMAIN, _of(domain)),
        (PreferenceOrigin.ORGANIZATION, _of(owner)),
        (PreferenceOrigin.PLATFORM, platform),
    )


def _of(row: Domain | Organization) -> CertificatePreferences:
    named = tuple((row.certificate_authorities or "").splitlines())
    return CertificatePreferences(
        row.key_type, row.certificate_challenge, row.certificate_profile, row.preferred_chain,
        named or None,
    )  # fmt: skip


def can_prove(
    session: Session,
    tools: Tools | None,
    domain: Domain,
    homes: Mapping[str, int],
    challenge: str,
) -> bool:
    """Tell whether a challenge can be answered for all hosts; `homes` has the domain of each."""
    if not draft_proofs.is_usable(tools, challenge):
        return False
    if challenge in draft_challenges.IN_DNS:
        is_led = challenge == ChallengeType.DNS_01 and tools is not None
        delegates = is_led and tools is not None and tools.challenge_zone is not None
        rows = (session.get_one(Domain, one) for one in sorted(set(homes.values())))
        return delegates or all(one.dns_account_id is not None for one in rows)
    if any(map(names.is_wildcard, homes)):
        return False
    if challenge == ChallengeType.TLS_ALPN_01:
        return tools is not None and tls_alpn.is_answered(session, tools, domain, list(homes))
    return challenge == ChallengeType.HTTP_01


def apply(row: Certificate, hosts: Sequence[str], chosen: ChosenPreferences) -> None:
    """Keep on a certificate what it is made with, and who has said so."""
    values = chosen.values
    row.key_type, row.profile = values.key_type, values.profile
    row.preferred_chain = values.preferred_chain
    row.authorities = "\n".join(values.authorities or ()) or None
    row.acme_challenge_type = ChallengeType(values.challenge or _usual(hosts))
    row.chosen_by = CertificateOrigins(chosen.origins)


def again(
    session: Session, tools: Tools, row: Certificate, homes: Mapping[str, int]
) -> ChosenPreferences | None:
    """Return what the next generation is made with, None where that is what the row says.

    Certificates that were made before there were preferences keep what they have.
    """
    known, hosts = row.chosen_by, row.wanted_names
    if known is None or row.certificate is None:
        return None
    domain = session.get_one(Domain, row.organization_domain_id)
    hosts_at = homes or dict.fromkeys(hosts, domain.id)
    found = choose(session, tools, domain, hosts_at, CertificatePreferences())
    values, origins = dict[str, Any](), dict[str, PreferenceOrigin]()
    for name in FIELDS:
        is_own = known.of(name) is PreferenceOrigin.CERTIFICATE
        values[name] = _own(row, name) if is_own else getattr(found.values, name)
        origins[name] = PreferenceOrigin.CERTIFICATE if is_own else found.origins[name]
    values["challenge"] = values["challenge"] or _usual(hosts)
    if origins == known.origins and all(_own(row, one) == values[one] for one in FIELDS):
        return None
    return ChosenPreferences(CertificatePreferences(**values), origins)


def _usual(hosts: Sequence[str]) -> ChallengeType:
    is_wild = any(map(names.is_wildcard, hosts))
    return ChallengeType.DNS_01 if is_wild else ChallengeType.HTTP_01


def _own(row: Certificate, name: str) -> object:
    if name == "authorities":
        return tuple((row.authorities or "").splitlines()) or None
    return getattr(row, "acme_challenge_type" if name == "challenge" else name)


def ask_for(row: Certificate, **values: str | None) -> None:
    """Have a certificate made with these from now on, whatever is preferred."""
    for name, value in values.items():
        setattr(row, name, value)
    if row.chosen_by is not None:
        row.chosen_by = row.chosen_by.owning(values)
