"""SQLAlchemy models, one family a file; state changes are methods here."""

from nameplate.models import (
    announcement,
    deletion,
    event_types,
    readiness,
    reconfiguration,
    telling,
    telling_many,
    tenancy,
)
from nameplate.models.accounts import (
    Account,
    AccountKind,
    Budget,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
)
from nameplate.models.bindings import Binding, ProxyType
from nameplate.models.certificate_names import CertificateName
from nameplate.models.certificate_origins import CertificateOrigins
from nameplate.models.certificate_watches import CertificateWatch, WatchKind
from nameplate.models.certificates import (
    Certificate,
    CertificateType,
    ChallengeType,
    HttpChallenge,
)
from nameplate.models.challenge_progress import ChallengeProgress
from nameplate.models.changed_records import ChangedRecord, ChangedRecords, RecordSide
from nameplate.models.dangling import DanglingRecord, DanglingScan, DanglingState
from nameplate.models.dns_settings import DnsSettings, Hosting
from nameplate.models.domains import (
    Domain,
    DomainType,
    DriftPolicy,
    SslProvider,
    SuffixApproval,
)
from nameplate.models.edge_asks import EdgeAsk
from nameplate.models.embed_tokens import EmbedOrigin, EmbedToken
from nameplate.models.events import Event, EventActor, EventCounter
from nameplate.models.grants import NameGrant
from nameplate.models.health_memory import HealthHour, KnownHealth
from nameplate.models.holdings import HoldingBasis, HoldingScope, NameHolding, NameLock
from nameplate.models.hosting import HostedState, HostedZone
from nameplate.models.known_delegations import KnownDelegation
from nameplate.models.known_registrations import KnownRegistration
from nameplate.models.name_challenges import ChallengeStatus, NameChallenge
from nameplate.models.name_transfers import NameTransfer, TransferStatus
from nameplate.models.observations import Observation, ObservedRecord, ServerAnswer
from nameplate.models.organizations import Application, Organization, Server
from nameplate.models.orm import Model, metadata
from nameplate.models.people import (
    KnownDevice,
    Membership,
    RecoveryCode,
    SignInMethod,
    User,
    UserSession,
)
from nameplate.models.plan_content import PlanContent, PlanOutcome
from nameplate.models.plans import ChangePlan, PlanOrigin
from nameplate.models.proof_mails import PERHAPS_SENT, MailState, ProofMail
from nameplate.models.quarantine import QuarantinedName, ReleaseReason
from nameplate.models.readiness import DomainReadiness
from nameplate.models.records import Record, RecordableType, RecordType
from nameplate.models.registration_watches import RegistrationWatch
from nameplate.models.registrations import Purchase, RegisteredName, RenewedBy
from nameplate.models.rehearsal import Rehearsal, RenewalRisk
from nameplate.models.sealing import LiveProcess, SealingKey
from nameplate.models.server_groups import BindingPlacement, ServerGroup
from nameplate.models.setup_links import SetupLink
from nameplate.models.steps import StepCount
from nameplate.models.surroundings import Surroundings
from nameplate.models.tokens import ApiToken, IdempotencyKey
from nameplate.models.verifications import LossReason, Verification, VerificationMethodName

__all__ = [
    "PERHAPS_SENT",
    "Account",
    "AccountKind",
    "ApiToken",
    "Application",
    "Binding",
    "BindingPlacement",
    "Budget",
    "Certificate",
    "CertificateName",
    "CertificateOrigins",
    "CertificateType",
    "CertificateWatch",
    "ChallengeProgress",
    "ChallengeStatus",
    "ChallengeType",
    "ChangePlan",
    "ChangedRecord",
    "ChangedRecords",
    "DanglingRecord",
    "DanglingScan",
    "DanglingState",
    "DnsSettings",
    "Domain",
    "DomainReadiness",
    "DomainType",
    "DriftPolicy",
    "EdgeAsk",
    "EmbedOrigin",
    "EmbedToken",
    "Event",
    "EventActor",
    "EventCounter",
    "HealthHour",
    "HoldingBasis",
    "HoldingScope",
    "HostedState",
    "HostedZone",
    "Hosting",
    "HttpChallenge",
    "IdempotencyKey",
    "KnownDelegation",
    "KnownDevice",
    "KnownHealth",
    "KnownRegistration",
    "LedgerEntry",
    "LedgerPurpose",
    "LedgerState",
    "LiveProcess",
    "LossReason",
    "MailState",
    "Membership",
    "Model",
    "NameChallenge",
    "NameGrant",
    "NameHolding",
    "NameLock",
    "NameTransfer",
    "Observation",
    "ObservedRecord",
    "Organization",
    "PlanContent",
    "PlanOrigin",
    "PlanOutcome",
    "ProofMail",
    "ProxyType",
    "Purchase",
    "QuarantinedName",
    "Record",
    "RecordSide",
    "RecordType",
    "RecordableType",
    "RecoveryCode",
    "RegisteredName",
    "RegistrationWatch",
    "Rehearsal",
    "ReleaseReason",
    "RenewalRisk",
    "RenewedBy",
    "SealingKey",
    "Server",
    "ServerAnswer",
    "ServerGroup",
    "SetupLink",
    "SignInMethod",
    "SslProvider",
    "StepCount",
    "SuffixApproval",
    "Surroundings",
    "TransferStatus",
    "User",
    "UserSession",
    "Verification",
    "VerificationMethodName",
    "WatchKind",
    "announcement",
    "deletion",
    "event_types",
    "metadata",
    "readiness",
    "reconfiguration",
    "telling",
    "telling_many",
    "tenancy",
]
