"""Certificates of domains."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, Listed, Read, TransactionCall, Write
from nameplate.api.diagnosis import FindingShape, finding_shape
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    ChainName,
    Page,
    Profile,
    Reference,
    Shape,
    common,
    example,
    listed,
    public,
)
from nameplate.core import certificates, chain_choice, ids
from nameplate.core.certificate_preferences import PreferenceOrigin
from nameplate.core.certificates import Facts
from nameplate.core.deployment import DeploymentState
from nameplate.core.ids import Prefix
from nameplate.core.keys import KeyType
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.revocation import RevocationReason
from nameplate.core.turns import Turn
from nameplate.models import Certificate, CertificateType, ChallengeType, Domain
from nameplate.usecases.certificates import (
    deployments,
    emergency,
    next_try,
    requests,
    revocations,
)
from nameplate.usecases.claims import preflight

routes = router("certificates")
_EXAMPLE_ORIGINS = {"key_type": "domain", "challenge": "default"}

Host = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class CertificateNew(Body):
    """A certificate to obtain."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"domain": "shop.example.com", "challenge": "http-01"}]}
    )

    domain: Reference
    names: Annotated[list[Host], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Names to certify, of this domain and of other proved domains of the organization. "
        "Default: the name of the domain.",
    )
    challenge: ChallengeType | None = Field(
        default=None,
        description="ACME challenge that proves control of the names. Wildcards require `dns-01`. The "
        "operator may allow `dns-account-01` and `dns-persist-01`, too.",
    )
    key_type: KeyType | None = Field(
        default=None,
        description="Kind of the private key. Default: as the domain says, else `ec256`.",
    )
    profile: Profile | None = Field(
        default=None, description="The authority's profile. Default: as the domain says, else none."
    )
    preferred_chain: ChainName | None = Field(
        default=None,
        description="Common name of the root that the chain should lead to, where the authority offers "
        "several. Default: as the domain says, else as the account does.",
    )


class RenewalNew(Body):
    """What is to be different from now on. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key_type": "rsa2048"}]})

    key_type: KeyType | None = Field(default=None, description="Kind of the private key.")
    profile: Profile | None = Field(
        default=None, description="The authority's profile; null for none."
    )
    preferred_chain: ChainName | None = Field(
        default=None,
        description="Common name of the root that the chain should lead to; null: as the account says.",
    )


class ChainCertificate(BaseModel):
    """What one certificate of a chain says."""

    subject: str
    names: list[str]
    issuer: str
    not_before: datetime
    not_after: datetime
    key_type: str = Field(description="Such as `ec256` or `rsa2048`.")
    signature: str = Field(description="Algorithm of the issuer's signature.")
    serial_number: str
    fingerprint: str = Field(description="SHA-256 of the DER encoding, in hexadecimal.")
    public_key_fingerprint: str = Field(
        description="SHA-256 of the SubjectPublicKeyInfo, in hexadecimal."
    )


class RenewalInfoShape(BaseModel):
    """When the authority suggests to replace a certificate (RFC 9773)."""

    window_starts_at: datetime
    window_ends_at: datetime
    explanation_url: str | None = Field(
        description="Page on which the authority says why, where that is unusual."
    )
    next_check_at: datetime | None = Field(description="When the authority is asked again.")


class MissingDeploymentShape(BaseModel):
    """A binding whose proxy was not seen to serve the certificate."""

    binding: str
    hostname: str
    server: str | None
    server_name: str | None
    seen_serial_number: str | None = Field(description="What a probe saw last.")
    reason: str
    whose_turn: Turn
    since: datetime | None


class DeploymentShape(BaseModel):
    """How far the certificate has come to the proxies, by what probes saw last."""

    state: DeploymentState = Field(
        description="`unbound`: no active binding presents it. `deploying`: it was renewed less than a "
        "minute ago. `deployed`: every proxy was seen to serve it. `deployed_partial`: some was not."
    )
    since: datetime | None
    bindings: int = Field(description="Number of bindings that present it.")
    missing: list[MissingDeploymentShape]
    former_serial_number: str | None = Field(
        description="The former certificate, kept until the new one is seen everywhere."
    )


class CampaignMembership(BaseModel):
    """The campaign in which a certificate is replaced, or was."""

    id: str
    reason: str | None
    due_at: datetime | None
    done: bool


class RevocationNew(Body):
    """How a certificate is revoked."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "superseded", "replace": True}]}
    )

    reason: RevocationReason = RevocationReason.UNSPECIFIED
    replace: bool = Field(
        default=False,
        description="Obtain another certificate. It is served before this one is revoked, unless the "
        "reason is `keyCompromise`.",
    )


class RevocationShape(BaseModel):
    """The last revocation of a certificate of this row, or the one to come."""

    reason: RevocationReason
    pending: bool = Field(description="Whether it waits for the new certificate to be served.")
    revoked_at: datetime | None
    error_message: str | None


class RenewalRiskShape(BaseModel):
    """What the next renewal would fail on, as it was seen before its time."""

    since: datetime
    checked_at: datetime | None
    next_check_at: datetime | None
    findings: list[FindingShape]


class NextTryShape(BaseModel):
    """When a certificate that is stopped is tried next."""

    at: datetime | None = Field(description="At the latest; null: not before something is changed.")
    because: str


class CertificateShape(Shape):
    """A certificate across its renewals. The private key is never returned."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.CERTIFICATE,
                    "certificates",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    domain=ids.show(Prefix.DOMAIN, 1),
                    common_name="shop.example.com",
                    names=["shop.example.com"],
                    lost_names=[],
                    type="letsencrypt",
                    status="active",
                    issuer="CN=E7,O=Let's Encrypt,C=US",
                    serial_number="04d2",
                    fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    issued_at="2026-11-23T09:30:00Z",
                    expires_at="2027-02-21T09:30:00Z",
                    last_renewed_at="2026-11-23T09:31:00Z",
                    next_renewal_at="2027-01-22T09:30:00Z",
                    renewal_info={
                        "window_starts_at": "2027-01-21T00:00:00Z",
                        "window_ends_at": "2027-01-23T00:00:00Z",
                        "explanation_url": None,
                        "next_check_at": "2026-11-23T15:31:00Z",
                    },
                    auto_renew=True,
                    emergency=None,
                    unused_since=None,
                    campaign=None,
                    deployment={
                        "state": "deployed",
                        "since": "2026-11-23T09:31:04Z",
                        "bindings": 1,
                        "missing": [],
                        "former_serial_number": None,
                    },
                    revocation=None,
                    automatic=False,
                    challenge="http-01",
                    authority_account=ids.show(Prefix.ACCOUNT, 1),
                    authority_reason="Let's Encrypt is the first in the order of preference.",
                    key_type="ec256",
                    profile=None,
                    preferred_chain=None,
                    authorities=None,
                    chosen_by=_EXAMPLE_ORIGINS,
                    chain_root=None,
                    chain_note=None,
                    generation=1,
                    attempts=0,
                    error_message=None,
                    next_try=None,
                    at_risk_since=None,
                    renewal_risk=None,
                    bundle="-----BEGIN CERTIFICATE-----\n...",
                    chain=[],
                )
            ]
        }
    )

    object: Literal["certificate"] = "certificate"
    organization: str
    domain: str
    common_name: str
    names: list[str]
    lost_names: list[str] = Field(
        description="Names that it was asked for and does not cover, as the organization does not hold "
        "them. It is ordered again with them when it does."
    )
    type: CertificateType
    status: CertificateStatus
    issuer: str | None
    serial_number: str | None
    fingerprint: str | None = Field(description="SHA-256 of the DER encoding, in hexadecimal.")
    issued_at: datetime | None
    expires_at: datetime | None
    last_renewed_at: datetime | None
    next_renewal_at: datetime | None
    renewal_info: RenewalInfoShape | None = Field(
        description="What the authority suggests; null where it suggests nothing."
    )
    auto_renew: bool
    emergency: str | None = Field(
        description="Why other authorities and challenges are tried: it ends soon and cannot be renewed."
    )
    unused_since: datetime | None = Field(
        description="Since when no binding uses it. An exported key counts as use."
    )
    campaign: CampaignMembership | None
    deployment: DeploymentShape | None = Field(
        description="How far it has come to the proxies; null in lists."
    )
    revocation: RevocationShape | None
    automatic: bool = Field(
        description="Whether it was made for a binding. It is let go when no binding uses it."
    )
    challenge: ChallengeType | None
    authority_account: str | None = Field(
        description="Account at the authority that issued it; null before that."
    )
    authority_reason: str | None = Field(description="Why that authority was chosen.")
    key_type: str = Field(description="Kind of the private keys that it is ordered with.")
    profile: str | None = Field(description="The authority's profile that it is ordered with.")
    preferred_chain: str | None = Field(
        description="Common name of the root to lead to; null: as the account says."
    )
    authorities: list[str] | None = Field(
        description="Names of accounts to order it with; null: by priority."
    )
    chosen_by: dict[str, PreferenceOrigin] | None = Field(
        description="Who has said what it is made with: asked for with the certificate, preferred by its "
        "domain, organization or the platform, or the default. Null: all of it was asked for."
    )
    chain_root: str | None = Field(
        description="Common name of the root that the chain leads to; null in lists."
    )
    chain_note: str | None = Field(
        description="Why the chain leads elsewhere than preferred; null where it does not."
    )
    generation: int = Field(description="Number of certificates installed so far.")
    attempts: int = Field(description="Number of failed attempts since the last success.")
    error_code: str | None = Field(description="Error code of the last failed attempt.")
    error_message: str | None
    next_try: NextTryShape | None = Field(description="null while nothing stops it.")
    at_risk_since: datetime | None = Field(
        description="Since when its next renewal would fail; null: nothing was found."
    )
    renewal_risk: RenewalRiskShape | None = Field(
        description="What its next renewal would fail on; null in lists."
    )
    bundle: str | None = Field(
        description="Leaf and intermediate certificates in PEM; null in lists."
    )
    chain: list[ChainCertificate] | None = Field(
        description="What each certificate of the bundle says, the leaf first; null in lists."
    )


def show(call: TransactionCall, row: Certificate) -> CertificateShape:
    """Return a certificate with its public chain."""
    more = {
        "deployment": _deployment(call, row),
        "renewal_risk": _renewal_risk(call, row),
        **decoded(row),
    }
    return show_listed(call, row).model_copy(update=more)


def _renewal_risk(call: TransactionCall, row: Certificate) -> RenewalRiskShape | None:
    if row.at_risk_since is None or row.rehearsal is None:
        return None
    domain = call.session.get_one(Domain, row.organization_domain_id)
    found = [preflight.finding(call.session, domain, row, one) for one in row.rehearsal.risks]
    return RenewalRiskShape(
        since=row.at_risk_since,
        checked_at=row.rehearsed_at,
        next_check_at=row.next_action_at,
        findings=[finding_shape(one, row.next_action_at) for one in found],
    )


def _next_try(row: Certificate) -> NextTryShape | None:
    found = next_try.of(row)
    return None if found is None else NextTryShape(at=found.at, because=found.because)


def _deployment(call: TransactionCall, row: Certificate) -> DeploymentShape:
    bound = deployments.presenters(call.session, [row.id])[row.id]
    found = deployments.of(row, bound, call.now)
    return DeploymentShape(
        state=found.state,
        since=found.since,
        bindings=found.bindings,
        missing=[
            MissingDeploymentShape(
                binding=one.binding, hostname=one.hostname, server=one.server,
                server_name=one.server_name, seen_serial_number=one.seen_serial,
                reason=one.reason, whose_turn=one.turn, since=one.since,
            )
            for one in found.missing
        ],
        former_serial_number=row.former_serial,
    )  # fmt: skip


def _campaign(row: Certificate) -> CampaignMembership | None:
    if row.campaign is None:
        return None
    return CampaignMembership(
        id=row.campaign,
        reason=row.campaign_reason,
        due_at=row.campaign_due_at,
        done=row.generation > (row.campaign_generation or 0),
    )


def decoded(row: Certificate) -> dict[str, Any]:
    """Return the chain of a certificate, and what each one in it says."""
    bundle = row.certificate_bundle
    told = certificates.each(bundle.encode()) if bundle else ()
    leads_to = chain_choice.root(bundle.encode()) or None if bundle else None
    return {"bundle": bundle, "chain": [_chain(one) for one in told], "chain_root": leads_to}


def _chain(said: Facts) -> ChainCertificate:
    return ChainCertificate(
        subject=said.subject,
        names=list(said.names),
        issuer=said.issuer,
        not_before=said.not_before,
        not_after=said.not_after,
        key_type=said.key_type,
        signature=said.signature,
        serial_number=said.serial,
        fingerprint=said.fingerprint,
        public_key_fingerprint=said.spki,
    )


def _renewal_info(row: Certificate) -> RenewalInfoShape | None:
    starts, ends = row.renewal_window_starts_at, row.renewal_window_ends_at
    if starts is None or ends is None:
        return None
    return RenewalInfoShape(
        window_starts_at=starts,
        window_ends_at=ends,
        explanation_url=row.renewal_explanation_url,
        next_check_at=row.renewal_info_due_at,
    )


def _revocation(row: Certificate) -> RevocationShape | None:
    if row.revocation_reason is None:
        return None
    return RevocationShape(
        reason=row.revocation_reason,
        pending=row.revocation_certificate is not None,
        revoked_at=row.revoked_at,
        error_message=row.revocation_error,
    )


def show_listed(call: TransactionCall, row: Certificate) -> CertificateShape:
    """Return a certificate without its chain."""
    return CertificateShape(**fields(row, call.now))


def fields(row: Certificate, now: datetime) -> dict[str, Any]:
    """Return the fields of a certificate, without what is decoded of it."""
    fields = common(row, Prefix.CERTIFICATE, "certificates")
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    fields["links"]["domain"] = f"/v1/domains/{domain}"
    same = (
        "common_name", "status", "issuer", "serial_number", "fingerprint", "issued_at",
        "expires_at", "last_renewed_at", "auto_renew", "generation",
        "authority_reason", "unused_since", "preferred_chain", "chain_note",
    )  # fmt: skip
    return {
        **fields,
        **{name: getattr(row, name) for name in same},
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
        "domain": domain,
        "names": row.subject_alternative_names or [row.common_name],
        "lost_names": list(row.lost),
        "type": row.certificate_type,
        "next_renewal_at": row.next_renewal_attempt_at,
        "renewal_info": _renewal_info(row),
        "emergency": emergency.reason(row, now),
        "campaign": _campaign(row),
        "revocation": _revocation(row),
        "automatic": row.is_automatic,
        "challenge": row.acme_challenge_type,
        "authority_account": public(Prefix.ACCOUNT, row.authority_account_id),
        "key_type": row.key_type or KeyType.EC256,
        "profile": row.profile,
        "authorities": listed(row.authorities),
        "chosen_by": None if row.chosen_by is None else dict(row.chosen_by.origins),
        "attempts": row.renewal_attempts,
        "error_code": row.renewal_error_code,
        "error_message": row.renewal_error_message,
        "next_try": _next_try(row),
        "at_risk_since": row.at_risk_since,
        "renewal_risk": None,
        "deployment": None,
        "chain_root": None,
        "bundle": None,
        "chain": None,
    }


@routes.post("/certificates", status_code=201, operation_id="issue_certificate")
def issue(call: Write, body: CertificateNew) -> CertificateShape:
    """Request a certificate. A worker obtains it."""
    row = requests.issue(
        call.session,
        call.tools,
        call.actor,
        body.domain,
        hosts=body.names,
        challenge=body.challenge,
        key_type=body.key_type,
        profile=body.profile,
        preferred_chain=body.preferred_chain,
        now=call.now,
    )
    return call.one(show, row)


@routes.get("/certificates", operation_id="list_certificates")
def list_(
    call: Read,
    listing: Listed,
    *,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    status: Annotated[
        CertificateStatus | None, Query(description="Only objects with this status.")
    ] = None,
    at_risk: Annotated[
        bool | None, Query(description="Only those whose next renewal would fail, or would not.")
    ] = None,
    deployment: Annotated[
        DeploymentState | None,
        Query(description="Only certificates that have come this far to the proxies."),
    ] = None,
    campaign: Annotated[
        str | None, Query(max_length=64, description="Only certificates of this campaign.")
    ] = None,
) -> Page[CertificateShape]:
    """List certificates."""
    selected = listing.select(
        domain=domain, status=status, at_risk=at_risk, deployment=deployment, campaign=campaign
    )
    rows = requests.page(call.session, call.actor, **selected)
    return listing.page(call, show_listed, rows)


@routes.get("/certificates/{certificate}", operation_id="show_certificate")
def get(call: Read, certificate: str) -> CertificateShape:
    """Show a certificate with its public chain."""
    return call.one(show, requests.get(call.session, call.actor, certificate))


@routes.delete("/certificates/{certificate}", status_code=204, operation_id="remove_certificate")
def remove(call: Write, certificate: str) -> None:
    """Remove a certificate that no binding uses."""
    requests.remove(call.session, call.actor, certificate, call.now)


@routes.post("/certificates/{certificate}:renew", operation_id="renew_certificate")
def renew(call: Write, certificate: str, body: RenewalNew | None = None) -> CertificateShape:
    """Renew a certificate now. The current one is served until the new one is installed."""
    changes = {} if body is None else body.model_dump(exclude_unset=True)
    row = requests.renew(call.session, call.actor, certificate, call.now, **changes)
    return call.one(show, row)


@routes.post(
    "/certificates/{certificate}:revoke",
    operation_id="revoke_certificate",
    responses=errors.documented(429, 502),
)
def revoke(
    world: Crossing, certificate: str, body: RevocationNew | None = None
) -> CertificateShape:
    """Revoke a certificate at its authority, or have it replaced first. Its key is never used again."""
    given = body or RevocationNew()
    row = revocations.revoke(
        world.sessions, world.tools, world.actor, certificate, given.reason, replace=given.replace
    )
    return CertificateShape(**fields(row, world.tools.clock()))
