"""Certificates of domains."""

from base64 import b64decode
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, DryRun, Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, common, example
from nameplate.core import certificates, ids
from nameplate.core.certificates import Facts
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.secret import Secret
from nameplate.core.uploads import Material
from nameplate.db import database_now
from nameplate.models import Certificate, CertificateType, ChallengeType
from nameplate.usecases.certificates import exports, requests, uploads

routes = router("certificates")

Host = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class CertificateNew(Body):
    """A certificate to obtain."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"domain": "shop.example.com", "challenge": "http-01"}]}
    )

    domain: Reference
    names: Annotated[list[Host], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Names to certify. Default: the name of the domain."
    )
    challenge: ChallengeType | None = Field(
        default=None,
        description="ACME challenge that proves control of the names. Wildcards require `dns-01`.",
    )


Pem = Annotated[str, StringConstraints(min_length=1, max_length=128 * 1024)]


class CertificateReplacement(Body):
    """A certificate with its private key: PEM, or PKCS #12."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "certificate": "-----BEGIN CERTIFICATE-----\n...",
                    "private_key": "-----BEGIN PRIVATE KEY-----\n...",
                }
            ]
        }
    )

    certificate: Pem | None = Field(
        default=None,
        description="Certificates in PEM, in any order: the server's and its intermediates. The private "
        "key may be one of the blocks.",
    )
    private_key: Pem | None = Field(default=None, description="Private key in PEM.")
    pkcs12: Pem | None = Field(
        default=None, description="PKCS #12 file in base64, in place of both."
    )
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Password of the private key, or of the PKCS #12 file."
    )

    def material(self) -> Material:
        """Return what was brought. Raises `Invalid` with `upload_malformed`."""
        if (self.certificate is None) is (self.pkcs12 is None):
            raise Invalid("upload_malformed", "Give either `certificate` or `pkcs12`.")
        if self.pkcs12 is not None and self.private_key is not None:
            raise Invalid(
                "upload_malformed", "A PKCS #12 file has its key in it. Leave `private_key` out."
            )
        try:
            raw = None if self.pkcs12 is None else b64decode(self.pkcs12, validate=True)
        except ValueError:
            raise Invalid("upload_malformed", "Expected base64 in `pkcs12`.") from None
        return Material(
            self.certificate or "",
            None if self.private_key is None else Secret(self.private_key),
            raw,
            None if self.password is None else Secret(self.password),
        )


class CertificateUpload(CertificateReplacement):
    """A certificate of your own, with its private key: PEM, or PKCS #12."""

    domain: Reference | None = Field(
        default=None,
        description="Domain to keep it under. Default: the one that is closest to its first name.",
    )
    takeover_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=30,
        description="Days before its end at which the authority's certificate is ordered that follows it.",
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


class CertificatePem(BaseModel):
    """The public part of a certificate in PEM."""

    object: Literal["certificate_pem"] = "certificate_pem"
    id: str
    certificate: str = Field(description="The certificate, and with `chain` its intermediates.")


class PrivateKeyPem(BaseModel):
    """The private key of a certificate in PEM (PKCS #8)."""

    object: Literal["private_key"] = "private_key"
    id: str = Field(description="Id of the certificate.")
    private_key: str | None = Field(
        description="null in the response to a repeated request: it is not kept."
    )


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
                    type="letsencrypt",
                    status="active",
                    issuer="CN=E7,O=Let's Encrypt,C=US",
                    serial_number="04d2",
                    fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    issued_at="2026-11-23T09:30:00Z",
                    expires_at="2027-02-21T09:30:00Z",
                    last_renewed_at="2026-11-23T09:31:00Z",
                    next_renewal_at="2027-01-22T09:30:00Z",
                    auto_renew=True,
                    automatic=False,
                    challenge="http-01",
                    generation=1,
                    attempts=0,
                    error_message=None,
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
    type: CertificateType
    status: CertificateStatus
    issuer: str | None
    serial_number: str | None
    fingerprint: str | None = Field(description="SHA-256 of the DER encoding, in hexadecimal.")
    issued_at: datetime | None
    expires_at: datetime | None
    last_renewed_at: datetime | None
    next_renewal_at: datetime | None
    auto_renew: bool
    automatic: bool = Field(
        description="Whether it was made for a binding. It is let go when no binding uses it."
    )
    challenge: ChallengeType | None
    generation: int = Field(description="Number of certificates installed so far.")
    attempts: int = Field(description="Number of failed attempts since the last success.")
    error_code: str | None = Field(description="Error code of the last failed attempt.")
    error_message: str | None
    bundle: str | None = Field(
        description="Leaf and intermediate certificates in PEM; null in lists."
    )
    chain: list[ChainCertificate] | None = Field(
        description="What each certificate of the bundle says, the leaf first; null in lists."
    )


def show(call: TransactionCall, row: Certificate) -> CertificateShape:
    """Return a certificate with its public chain."""
    return show_listed(call, row).model_copy(update=_decoded(row))


def _decoded(row: Certificate) -> dict[str, Any]:
    bundle = row.certificate_bundle
    told = certificates.each(bundle.encode()) if bundle else ()
    return {"bundle": bundle, "chain": [_chain(one) for one in told]}


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


def show_listed(_call: TransactionCall, row: Certificate) -> CertificateShape:
    """Return a certificate without its chain."""
    return CertificateShape(**_fields(row))


def _fields(row: Certificate) -> dict[str, Any]:
    fields = common(row, Prefix.CERTIFICATE, "certificates")
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    fields["links"]["domain"] = f"/v1/domains/{domain}"
    same = (
        "common_name", "status", "issuer", "serial_number", "fingerprint", "issued_at",
        "expires_at", "last_renewed_at", "auto_renew", "generation",
    )  # fmt: skip
    return {
        **fields,
        **{name: getattr(row, name) for name in same},
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
        "domain": domain,
        "names": row.subject_alternative_names or [row.common_name],
        "type": row.certificate_type,
        "next_renewal_at": row.next_renewal_attempt_at,
        "automatic": row.is_automatic,
        "challenge": row.acme_challenge_type,
        "attempts": row.renewal_attempts,
        "error_code": row.renewal_error_code,
        "error_message": row.renewal_error_message,
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
        now=call.now,
    )
    return call.one(show, row)


@routes.post("/certificates:upload", status_code=201, operation_id="upload_certificate")
def upload(world: Crossing, body: CertificateUpload, dry_run: DryRun = False) -> CertificateShape:  # noqa: FBT002 - a query parameter
    """Upload a certificate of your own. It is served while it is valid; then the authority's is."""
    row = uploads.upload(
        world.sessions,
        world.tools,
        world.actor,
        body.material(),
        domain=body.domain,
        takeover_days=body.takeover_days,
        dry_run=dry_run,
    )
    return CertificateShape(**{**_fields(row), **_decoded(row)})


@routes.post("/certificates/{certificate}:replace", operation_id="replace_certificate")
def replace(
    world: Crossing,
    certificate: str,
    body: CertificateReplacement,
    dry_run: DryRun = False,  # noqa: FBT002 - a query parameter
) -> CertificateShape:
    """Replace an uploaded certificate. The current one is served until then."""
    row = uploads.replace(
        world.sessions, world.tools, world.actor, certificate, body.material(), dry_run=dry_run
    )
    return CertificateShape(**{**_fields(row), **_decoded(row)})


@routes.get("/certificates/{certificate}/pem", operation_id="export_certificate")
def pem(
    call: Read,
    certificate: str,
    chain: Annotated[bool, Query(description="Add the intermediate certificates.")] = False,  # noqa: FBT002 - a query parameter
) -> CertificatePem:
    """Return a certificate in PEM, without its private key."""
    row = requests.get(call.session, call.actor, certificate)
    found = row.certificate_bundle if chain else row.certificate
    if found is None:
        raise Conflict("certificate_missing", "There is no certificate yet.")
    return CertificatePem(id=ids.show(Prefix.CERTIFICATE, row.id), certificate=found)


@routes.post("/certificates/{certificate}:export-key", operation_id="export_private_key")
def export_key(world: Crossing, certificate: str) -> PrivateKeyPem:
    """Return the private key of a certificate. The token must be allowed to; an event tells of it."""
    with world.sessions.begin(world.actor) as session:
        now = database_now(session)
        row, key = exports.private_key(session, world.tools, world.actor, certificate, now)
        identity = ids.show(Prefix.CERTIFICATE, row.id)
    kept = PrivateKeyPem(id=identity, private_key=None)
    world.request.state.kept_body = kept.model_dump_json()
    return PrivateKeyPem(id=identity, private_key=key.reveal())


@routes.get("/certificates", operation_id="list_certificates")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    status: Annotated[
        CertificateStatus | None, Query(description="Only objects with this status.")
    ] = None,
) -> Page[CertificateShape]:
    """List certificates."""
    selected = listing.select(domain=domain, status=status)
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
def renew(call: Write, certificate: str) -> CertificateShape:
    """Renew a certificate now. The current one is served until the new one is installed."""
    row = requests.renew(call.session, call.actor, certificate, call.now)
    return call.one(show, row)


@routes.post(
    "/certificates/{certificate}:revoke",
    operation_id="revoke_certificate",
    responses=errors.documented(429, 502),
)
def revoke(world: Crossing, certificate: str) -> CertificateShape:
    """Revoke a certificate at its authority. Its key is never used again."""
    row = requests.revoke(world.sessions, world.tools, world.actor, certificate)
    return CertificateShape(**_fields(row))
