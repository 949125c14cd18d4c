"""Which changes of which rows are events: the one table. To add a type, add a line here.

`telling.py` derives the events from it, of rows that a session writes and of statements that change
many. Only columns named here can appear in an event; a column of JSON, or a sealed one, only as the
fact that it changed. `docs/reference/events.md` is made from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nameplate.core.lifecycle import (
    BindingStatus,
    CertificateStatus,
    DomainStatus,
    HealthStatus,
    PlanStatus,
    PurchaseStatus,
    RecordStatus,
    RegistrationStatus,
    VerificationStatus,
)
from nameplate.models.accounts import Account, LedgerEntry
from nameplate.models.bindings import Binding
from nameplate.models.certificate_names import CertificateName
from nameplate.models.certificates import UNUSED, Certificate, HttpChallenge
from nameplate.models.dangling import DanglingRecord, DanglingScan
from nameplate.models.domains import Domain, SuffixApproval
from nameplate.models.embed_tokens import EmbedToken
from nameplate.models.events import Event
from nameplate.models.grants import NameGrant
from nameplate.models.health_memory import HealthHour
from nameplate.models.holdings import NameHolding
from nameplate.models.hosting import HostedState, HostedZone
from nameplate.models.name_challenges import ChallengeStatus, NameChallenge
from nameplate.models.name_transfers import NameTransfer, TransferStatus
from nameplate.models.organizations import Application, Organization, Server
from nameplate.models.people import Membership
from nameplate.models.plans import ChangePlan
from nameplate.models.proof_mails import ProofMail
from nameplate.models.quarantine import QuarantinedName
from nameplate.models.readiness import DomainReadiness
from nameplate.models.records import Record
from nameplate.models.registrations import Purchase, RegisteredName
from nameplate.models.server_groups import BindingPlacement, ServerGroup
from nameplate.models.setup_links import SetupLink
from nameplate.models.tokens import ApiToken
from nameplate.models.verifications import Verification


class ColumnState(Enum):
    """What a value may be, where it is not one of a set."""

    ANY = "anything"
    NULL = "nothing"
    PRESENT = "something"


Wanted = ColumnState | frozenset[Any]


@dataclass(frozen=True, slots=True)
class Transition:
    """A column that goes from one kind of value to another, and what that is called."""

    type: str
    """Empty: nothing is told, and no later transition of the column is looked at."""
    column: str
    was: Wanted = ColumnState.ANY
    now: Wanted = ColumnState.ANY
    shown: tuple[str, ...] = ()
    """Columns that explain it, as they are afterwards."""
    of_domain: bool = False
    """It is about the domain that the row belongs to."""


@dataclass(frozen=True, slots=True)
class Told:
    """The events of one kind of row."""

    noun: str
    """Kind of the object, as the API calls it."""
    watched: tuple[str, ...] = ()
    """Columns of one value each, whose change is an event with both values."""
    opaque: tuple[str, ...] = ()
    """Columns whose change is an event that does not show them."""
    transitions: tuple[Transition, ...] = ()
    added: str = ""
    removed: str = ""
    restored: str = ""
    changed: str = ""
    shown: tuple[str, ...] = ()
    """Columns that `added` shows beside the watched ones."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Types that use cases tell where no row shows it (`telling.tell`), and when."""
    object_id: str = "id"
    """The column with the object's id: an event may be about what the row belongs to."""


def _is(*values: Any) -> frozenset[Any]:  # noqa: ANN401 - values of columns
    return frozenset(values)


def _usual(noun: str, **more: Any) -> Told:  # noqa: ANN401 - fields of Told
    """Return the events of an object that is added, changed, removed and restored."""
    verbs = {verb: f"{noun}.{verb}" for verb in ("added", "changed", "removed", "restored")}
    return Told(noun, **{**verbs, **more})


_D, _C, _B = DomainStatus, CertificateStatus, BindingStatus
_G, _U = RegistrationStatus, PurchaseStatus
_BOUGHT = ("name", "act", "years", "agreed_amount", "currency")
_OFF_AGAIN = _is(_D.PENDING_VERIFICATION)
_SLOW = _is("answer_awaited")
"""Set while a step takes long, and gone with its end: no trouble yet."""

TOLD: Mapping[type[Any], Told] = {
    Organization: _usual(
        "organization",
        watched=(
            "name", "slug", "external_id", "parent_organization_id", "key_type", "certificate_profile",
            "preferred_chain", "certificate_challenge", "certificate_authorities",
        ),
        transitions=(
            Transition("organization.deactivated", "is_active", _is(True), _is(False)),
            Transition("organization.activated", "is_active", _is(False), _is(True)),
        ),
    ),
    Application: _usual(
        "application",
        watched=("name", "external_id", "upstream_host", "upstream_port"),
        opaque=("binding_ports",),
    ),
    Server: _usual(
        "server",
        watched=("name", "address", "external_id", "region", "server_group_id"),
        opaque=("addresses", "proxy"),
        transitions=(
            Transition("", "trouble_code", now=_SLOW),
            Transition("", "trouble_code", _SLOW, ColumnState.NULL),
            Transition(
                "server.failed", "trouble_code", _is(None) | _SLOW, ColumnState.PRESENT, ("trouble_message",)
            ),
            Transition("server.recovered", "trouble_code", ColumnState.PRESENT, ColumnState.NULL),
        ),
    ),
    ServerGroup: _usual("server_group", watched=("name",)),
    Account: _usual(
        "account",
        watched=("name", "kind", "provider"),
        opaque=("config", "credentials"),
        transitions=(
            Transition("account.failed", "error_message", ColumnState.NULL, ColumnState.PRESENT),
            Transition("account.recovered", "error_message", ColumnState.PRESENT, ColumnState.NULL),
            Transition("account.key_changed", "key_changed_at", ColumnState.ANY, ColumnState.PRESENT),
        ),
    ),
    ApiToken: Told(
        "token",
        added="token.created",
        shown=("name", "expires_at", "may_export_keys"),
        transitions=(
            Transition("token.revoked", "revoked_at", ColumnState.NULL, ColumnState.PRESENT, ("name",)),
        ),
    ),
    Membership: Told(
        "membership",
        added="membership.added",
        changed="membership.changed",
        removed="membership.removed",
        watched=("role", "user_id"),
    ),
    Domain: Told(
        "domain",
        added="domain.claimed",
        removed="domain.released",
        restored="domain.restored",
        changed="domain.changed",
        shown=("status",),
        watched=(
            "dns_account_id", "ssl_enabled", "ssl_provider", "auto_renew_ssl", "auto_renew",
            "key_type", "certificate_profile", "preferred_chain",
            "certificate_challenge", "certificate_authorities",
            "force_https", "hsts_enabled", "drift_policy", "cdn_enabled", "cdn_provider",
        ),
        also={
            "domain.challenged": "a challenge is open: the holder must prove the name again",
            "domain.challenge_ended": "that challenge ended, and how",
            "domain.transferred": "the name went from one organization to another",
            "domain.proved_by_registration": "the name is registered through an account here",
            "domain.overridden": "the platform's operator gave or took the name, and why",
        },
        transitions=(
            Transition(
                "domain.verified",
                "status",
                _is(_D.PENDING_VERIFICATION, _D.EXPIRED, _D.ERROR),
                _is(_D.VERIFIED, _D.ACTIVE),
                ("holding_name", "verification_method"),
            ),
            Transition("domain.verified", "verified_at", ColumnState.NULL, ColumnState.PRESENT, ("holding_name", "verification_method")),
            Transition("domain.lapsed", "status", _is(_D.VERIFIED, _D.ACTIVE), _OFF_AGAIN, ("error_message",)),
            Transition("domain.lapsed", "verified_at", ColumnState.PRESENT, ColumnState.NULL, ("error_message",)),
            Transition("domain.activated", "status", _is(_D.VERIFIED), _is(_D.ACTIVE)),
            Transition("domain.deactivated", "status", _is(_D.ACTIVE), _is(_D.VERIFIED)),
            Transition("domain.suspended", "platform_suspension", ColumnState.NULL, ColumnState.PRESENT, ("status",)),
            Transition("domain.suspended", "own_suspension", ColumnState.NULL, ColumnState.PRESENT, ("status",)),
            Transition("domain.resumed", "platform_suspension", ColumnState.PRESENT, ColumnState.NULL, ("status",)),
            Transition("domain.resumed", "own_suspension", ColumnState.PRESENT, ColumnState.NULL, ("status",)),
            Transition("domain.expired", "status", ColumnState.ANY, _is(_D.EXPIRED), ("error_message",)),
            Transition("domain.failed", "status", ColumnState.ANY, _is(_D.ERROR), ("error_message",)),
            Transition("domain.approved", "suffix_approval", ColumnState.ANY, _is(SuffixApproval.APPROVED)),
            Transition("domain.denied", "suffix_approval", ColumnState.ANY, _is(SuffixApproval.DENIED), ("suffix_denial",)),
            Transition("drift.found", "drift", ColumnState.NULL, ColumnState.PRESENT),
            Transition("drift.resolved", "drift", ColumnState.PRESENT, ColumnState.NULL),
        ),
    ),
    Verification: Told(
        "verification",
        added="verification.requested",
        shown=("verification_method",),
        transitions=(
            Transition(
                "verification.succeeded", "status", ColumnState.ANY, _is(VerificationStatus.VERIFIED),
                ("verification_method", "proved_scope"),
            ),
            Transition("verification.failed", "status", ColumnState.ANY, _is(VerificationStatus.FAILED), ("verification_method", "error_message")),
            Transition("verification.expired", "status", ColumnState.ANY, _is(VerificationStatus.EXPIRED), ("verification_method", "error_message")),
            Transition("domain.lapsing", "notices", ColumnState.ANY, _is(1, 2, 3), ("verification_method", "lost_reason", "lost_at", "error_message"), of_domain=True),
            Transition("domain.reproved", "lost_at", ColumnState.PRESENT, ColumnState.NULL, ("verification_method",), of_domain=True),
            Transition("domain.pointed_here", "points_here", ColumnState.ANY, _is(True), of_domain=True),
            Transition("domain.pointed_away", "points_here", _is(True), _is(False), of_domain=True),
        ),
    ),
    Record: _usual(
        "record",
        watched=("record_type", "name", "value", "ttl", "priority", "weight", "port", "proxy_enabled"),
        transitions=(
            Transition("record.published", "status", ColumnState.ANY, _is(RecordStatus.ACTIVE), ("record_type", "name")),
            Transition("record.failed", "error_message", ColumnState.NULL, ColumnState.PRESENT, ("record_type", "name")),
            Transition("record.disabled", "status", ColumnState.ANY, _is(RecordStatus.DISABLED), ("record_type", "name")),
            Transition("record.propagated", "propagated", _is(False), _is(True), ("record_type", "name")),
        ),
    ),
    ChangePlan: Told(
        "plan",
        added="plan.created",
        shown=("origin",),
        transitions=(
            Transition("plan.applied", "status", ColumnState.ANY, _is(PlanStatus.APPLIED), ("origin", "forced")),
            Transition("plan.failed", "status", ColumnState.ANY, _is(PlanStatus.FAILED), ("origin", "error_message")),
            Transition("plan.undone", "status", ColumnState.ANY, _is(PlanStatus.UNDONE)),
        ),
    ),
    Certificate: Told(
        "certificate",
        added="certificate.requested",
        removed="certificate.removed",
        restored="certificate.restored",
        changed="certificate.changed",
        watched=("certificate_name", "auto_renew", "renewal_days_before_expiry", "key_type", "profile", "preferred_chain"),
        shown=("certificate_type", "common_name", "is_automatic"),
        also={"certificate.campaign_ended": "every certificate of the organization in a campaign was replaced"},
        transitions=(
            Transition("certificate.deployed", "deployed_at", ColumnState.NULL, ColumnState.PRESENT, ("serial_number", "expires_at")),
            Transition("certificate.deployed_partial", "deployment_trouble", ColumnState.ANY, ColumnState.PRESENT, ("deployment_trouble",)),
            Transition("certificate.unused", "unused_told_at", ColumnState.ANY, ColumnState.PRESENT, ("unused_since", "expires_at")),
            Transition("certificate.campaign_joined", "campaign_began_at", ColumnState.ANY, ColumnState.PRESENT, ("campaign", "campaign_reason", "campaign_due_at", "campaign_issuer", "expires_at")),
            Transition("certificate.issued", "generation", _is(0), ColumnState.PRESENT, ("issuer", "serial_number", "issued_at", "expires_at")),
            Transition("certificate.renewed", "generation", ColumnState.PRESENT, ColumnState.PRESENT, ("issuer", "serial_number", "issued_at", "expires_at")),
            Transition("certificate.let_go", "renewal_error_code", ColumnState.ANY, _is(UNUSED)),
            Transition("certificate.failed", "renewal_error_code", ColumnState.ANY, ColumnState.PRESENT, ("status", "renewal_error_message")),
            Transition(
                "certificate.expiring", "expiry_notice_days", ColumnState.ANY, ColumnState.PRESENT,
                ("certificate_type", "expires_at", "status", "renewal_error_code", "renewal_error_message"),
            ),
            Transition(
                "certificate.replacement_advised", "renewal_explanation_url", ColumnState.ANY, ColumnState.PRESENT,
                ("renewal_window_starts_at", "renewal_window_ends_at", "renewal_explanation_url"),
            ),
            Transition("certificate.names_lost", "lost_names", ColumnState.ANY, ColumnState.PRESENT, ("lost_names",)),
            Transition("certificate.names_restored", "lost_names", ColumnState.PRESENT, ColumnState.NULL),
            Transition("certificate.renewal_at_risk", "at_risk_since", ColumnState.NULL, ColumnState.PRESENT, ("next_renewal_attempt_at", "expires_at")),
            Transition("certificate.renewal_safe_again", "at_risk_since", ColumnState.PRESENT, ColumnState.NULL, ("expires_at",)),
            Transition("certificate.key_exported", "key_exported_at", ColumnState.ANY, ColumnState.PRESENT, ("serial_number",)),
            Transition("certificate.expired", "status", ColumnState.ANY, _is(_C.EXPIRED), ("expires_at",)),
            Transition("certificate.revoked", "revoked_at", ColumnState.ANY, ColumnState.PRESENT, ("status", "revocation_reason")),
        ),
    ),
    Binding: _usual(
        "binding",
        watched=(
            "path", "port", "server_id", "server_group_id", "application_id", "ssl_enabled", "ssl_certificate_id",
            "force_https", "hsts_enabled", "is_primary", "traffic_weight",
            "redirect", "redirect_to",
        ),
        opaque=("proxy_config",),
        transitions=(
            Transition("binding.activated", "activated_at", ColumnState.NULL, ColumnState.PRESENT),
            Transition("binding.failed", "is_failing", _is(False), _is(True), ("error_message",)),
            Transition("binding.recovered", "is_failing", _is(True), _is(False)),
            Transition("binding.disabled", "status", ColumnState.ANY, _is(_B.DISABLED), ("error_message",)),
            Transition("binding.enabled", "status", _is(_B.DISABLED), ColumnState.ANY),
            Transition("binding.healthy", "health_status", ColumnState.ANY, _is(HealthStatus.HEALTHY)),
            Transition(
                "binding.degraded", "health_status", _is(HealthStatus.UNKNOWN, HealthStatus.HEALTHY),
                _is(HealthStatus.DEGRADED), ("error_message",),
            ),
            Transition(
                "binding.unhealthy", "health_status", ColumnState.ANY, _is(HealthStatus.UNHEALTHY),
                ("error_message",),
            ),
            Transition(
                "binding.held_back", "held_back_at", ColumnState.NULL, ColumnState.PRESENT,
                ("error_message",),
            ),
            Transition("binding.used_again", "held_back_at", ColumnState.PRESENT, ColumnState.NULL),
        ),
    ),
    BindingPlacement: Told(
        "binding",
        object_id="binding_id",
        transitions=(
            Transition("binding.server_withheld", "withheld_at", ColumnState.NULL, ColumnState.PRESENT, ("server_id", "trouble")),
            Transition("binding.server_returned", "withheld_at", ColumnState.PRESENT, ColumnState.NULL, ("server_id",)),
        ),
    ),
    HostedZone: Told(
        "domain",
        object_id="organization_domain_id",
        removed="zone.removed",
        transitions=(
            Transition("zone.created", "state", _is(HostedState.INTENDED), _is(HostedState.PRESENT), ("name",)),
            Transition("zone.kept", "state", ColumnState.ANY, _is(HostedState.KEPT), ("name", "error_message")),
            Transition("zone.delegated", "delegated", _is(False), _is(True), ("name",)),
            Transition("zone.undelegated", "delegated", _is(True), _is(False), ("name",)),
        ),
    ),
    QuarantinedName: Told(
        "domain",
        object_id="organization_domain_id",
        added="domain.quarantined",
        removed="domain.quarantine_ended",
        watched=("name", "scope"),
        shown=("reason", "since"),
    ),
    NameGrant: Told(
        "grant",
        added="grant.given",
        shown=("name", "scope", "may_lend", "ends_at"),
        transitions=(
            Transition(
                "grant.accepted", "grantee_organization_id", ColumnState.NULL, ColumnState.PRESENT,
                ("name",),
            ),
            Transition(
                "grant.revoked", "revoked_at", ColumnState.NULL, ColumnState.PRESENT,
                ("name", "ends_at"),
            ),
        ),
    ),
    DanglingRecord: Told(
        "domain",
        object_id="organization_domain_id",
        added="dangling_record.found",
        shown=("name", "problem", "severity"),
        transitions=(
            Transition(
                "dangling_record.ended", "ended_at", ColumnState.NULL, ColumnState.PRESENT,
                ("name", "problem"),
            ),
        ),
    ),
    NameChallenge: Told(
        "challenge",
        added="challenge.opened",
        shown=("name",),
        transitions=(
            Transition("challenge.won", "status", ColumnState.ANY, _is(ChallengeStatus.WON), ("name",)),
            Transition("challenge.refused", "status", ColumnState.ANY, _is(ChallengeStatus.REFUSED), ("name", "outcome_code")),
            Transition("challenge.withdrawn", "status", ColumnState.ANY, _is(ChallengeStatus.WITHDRAWN), ("name",)),
        ),
    ),
    NameTransfer: Told(
        "transfer",
        added="transfer.offered",
        shown=("name", "expires_at"),
        also={
            "transfer.received": "another organization offers a name",
            "transfer.taken_back": "an offer to the organization is no more",
        },
        transitions=(
            Transition("transfer.accepted", "status", ColumnState.ANY, _is(TransferStatus.ACCEPTED), ("name",)),
            Transition("transfer.declined", "status", ColumnState.ANY, _is(TransferStatus.DECLINED), ("name",)),
            Transition("transfer.withdrawn", "status", ColumnState.ANY, _is(TransferStatus.WITHDRAWN), ("name",)),
        ),
    ),
    RegisteredName: Told(
        "registration",
        added="registration.added",
        removed="registration.removed",
        restored="registration.restored",
        changed="registration.changed",
        shown=("name", "status"),
        watched=("account_id", "renewed_by", "lock_wanted", "privacy_wanted", "is_delegated"),
        opaque=("contact", "name_servers_wanted"),
        also={"registration.transfer_code_told": "somebody asked for the code with which the name moves away"},
        transitions=(
            Transition("registration.active", "status", _is(_G.PENDING, _G.TRANSFERRING_IN), _is(_G.ACTIVE, _G.EXPIRING), ("name", "expires_at")),
            Transition("registration.expired", "status", ColumnState.ANY, _is(_G.EXPIRED, _G.REDEMPTION), ("name", "status", "expires_at")),
            Transition("registration.ended", "status", ColumnState.ANY, _is(_G.ENDED), ("name",)),
            Transition("registration.moving_away", "status", ColumnState.ANY, _is(_G.TRANSFERRING_OUT), ("name",)),
            Transition("registration.renewed", "expires_at", ColumnState.PRESENT, ColumnState.PRESENT, ("name", "expires_at")),
            Transition("registration.expiring", "expiry_notice_days", ColumnState.ANY, ColumnState.PRESENT, ("name", "expires_at", "expiry_notice_days", "renewed_by", "trouble_code")),
            Transition("registration.contact_taken", "contact_wanted_at", ColumnState.PRESENT, ColumnState.NULL, ("name",)),
            Transition("registration.missing", "missing_since", ColumnState.NULL, ColumnState.PRESENT, ("name",)),
            Transition("", "trouble_code", now=_SLOW),
            Transition("", "trouble_code", _SLOW, ColumnState.NULL),
            Transition("registration.failed", "trouble_code", _is(None) | _SLOW, ColumnState.PRESENT, ("name", "trouble_message")),
            Transition("registration.recovered", "trouble_code", ColumnState.PRESENT, ColumnState.NULL, ("name",)),
        ),
    ),
    Purchase: Told(
        "purchase",
        transitions=(
            Transition("purchase.confirmed", "status", _is(_U.QUOTED), _is(_U.CONFIRMED), (*_BOUGHT, "confirmed_by")),
            Transition("purchase.approved", "status", _is(_U.WAITING), _is(_U.CONFIRMED), (*_BOUGHT, "approved_by")),
            Transition("purchase.waiting", "status", ColumnState.ANY, _is(_U.WAITING), (*_BOUGHT, "waits_because")),
            Transition("purchase.sent", "status", ColumnState.ANY, _is(_U.SENT), (*_BOUGHT, "sends")),
            Transition("purchase.unknown", "status", ColumnState.ANY, _is(_U.UNKNOWN), (*_BOUGHT, "error_code", "error_message")),
            Transition("purchase.settled", "status", ColumnState.ANY, _is(_U.SETTLED), (*_BOUGHT, "charged_amount", "order_id", "transaction_id")),
            Transition("purchase.failed", "status", ColumnState.ANY, _is(_U.FAILED), (*_BOUGHT, "error_code", "error_message")),
            Transition("purchase.cancelled", "status", ColumnState.ANY, _is(_U.CANCELLED), _BOUGHT),
        ),
    ),
    SetupLink: Told(
        "domain",
        object_id="organization_domain_id",
        added="setup_link.created",
        shown=("expires_at",),
        transitions=(
            Transition("setup_link.opened", "opened_at", ColumnState.NULL, ColumnState.PRESENT),
            Transition("setup_link.revoked", "revoked_at", ColumnState.NULL, ColumnState.PRESENT),
        ),
    ),
}  # fmt: skip
"""Model -> its events. Of the transitions of one column the first that fits is told."""

SILENT: Mapping[type[Any], str] = {
    LedgerEntry: "what Nameplate put into a zone is told as record.published and plan.applied",
    CertificateName: "what a certificate lost or got back is told as certificate.names_lost",
    HttpChallenge: "a step of issuing a certificate, which is told when it ends",
    NameHolding: "who holds a name is told as domain.verified, domain.lapsed and domain.released",
    DomainReadiness: "a copy, worked out from rows that have events of their own",
    EmbedToken: "of an hour at most, and made for each look at a page",
    Event: "an event is no object",
    HealthHour: "the looks of an hour; binding.unhealthy and binding.healthy say what they come to",
    DanglingScan: "when names are looked at; what is found is told as dangling_record.found",
    ProofMail: "a code on its way: domain.verified says when it came back",
}
"""Model with an organization -> why nothing is told of it."""


def types() -> Iterator[tuple[str, type[Any], str]]:
    """Yield every type with its model, and what leads to it in words."""
    for kind, told in TOLD.items():
        for verb in ("added", "changed", "removed", "restored"):
            type_ = getattr(told, verb)
            if type_:
                yield type_, kind, verb
        for type_, when in told.also.items():
            yield type_, kind, when
        for one in filter(lambda one: one.type, told.transitions):
            yield one.type, kind, f"`{one.column}`: {words(one.was)} → {words(one.now)}"


def words(wanted: Wanted) -> str:
    """Return what a value may be, for a person."""
    if isinstance(wanted, ColumnState):
        return wanted.value
    return " or ".join(sorted(f"`{str(one).lower()}`" for one in wanted))
