"""Verifications: proofs of control over domains."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import instructions as instructed
from nameplate.api.deps import Crossing, Listed, NetworkCall, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, common, example
from nameplate.core import ids
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.ids import Prefix
from nameplate.core.instructions import dns_record, in_zone
from nameplate.core.lifecycle import VerificationStatus
from nameplate.models import Domain, LossReason, Verification, VerificationMethodName
from nameplate.usecases.claims import instructions, lapsing_conditions, mailed_codes, verifications

routes = router("verifications")

_PROOF = "nameplate-verification=k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6"
_RECORD = "_nameplate-challenge.shop.example.com"


class VerificationNew(Body):
    """A new verification of a domain."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"domain": "shop.example.com", "method": "file_upload"}]}
    )

    domain: Reference
    method: VerificationMethodName = VerificationMethodName.DNS_TXT


class Confirmation(Body):
    """The code of a message."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "k7m2-p4qw-6xz3-v5n7-b2c2-d4f6"}]}
    )

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="The code as the message has it. Case, spaces and dashes do not count."
    )


class LookShape(BaseModel):
    """A check for the proof."""

    at: datetime
    verdict: str
    reason: str
    message: str
    observed: list[str]


class VerificationShape(Shape):
    """A verification of a domain by one method, and its last checks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.VERIFICATION,
                    "verifications",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    domain=ids.show(Prefix.DOMAIN, 1),
                    method="dns_txt",
                    status="pending",
                    record_name=_RECORD,
                    record_value=_PROOF,
                    file_path=None,
                    file_content=None,
                    meta_tag=None,
                    instruction=instructed.example(
                        Purpose.OWNERSHIP,
                        in_zone(dns_record("TXT", _RECORD, _PROOF), "example.com"),
                    ),
                    attempts=0,
                    last_attempt_at=None,
                    next_check_at="2026-11-23T09:31:00Z",
                    verified_at=None,
                    expires_at="2026-11-30T09:30:00Z",
                    lost_at=None,
                    lost_reason=None,
                    in_service_until=None,
                    kept_until=None,
                    points_here=None,
                    error_message=None,
                    looks=[],
                )
            ]
        }
    )

    object: Literal["verification"] = "verification"
    organization: str
    domain: str
    method: VerificationMethodName
    status: VerificationStatus
    record_name: str | None = Field(
        description="Fully qualified name of the DNS record to publish."
    )
    record_value: str | None
    file_path: str | None = Field(description="Path of the file to publish.")
    file_content: str | None
    meta_tag: str | None = Field(description="Tag to put into the head of the first page.")
    instruction: instructed.InstructionShape | None = Field(
        description="What to publish; null in lists and when the method is not available."
    )
    attempts: int
    last_attempt_at: datetime | None
    next_check_at: datetime | None
    verified_at: datetime | None
    expires_at: datetime | None
    lost_at: datetime | None = Field(
        description="Since when a proof that was seen is gone; null while it is there."
    )
    lost_reason: LossReason | None = Field(
        description="Why it counts no more. After anything but `proof_gone` only a new token proves the "
        "name."
    )
    in_service_until: datetime | None = Field(
        description="Until when the name stays in service although the proof is lost."
    )
    kept_until: datetime | None = Field(
        description="Until when a name out of service is kept for its holder."
    )
    points_here: bool | None = Field(
        description="Whether the name's addresses are servers of the platform, as the last daily check "
        "saw; null: not known."
    )
    error_message: str | None
    looks: list[LookShape] = Field(description="The last checks, oldest first.")


def show(call: TransactionCall, row: Verification) -> VerificationShape:
    """Return a verification with what to publish."""
    domain = call.session.get_one(Domain, row.organization_domain_id)
    told = instructions.of_proof(call.session, call.tools, row, domain)
    shown = show_listed(call, row)
    if isinstance(told, instructions.ToPublish):
        shown.instruction = instructed.show(told)
    return shown


def show_listed(call: NetworkCall, row: Verification) -> VerificationShape:
    """Return a verification without what would cost a query for each one of a list."""
    fields: dict[str, Any] = common(row, Prefix.VERIFICATION, "verifications")
    fields["metadata"] = {}
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    fields["links"]["domain"] = f"/v1/domains/{domain}"
    return VerificationShape(
        **fields,
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=domain,
        method=row.verification_method,
        status=row.status,
        record_name=row.verification_record_name,
        record_value=row.verification_record_value,
        file_path=row.verification_file_path,
        file_content=row.verification_file_content,
        meta_tag=row.verification_meta_tag,
        instruction=None,
        attempts=row.verification_attempts,
        last_attempt_at=row.last_verification_attempt_at,
        next_check_at=row.next_action_at,
        verified_at=row.verified_at,
        lost_at=row.lost_at,
        lost_reason=row.lost_reason,
        in_service_until=lapsing_conditions.in_service_until(call.tools, row),
        kept_until=lapsing_conditions.kept_until(call.tools, row),
        points_here=row.points_here,
        expires_at=row.expires_at,
        error_message=row.error_message,
        looks=[LookShape(**look) for look in row.verification_logs or ()],
    )


@routes.post("/verifications", status_code=201, operation_id="add_verification")
def add(call: Write, body: VerificationNew) -> VerificationShape:
    """Add a verification with another method or a new token."""
    row = verifications.add(call.session, call.tools, call.actor, body.domain, body.method)
    return call.one(show, row)


@routes.get("/verifications", operation_id="list_verifications")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    status: Annotated[
        VerificationStatus | None, Query(description="Only objects with this status.")
    ] = None,
) -> Page[VerificationShape]:
    """List verifications."""
    selected = listing.select(domain=domain, status=status)
    return listing.page(call, show_listed, verifications.page(call.session, call.actor, **selected))


@routes.get("/verifications/{verification}", operation_id="show_verification")
def get(call: Read, verification: str) -> VerificationShape:
    """Show a verification and its last checks."""
    return call.one(show, verifications.get(call.session, call.actor, verification))


@routes.post("/verifications/{verification}:check", operation_id="check_verification")
def check(call: Write, verification: str) -> VerificationShape:
    """Check a verification now."""
    row = verifications.check(call.session, call.actor, verification, call.now)
    return call.one(show, row)


@routes.post("/verifications/{verification}:confirm", operation_id="confirm_verification")
def confirm(world: Crossing, verification: str, body: Confirmation) -> VerificationShape:
    """Confirm a verification with the code that its owner got by mail."""
    row = mailed_codes.confirm(world.sessions, world.actor, verification, body.code)
    return show_listed(world, row)
