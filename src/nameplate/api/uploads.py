"""Certificates that callers bring, and certificates and keys handed out in PEM."""

from base64 import b64decode
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api.certificates import CertificateShape, decoded, fields
from nameplate.api.deps import Crossing, DryRun, Read
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Reference
from nameplate.core import ids
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.core.uploads import Material
from nameplate.db import database_now
from nameplate.usecases.certificates import exports, requests, uploads

routes = router("certificates")

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


class CertificatePem(BaseModel):
    """The public part of a certificate in PEM."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "certificate_pem",
                    "id": ids.show(Prefix.CERTIFICATE, 1),
                    "certificate": "-----BEGIN CERTIFICATE-----\n...",
                }
            ]
        }
    )

    object: Literal["certificate_pem"] = "certificate_pem"
    id: str
    certificate: str = Field(description="The certificate, and with `chain` its intermediates.")


class PrivateKeyPem(BaseModel):
    """The private key of a certificate in PEM (PKCS #8)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "private_key",
                    "id": ids.show(Prefix.CERTIFICATE, 1),
                    "private_key": "-----BEGIN PRIVATE KEY-----\n...",
                }
            ]
        }
    )

    object: Literal["private_key"] = "private_key"
    id: str = Field(description="Id of the certificate.")
    private_key: str | None = Field(
        description="null in the response to a repeated request: it is not kept."
    )


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
    return CertificateShape(**{**fields(row, world.tools.clock()), **decoded(row)})


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
    return CertificateShape(**{**fields(row, world.tools.clock()), **decoded(row)})


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
