"""Certificates: asking for them, showing them, removing them. `issuance.py` obtains them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import Actor
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.deployment import DeploymentState
from nameplate.core.encryption import Place
from nameplate.core.errors import Conflict, Invalid, Refused
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.secret import Secret
from nameplate.db import database_now
from nameplate.models import (
    Certificate,
    CertificateType,
    ChallengeType,
    Domain,
)
from nameplate.models.deletion import soft_delete
from nameplate.usecases import holders, lookup
from nameplate.usecases.certificates import (
    coverage,
    deployments,
    draft_proofs,
    preferences,
    succession,
    tls_alpn,
    usage,
)
from nameplate.usecases.tools import Tools

MAX_NAMES = 100
"""Names in one certificate, as authorities limit it."""


def key_place(row: Certificate) -> Place:
    """Return where the private key is sealed to."""
    return key_place_of(row.organization_id, row.id)


def key_place_of(organization_id: int, certificate_id: int) -> Place:
    """Return the same for a certificate whose row is not read whole."""
    return Place("ssl_certificates", "private_key", organization_id, certificate_id)


def pending_key_place(row: Certificate) -> Place:
    """Return where the key of the generation being obtained is sealed to, which is another place."""
    return Place("ssl_certificates", "pending_private_key", row.organization_id, row.id)


def pending_key(tools: Tools, row: Certificate) -> Secret | None:
    """Return the key of the order under way; None when there is no order, or the key is not its.

    Former versions sealed it for another place: such an order is made once more.
    """
    if row.pending_private_key is None or row.acme_order_url is None:
        return None
    try:
        return tools.keyring.open(row.pending_private_key, pending_key_place(row))
    except Refused as error:
        if error.code != "ciphertext_moved_or_damaged":
            raise
        return None


def issue(
    session: Session,
    tools: Tools,
    actor: Actor,
    domain_reference: str,
    *,
    now: datetime,
    hosts: Sequence[str] | None = None,
    challenge: str | None = None,
    key_type: str | None = None,
    profile: str | None = None,
    preferred_chain: str | None = None,
) -> Certificate:
    """Want a certificate for `hosts` (the domain's own name when not given); a worker obtains it.

    Hosts may belong to other domains of the organization, which must be proved. Raises `Invalid` for
    names that none of them covers, or a challenge that cannot prove them.
    """
    domain = lookup.domain(session, actor, domain_reference)
    parsed = (_parsed(tools, domain, one) for one in hosts or [domain.full_domain])
    wanted = tuple(dict.fromkeys(parsed))
    if len(wanted) > MAX_NAMES:
        raise Invalid(
            "too_many_names",
            f"A certificate covers at most {MAX_NAMES} names. Request several certificates.",
        )
    homes = _homes(session, domain, wanted)
    asked = CertificatePreferences(key_type, challenge, profile, preferred_chain)
    row = create(session, domain, wanted, asked, now, tools=tools, homes=homes)
    if row.acme_challenge_type is ChallengeType.TLS_ALPN_01:
        tls_alpn.check(session, tools, domain, wanted)
    return row


def _parsed(tools: Tools, domain: Domain, host: str) -> str:
    rules = {"private_suffix": domain.is_suffix, "special_use": tools.special_use}
    return names.parse(host, wildcard=True, **rules).name


def _homes(session: Session, domain: Domain, hosts: Sequence[str]) -> dict[str, int]:
    """Return the domain of each host. Raises `Invalid` for one that the organization has not proved."""
    homes = coverage.homes(session, domain, hosts)
    foreign = [host for host in hosts if homes.get(host) != domain.id]
    held = holders.kept(session, domain.organization_id, homes.keys() & foreign)
    for host in foreign:
        if host not in held:
            raise Invalid(
                "name_not_covered",
                f"{host} belongs neither to {domain.full_domain} nor to another proved domain of the "
                "organization. Prove its domain first, or leave it out.",
            )
    if len(foreign) == len(hosts):
        raise Invalid(
            "name_not_covered",
            f"None of the names belongs to {domain.full_domain}. Give the domain of one of them.",
        )
    return homes


def proposed(
    session: Session, tools: Tools, domain: Domain, host: str, challenge: str | None
) -> Certificate:
    """Return the row of a certificate for one host as it would be requested; it is never stored.

    Raises `Invalid` as `issue` does.
    """
    name = _parsed(tools, domain, host)
    if not coverage.is_at(name, holders.held_name(domain)):
        raise Invalid("name_not_covered", f"{name} does not belong to {domain.full_domain}.")
    if challenge is not None:
        _challenge(tools, challenge, wildcard=names.is_wildcard(name))
    row = Certificate(
        id=0,
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        certificate_type=CertificateType.LETSENCRYPT,
        common_name=name,
        subject_alternative_names=[name],
        is_profile_gone=False,
    )
    asked = CertificatePreferences(challenge=challenge)
    preferences.apply(
        row, [name], preferences.choose(session, tools, domain, {name: domain.id}, asked)
    )
    return row


def create(
    session: Session,
    domain: Domain,
    hosts: Sequence[str],
    asked: CertificatePreferences,
    now: datetime,
    *,
    automatic: bool = False,
    tools: Tools | None = None,
    homes: Mapping[str, int] | None = None,
) -> Certificate:
    """Create the row that a worker turns into a certificate; `automatic`: as long as a binding uses it.

    `asked` is what is said for this one; without `tools` the platform says nothing.
    `homes` are the domains of hosts, where they belong to several.
    """
    wildcard = any(map(names.is_wildcard, hosts))
    if asked.challenge is not None:
        _challenge(tools, asked.challenge, wildcard=wildcard)
    named = homes or dict.fromkeys(hosts, domain.id)
    chosen = preferences.choose(session, tools, domain, named, asked)
    row = Certificate(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        certificate_name=hosts[0],
        certificate_type=CertificateType.WILDCARD if wildcard else CertificateType.LETSENCRYPT,
        common_name=hosts[0],
        is_automatic=automatic,
        auto_renew=domain.auto_renew_ssl,
        next_action_at=now,
    )
    preferences.apply(row, hosts, chosen)
    delegates = tools is not None and tools.challenge_zone is not None
    # The record of dns-persist-01 can be published by the owner.
    written = {ChallengeType.DNS_01, ChallengeType.DNS_ACCOUNT_01}
    if row.acme_challenge_type in written and not delegates:
        _refuse_unwritten(session, named)
    session.add(row)
    coverage.name(session, row, named)
    return row


def _refuse_unwritten(session: Session, homes: Mapping[str, int]) -> None:
    """Refuse dns-01 where nobody can write the records of one of the domains."""
    for home in sorted(set(homes.values())):
        domain = session.get_one(Domain, home)
        if domain.dns_account_id is None:
            raise Conflict(
                "dns_account_missing",
                f"The challenge dns-01 needs a DNS account for {domain.full_domain}, with which "
                "Nameplate publishes it.",
            )


def _challenge(tools: Tools | None, given: str, *, wildcard: bool) -> None:
    """Raise `Invalid` for a challenge that there is not, or that cannot prove the names."""
    if given not in set(ChallengeType) or not draft_proofs.is_usable(tools, given):
        known = [one for one in ChallengeType if draft_proofs.is_usable(tools, one)]
        expected = ", ".join(f"`{one}`" for one in known)
        raise Invalid("challenge_unavailable", f"Expected one of these challenges: {expected}.")
    if wildcard and not ChallengeType(given).is_in_dns:
        raise Invalid("wildcard_needs_dns", "A wildcard can only be proved by dns-01.")


def get(session: Session, actor: Actor, reference: str) -> Certificate:
    """Return the certificate with that id. Raises NotFound."""
    row: Certificate = lookup.find(
        session, Certificate.visible(actor), Certificate, Prefix.CERTIFICATE, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
    status: str | None = None,
    at_risk: bool | None = None,
    deployment: DeploymentState | None = None,
    campaign: str | None = None,
) -> Sequence[Certificate]:
    """Return up to `limit` + 1 certificates in order of their ids."""
    query = Certificate.visible(actor)
    if at_risk is not None:
        query = query.where(Certificate.at_risk_since.is_not(None) == at_risk)
    if deployment is not None:
        query = query.where(deployments.is_in(deployment, database_now(session)))
    return lookup.page(
        session,
        query,
        Certificate,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
        status=status,
        campaign=campaign,
    )


def renew(
    session: Session,
    actor: Actor,
    reference: str,
    now: datetime,
    **changes: str | None,
) -> Certificate:
    """Obtain a new generation now; the present one serves until it is complete.

    `changes` are another `key_type`, `profile` or `preferred_chain` for this and later ones.
    Of an uploaded one the authority's successor is obtained. One that no binding uses any more is its owner's from then on, as if it had been asked for.
    """
    row = get(session, actor, reference)
    if row.status is CertificateStatus.REVOKED:
        raise Conflict(
            "certificate_revoked", "A revoked certificate cannot be renewed. Issue a new one."
        )
    if row.is_uploaded:
        row.auto_renew = True
        row.hand_over()
    row.is_automatic = row.is_automatic and usage.is_wanted(session, row)
    if row.is_let_go:
        row.take_up(now)
    asked = changes.keys() & {"key_type", "profile", "preferred_chain"}
    preferences.ask_for(row, **{name: changes[name] for name in asked})
    row.next_renewal_attempt_at = now
    row.unused_since = row.unused_told_at = None  # somebody wants it
    row.wake(now)
    return row


def remove(session: Session, actor: Actor, reference: str, now: datetime) -> Certificate:
    """Remove a certificate. The hosts of an uploaded one are served with another from now on.

    Raises Conflict `certificate_in_use` when there is no other for one of them.
    """
    row = get(session, actor, reference)
    if row.is_uploaded:
        succession.withdraw(session, row, now)
    soft_delete(session, row, now)
    row.next_action_at = now
    session.flush()
    return row
