"""Answers of Route 53 Domains: states, prices, contacts, and what its exceptions mean."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nameplate.adapters.changes.answers import short
from nameplate.adapters.vendors import aws
from nameplate.core.contacts import Contact
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.money import Money
from nameplate.ports.registrar import (
    Act,
    Availability,
    Operation,
    OperationState,
    Registration,
    RegistrationState,
)

NOT_HERE = "name_not_in_account"
AVAILABILITY = {
    "AVAILABLE": Availability.AVAILABLE,
    "AVAILABLE_RESERVED": Availability.RESERVED,
    "AVAILABLE_PREORDER": Availability.PREORDER,
    "UNAVAILABLE": Availability.TAKEN,
    "UNAVAILABLE_PREMIUM": Availability.RESTRICTED,
    "UNAVAILABLE_RESTRICTED": Availability.RESTRICTED,
    "RESERVED": Availability.RESERVED,
    "INVALID_NAME_FOR_TLD": Availability.RESTRICTED,
    "DONT_KNOW": Availability.UNKNOWN,
    "PENDING": Availability.UNKNOWN,
}
PREMIUM = "REGISTRY_PREMIUM"
_STATES = {
    "SUBMITTED": OperationState.IN_PROGRESS,
    "IN_PROGRESS": OperationState.IN_PROGRESS,
    "SUCCESSFUL": OperationState.DONE,
    "ERROR": OperationState.FAILED,
    "FAILED": OperationState.FAILED,
}
_ACTS = {
    "REGISTER_DOMAIN": Act.REGISTER,
    "RENEW_DOMAIN": Act.RENEW,
    "TRANSFER_IN_DOMAIN": Act.TRANSFER,
    "RESTORE_DOMAIN": Act.REACTIVATE,
}
_WAITS = {
    "PENDING_ACCEPTANCE": "It waits for the other AWS account to accept it.",
    "PENDING_CUSTOMER_ACTION": "It waits for you: look for an e-mail of AWS or of the registrar.",
    "PENDING_AUTHORIZATION": "It waits for the present owner to confirm it by e-mail.",
    "PENDING_PAYMENT_VERIFICATION": "It waits for AWS to verify the payment.",
    "PENDING_SUPPORT_CASE": "It waits for a support case at AWS.",
}
_REFUSED: Mapping[str, tuple[str, str]] = {
    "UnsupportedTLD": ("suffix_not_sold", "Route 53 Domains does not support this suffix."),
    "TLDRulesViolation": ("provider_refused", "The rules of the registry do not allow it."),
    "DomainLimitExceeded": ("provider_refused", "The AWS account may have no more domains."),
    "DnssecLimitExceeded": ("provider_refused", "The name may have no more DS records."),
    "DuplicateRequest": ("operation_in_progress", "The same request for the name is under way."),
    aws.NOT_SENDABLE: ("provider_refused", "AWS does not take such a request."),
}
_LIMIT, _MAINTENANCE, _INPUT = "OperationLimitExceeded", "TLDInMaintenance", "InvalidInput"
_SERVER_ERROR = 500
_WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("not found", "does not belong", "not in your account", "isn't owned"), NOT_HERE),
    (("expiry year", "currentexpiryyear", "expiration year"), "expiry_moved"),
    (("auth code", "authcode", "authorization code"), "transfer_code_wrong"),
    (("60 days", "recently registered"), "transfer_too_early"),
    (("transfer lock", "transferprohibited", "locked"), "name_locked"),
    (("not available", "unavailable"), "name_taken"),
)
"""InvalidInput says by words alone which of its meanings it has."""


def explain(code: str, status: int, said: str) -> NameplateError:
    """Return what an exception means; each refusal says that nothing was done."""
    if code == _LIMIT:
        return RateLimited("rate_limited", f"Too many operations are under way at AWS: {said}")
    if code == _MAINTENANCE:
        return Unavailable("provider_failed", f"The registry is in maintenance: {said}")
    if code in _REFUSED:
        meant, sentence = _REFUSED[code]
        told = f"{sentence} ({said or code})"
        return Refused(meant, told)
    if code == _INPUT:
        return Refused(meaning(said), f"Route 53 Domains rejected the request: {said}")
    if status >= _SERVER_ERROR:
        return Unavailable("provider_failed", f"Route 53 Domains failed with HTTP status {status}.")
    return Refused("provider_refused", f"Route 53 Domains refused ({code}): {said}")


def meaning(said: str) -> str:
    """Return the code for a sentence of AWS's."""
    words = said.lower()
    return next(
        (code for some, code in _WORDS if any(one in words for one in some)), "provider_refused"
    )


def money(price: Mapping[str, Any]) -> Money:
    """Return an amount, which AWS sends as a floating-point number."""
    return Money.of(Decimal(str(price["Price"])), price["Currency"])


def utc(at: Any) -> datetime | None:  # noqa: ANN401 - botocore's datetime or nothing
    """Return a moment in UTC."""
    return at.astimezone(UTC) if isinstance(at, datetime) else None


def listed(row: Mapping[str, Any], now: datetime) -> Registration:
    """Return one line of ListDomains."""
    expires = utc(row.get("Expiry"))
    is_over = expires is not None and expires < now
    return Registration(
        row["DomainName"].lower(),
        RegistrationState.EXPIRED if is_over else RegistrationState.ACTIVE,
        expires_at=expires,
        auto_renew=row.get("AutoRenew"),
        is_locked=row.get("TransferLock"),
    )


def registration(row: Mapping[str, Any], now: datetime) -> Registration:
    """Return what GetDomainDetail says."""
    statuses = tuple(sorted(one.partition(" ")[0] for one in row.get("StatusList") or ()))
    expires = utc(row.get("ExpirationDate"))
    state = RegistrationState.ACTIVE
    if "redemptionPeriod" in statuses:
        state = RegistrationState.REDEMPTION
    elif "pendingTransfer" in statuses:
        state = RegistrationState.TRANSFERRING_OUT
    elif expires is not None and expires < now:
        state = RegistrationState.EXPIRED
    servers = (one["Name"].lower().removesuffix(".") for one in row.get("Nameservers") or ())
    return Registration(
        row["DomainName"].lower(),
        state,
        external_id=row.get("RegistryDomainId") or "",
        registered_at=utc(row.get("CreationDate")),
        expires_at=expires,
        auto_renew=row.get("AutoRenew"),
        is_locked="clientTransferProhibited" in statuses,
        has_privacy=row.get("RegistrantPrivacy"),
        name_servers=tuple(sorted(servers)),
        statuses=statuses,
    )


def operation(row: Mapping[str, Any]) -> Operation:
    """Return an operation as GetOperationDetail and ListOperations tell it."""
    waits = _WAITS.get(row.get("StatusFlag") or "", "")
    detail = " ".join(filter(None, (waits, short(row.get("Message") or ""))))
    return Operation(
        _STATES.get(row["Status"], OperationState.IN_PROGRESS),
        row["OperationId"],
        _ACTS.get(row.get("Type") or ""),
        (row.get("DomainName") or "").lower(),
        utc(row.get("SubmittedDate")),
        detail=detail,
    )


def ds(key: Mapping[str, Any]) -> Ds:
    """Return one of a name's keys as its DS record."""
    return Ds(
        key.get("KeyTag") or 0,
        key.get("Algorithm") or 0,
        key.get("DigestType") or 0,
        (key.get("Digest") or "").upper(),
        key.get("PublicKey") or "",
        key.get("Flags") or 257,
    )


def contact(of: Contact) -> dict[str, str]:
    """Return a contact as AWS takes it."""
    kind = "COMPANY" if of.organization else "PERSON"
    fields = {"ContactType": kind, **contact_fields(of)}
    return {name: value for name, value in fields.items() if value}


def contact_fields(of: Contact) -> dict[str, str]:
    """Return a contact as AWS writes it, with the fields that are empty."""
    return {
        "FirstName": of.first_name,
        "LastName": of.last_name,
        "OrganizationName": of.organization,
        "AddressLine1": of.street,
        "AddressLine2": of.street2,
        "City": of.city,
        "State": of.state,
        "CountryCode": of.country,
        "ZipCode": of.postal_code,
        "PhoneNumber": of.phone,
        "Email": of.email,
    }
