"""Certificates: what is served now, and the next generation while it is being obtained."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from nameplate.core.draft_challenges import IN_DNS
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, move
from nameplate.core.renewal import RenewalInfo
from nameplate.core.revocation import RevocationReason
from nameplate.models.bindings import Binding
from nameplate.models.certificate_origins import CertificateOrigins
from nameplate.models.challenge_progress import ChallengeProgress
from nameplate.models.orm import (
    BigId,
    Document,
    Identified,
    Json,
    LongText,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    same_organization,
    table,
)
from nameplate.models.rehearsal import Rehearsal
from nameplate.models.sealing import SEALED


class CertificateType(StrEnum):
    """Where a certificate comes from."""

    LETSENCRYPT = "letsencrypt"
    CUSTOM = "custom"
    WILDCARD = "wildcard"
    SELF_SIGNED = "self_signed"


class ChallengeType(StrEnum):
    """Challenge types of RFC 8555 section 8 and RFC 8737, and two drafts."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"
    TLS_ALPN_01 = "tls-alpn-01"
    DNS_ACCOUNT_01 = "dns-account-01"
    DNS_PERSIST_01 = "dns-persist-01"

    @property
    def is_in_dns(self) -> bool:
        """Whether TXT records answer it, wherever the hosts lead."""
        return self.value in IN_DNS


UNUSED = "certificate_unused"
"""Why a certificate that was made for a binding is not obtained or renewed any more."""
_BEGINNING = {
    status: move(status, begun)
    for status, begun in (
        (CertificateStatus.ACTIVE, CertificateStatus.RENEWING),
        (CertificateStatus.ERROR, CertificateStatus.PENDING),
        (CertificateStatus.EXPIRED, CertificateStatus.PENDING),
    )
}
"""What the first order of a generation makes of a certificate; of all others nothing."""
_ENDING = frozenset({CertificateStatus.RENEWING, CertificateStatus.EXPIRED})
"""What an uploaded certificate is when another has to follow it."""


class Certificate(Identified, SoftDeletable, Tenant, Work, Model):
    """One certificate of a domain through all its renewals.

    `certificate`, `private_key` and their companions are what is served; the columns that begin with
    `pending_` belong to the generation being obtained and replace them only when it is complete, so
    that a failed renewal never takes a working certificate away.
    """

    __tablename__ = "ssl_certificates"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("ssl_certificates_org_status_index", "organization_id", "status"),
        sa.Index("ssl_certificates_renewal_check_index", "expires_at", "auto_renew"),
        sa.Index("ssl_certificates_domain_status_index", "organization_domain_id", "status"),
        sa.Index("ssl_certificates_campaign_index", "campaign", "organization_id"),
        table("Certificates of domains, with renewal tracking."),
    )

    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The domain that the certificate secures."
    )
    certificate_name: Mapped[str | None] = mapped_column(sa.String(255), comment="Friendly name.")
    certificate_type: Mapped[CertificateType] = mapped_column(
        enum_of(CertificateType, "certificate_type"),
        default=CertificateType.LETSENCRYPT,
        server_default="letsencrypt",
        comment="Where the certificate comes from.",
    )
    certificate: Mapped[str | None] = mapped_column(LongText, comment="Leaf certificate, PEM.")
    private_key: Mapped[str | None] = mapped_column(
        LongText,
        info={SEALED: True},
        comment="Private key, PEM, sealed with AES-256-GCM (S12).",
    )
    certificate_chain: Mapped[str | None] = mapped_column(
        LongText, comment="Intermediate certificates, PEM."
    )
    certificate_bundle: Mapped[str | None] = mapped_column(
        LongText, comment="Leaf and intermediates, PEM, ready to deploy."
    )
    issuer: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Issuer as the certificate names it."
    )
    common_name: Mapped[str] = mapped_column(
        ascii_text(), index=True, comment="First name that the certificate covers."
    )
    subject_alternative_names: Mapped[list[str] | None] = mapped_column(
        Json, comment="All names that the certificate covers."
    )
    serial_number: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Serial number, lower-case hex."
    )
    fingerprint: Mapped[str | None] = mapped_column(
        sa.String(255), comment="SHA-256 of the DER form, lower-case hex."
    )
    public_key_fingerprint: Mapped[str | None] = mapped_column(
        ascii_text(64), index=True, comment="SHA-256 of the SubjectPublicKeyInfo, lower-case hex."
    )
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="notBefore.")
    expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, index=True, comment="notAfter."
    )
    last_renewed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When a new generation was installed last."
    )
    next_renewal_attempt_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the next renewal is due (S13)."
    )
    is_automatic: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Made for a binding, and let go when none uses it any more.",
    )
    auto_renew: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Renew automatically."
    )
    renewal_days_before_expiry: Mapped[int] = mapped_column(
        default=30,
        server_default="30",
        comment="Days before expiry to renew, when the lifetime allows (S13).",
    )
    renewal_attempts: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Failed attempts since the last success."
    )
    last_renewal_error_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When an attempt failed last."
    )
    renewal_error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why it failed, in words for a person."
    )
    renewal_error_code: Mapped[str | None] = mapped_column(
        sa.Text, comment="The same as a stable code, for programs."
    )
    status: Mapped[CertificateStatus] = mapped_column(
        enum_of(CertificateStatus, "status"),
        default=CertificateStatus.PENDING,
        server_default="pending",
        index=True,
        comment="Where the certificate stands.",
    )
    acme_order_url: Mapped[str | None] = mapped_column(
        sa.Text, comment="Order being worked on (RFC 8555 section 7.4)."
    )
    acme_challenge_data: Mapped[ChallengeProgress | None] = mapped_column(
        Document(ChallengeProgress),
        comment="Challenges presented for that order, and what was sent.",
    )
    acme_challenge_type: Mapped[ChallengeType | None] = mapped_column(
        enum_of(ChallengeType, "acme_challenge_type"), comment="How names are proved to the CA."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )
    notes: Mapped[str | None] = mapped_column(sa.Text, comment="Free text for people.")
    generation: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Certificates installed so far in this row."
    )
    pending_private_key: Mapped[str | None] = mapped_column(
        LongText,
        info={SEALED: True},
        comment="Key of the generation being obtained, sealed like `private_key`.",
    )
    former_bundle: Mapped[str | None] = mapped_column(
        LongText, comment="The generation before, PEM, until the new one is seen everywhere."
    )
    former_private_key: Mapped[str | None] = mapped_column(
        LongText, info={SEALED: True}, comment="Its key, sealed like `private_key`."
    )
    former_serial: Mapped[str | None] = mapped_column(sa.String(255), comment="Its serial number.")
    former_generation: Mapped[int | None] = mapped_column(comment="Which generation it is.")
    former_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="Its notAfter.")
    deployed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When every binding was first seen to serve this generation."
    )
    deployment_trouble: Mapped[str | None] = mapped_column(
        sa.Text, comment="Which server did not serve it when that was told, and why."
    )
    expiry_notice_days: Mapped[int | None] = mapped_column(
        comment="Days before the end of the notice of expiry that was given last."
    )
    key_exported_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the private key was exported last."
    )

    authority_account_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="SET NULL"),
        index=True,
        comment="The account whose authority issued what is served.",
    )
    authority_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why that authority was chosen, in words for a person."
    )
    renewal_window_starts_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="From when on its authority suggests to replace it (RFC 9773)."
    )
    renewal_window_ends_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when its authority suggests to replace it."
    )
    renewal_explanation_url: Mapped[str | None] = mapped_column(
        sa.Text, comment="Page on which the authority says why, where that is unusual."
    )
    renewal_info_due_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the authority is asked for its suggestion again."
    )

    revocation_reason: Mapped[RevocationReason | None] = mapped_column(
        enum_of(RevocationReason, "revocation_reason"),
        comment="Why it was revoked last, or is to be.",
    )
    revocation_certificate: Mapped[str | None] = mapped_column(
        LongText, comment="What is revoked as soon as nothing serves it any more, PEM."
    )
    revocation_error: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why that was not possible, in words for a person."
    )
    revoked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the authority revoked a certificate of this row last."
    )

    key_type: Mapped[str | None] = mapped_column(
        ascii_text(16), comment="Kind of its private keys; NULL: ec256."
    )
    profile: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="The authority's profile to order with."
    )
    preferred_chain: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Common name of the root to lead to; NULL: as the account says."
    )
    authorities: Mapped[str | None] = mapped_column(
        sa.Text, comment="Accounts to order it with, by name, one on each line; NULL: by priority."
    )
    chosen_by: Mapped[CertificateOrigins | None] = mapped_column(
        Document(CertificateOrigins),
        comment="Who has said what it is made with; NULL: it was asked for so.",
    )
    chain_note: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why another chain is served than that, in words for a person."
    )
    is_profile_gone: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="The authority did not have that profile at the last renewal.",
    )

    lost_names: Mapped[str | None] = mapped_column(
        sa.Text,
        comment="Names that it is to cover and does not, separated by spaces; NULL: none.",
    )

    @property
    def lost(self) -> tuple[str, ...]:
        """The names that it is to cover and does not: nobody proves them now, or not for long."""
        return tuple((self.lost_names or "").split())

    @property
    def wanted_names(self) -> tuple[str, ...]:
        """The names that it is to cover, those that it covers first."""
        covered = self.subject_alternative_names or ()
        return tuple(dict.fromkeys((*covered, *self.lost)))

    def cover(self, names: Sequence[str]) -> None:
        """Note which of the names that it is to cover are in the certificate that is installed."""
        wanted = self.wanted_names
        if set(names) != set(self.subject_alternative_names or ()):
            self.subject_alternative_names = list(names)
            self.common_name = names[0]
        self.lose(set(wanted) - set(names))

    def lose(self, names: Collection[str]) -> None:
        """Note which of the names that it is to cover it does not."""
        self.lost_names = " ".join(sorted(names)) or None

    watch_key: Mapped[str | None] = mapped_column(
        ascii_text(64),
        index=True,
        comment="The `certificate_watches` row whose change wakes it; NULL: none.",
    )
    rehearsal: Mapped[Rehearsal | None] = mapped_column(
        Document(Rehearsal), comment="What its next renewal would fail on; NULL: nothing was found."
    )
    rehearsed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When that was looked at last."
    )
    at_risk_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, index=True, comment="Since when its next renewal would fail."
    )
    unused_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when no binding uses it and its key was not exported."
    )
    unused_told_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When that was told."
    )
    campaign: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="Campaign in which it is replaced, or was last."
    )
    campaign_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why, in words for a person."
    )
    campaign_issuer: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Issuer of what is replaced."
    )
    campaign_began_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it became part of the campaign."
    )
    campaign_due_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when it must be replaced."
    )
    campaign_generation: Mapped[int | None] = mapped_column(comment="The generation to replace.")
    campaign_ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When it was told that all certificates of the organization in it are replaced.",
    )

    @classmethod
    def is_wanted(cls) -> sa.ColumnElement[bool]:
        """Return whether anybody wants the certificate: who asked for it, or a binding that uses it.

        One that was uploaded and ends soon is to be followed by the one made for the same host.
        """
        live = sa.and_(
            Binding.ssl_enabled,
            Binding.status != BindingStatus.DISABLED,
            Binding.deleted_at.is_(None),
        )
        used = sa.exists().where(Binding.ssl_certificate_id == cls.id, live)
        before = aliased(cls)
        follows = sa.exists().where(
            Binding.hostname == cls.common_name,
            Binding.organization_domain_id == cls.organization_domain_id,
            before.id == Binding.ssl_certificate_id,
            before.certificate_type == CertificateType.CUSTOM,
            before.status.in_(_ENDING),
            live,
        )
        let_go = sa.and_(cls.renewal_error_code.is_not(None), cls.renewal_error_code == UNUSED)
        asked_for = sa.and_(cls.is_automatic.is_(sa.false()), sa.not_(let_go))
        return sa.or_(asked_for, used, follows)

    @classmethod
    def retrying(cls, now: datetime) -> sa.Update:
        """Return the statement that has failed attempts repeated now; narrow it."""
        planned = cls.next_renewal_attempt_at
        return cls.waking(now).values(
            next_renewal_attempt_at=sa.case((planned > now, now), else_=planned)
        )

    @classmethod
    def resuming(cls, now: datetime) -> sa.Update:
        """Return the statement that has what waits for a watch looked at now; narrow it.

        A failed renewal is repeated; one that is not due yet is only rehearsed.
        """
        planned = cls.next_renewal_attempt_at
        fails = sa.or_(cls.renewal_error_code.is_not(None), cls.trouble_code.is_not(None))
        return cls.waking(now).values(
            next_renewal_attempt_at=sa.case((sa.and_(fails, planned > now), now), else_=planned)
        )

    @classmethod
    def noting_profile(cls, certificate_id: int, *, gone: bool) -> sa.Update:
        """Return the statement that notes whether the authority has the profile of a certificate."""
        return sa.update(cls).where(cls.id == certificate_id).values(is_profile_gone=gone)

    @property
    def is_uploaded(self) -> bool:
        """Whether somebody brought it: it is never ordered, and renewed only by whoever brings another."""
        return self.certificate_type is CertificateType.CUSTOM

    @property
    def needs_successor(self) -> bool:
        """Whether it was uploaded and the authority's certificate is to follow it."""
        return self.is_uploaded and self.auto_renew and self.status in _ENDING

    def hand_over(self) -> None:
        """Have the authority's certificate obtained that follows this one, which is served until then."""
        self.status = move(self.status, CertificateStatus.RENEWING)

    @property
    def is_let_go(self) -> bool:
        """Whether nothing is obtained because no binding used it at the last look."""
        return self.renewal_error_code == UNUSED

    def begin(self, sealed_key: str) -> None:
        """Start a generation: its key is stored."""
        self.pending_private_key = sealed_key
        self.status = _BEGINNING.get(self.status, self.status)

    @classmethod
    def beginning(cls) -> sa.Update:
        """Return the statement that does so for the row, with key (`sealed`) and order (`url`, `data`)."""
        table_: Any = cls.__table__
        columns = table_.c
        return sa.update(table_).values(
            pending_private_key=sa.bindparam("sealed"),
            acme_order_url=sa.bindparam("url"),
            acme_challenge_data=sa.bindparam("data", type_=columns.acme_challenge_data.type),
            status=sa.case(_BEGINNING, value=columns.status, else_=columns.status),
            attempts=0,
        )

    def keep_former(self, sealed_key: str) -> None:
        """Keep what is served beside the generation that is about to be installed."""
        self.former_bundle, self.former_private_key = self.certificate_bundle, sealed_key
        self.former_serial, self.former_generation = self.serial_number, self.generation
        self.former_expires_at = self.expires_at

    def drop_former(self) -> None:
        """Forget the former generation: the new one is seen everywhere, or it may not be served."""
        if self.former_generation is not None:
            self.former_bundle = self.former_private_key = self.former_serial = None
            self.former_generation = self.former_expires_at = None

    def deploy(self, now: datetime) -> None:
        """Record that every binding was seen to serve this generation."""
        self.deployed_at, self.deployment_trouble = now, None
        self.drop_former()

    def join(self, campaign: str, reason: str, due: datetime, now: datetime) -> None:
        """Make the certificate part of a campaign: this generation is to be replaced until `due`."""
        self.campaign, self.campaign_reason, self.campaign_due_at = campaign, reason, due
        self.campaign_began_at, self.campaign_generation = now, self.generation
        self.campaign_issuer, self.campaign_ended_at = self.issuer, None

    def leave(self) -> None:
        """Forget the campaign that ended a while ago."""
        self.campaign = self.campaign_ended_at = None

    def abandon(self) -> None:
        """Forget the generation being obtained; what is served stays."""
        self.pending_private_key = None
        self.acme_order_url = None
        self.acme_challenge_data = None

    def activate(self, now: datetime) -> None:
        """Record that a complete generation was installed in this row."""
        self.status = move(self.status, CertificateStatus.ACTIVE)
        self.generation += 1
        self.last_renewed_at = now
        self.expiry_notice_days = None
        self.deployed_at = self.deployment_trouble = None
        self.renewal_attempts = 0
        self.renewal_error_message = self.renewal_error_code = None
        self.watch_key = None
        self.note_rehearsal(None, now)

    def note_rehearsal(self, found: Rehearsal | None, now: datetime) -> None:
        """Keep what the next renewal would fail on, None when nothing was found."""
        self.rehearsal = found
        self.rehearsed_at = now
        self.at_risk_since = None if found is None else self.at_risk_since or now
        if found is None:
            self.watch_key = None

    def advise(self, info: RenewalInfo | None, now: datetime) -> bool:
        """Keep what the authority says of the renewal; tell whether its window is another than before."""
        before = (self.renewal_window_starts_at, self.renewal_window_ends_at)
        window = (None, None) if info is None else info.window
        self.renewal_window_starts_at, self.renewal_window_ends_at = window
        self.renewal_explanation_url = None if info is None else info.explanation_url
        self.renewal_info_due_at = None if info is None else now + info.ask_again
        return window != before

    def fail(self, code: str, reason: str, now: datetime) -> None:
        """Count a failed attempt; a certificate that still serves stays as it is."""
        if self.certificate is None or self.status is CertificateStatus.PENDING:
            self.status = move(self.status, CertificateStatus.ERROR)
        elif self.status is CertificateStatus.RENEWING:
            self.status = move(self.status, CertificateStatus.ACTIVE)
        self.renewal_attempts += 1
        self.last_renewal_error_at = now
        self.say(code, reason)

    def let_go(self) -> None:
        """Obtain nothing any more, because no binding uses it; what there is stays until it expires."""
        if self.status is CertificateStatus.RENEWING:
            self.status = move(self.status, CertificateStatus.ACTIVE)
        self.next_renewal_attempt_at = None
        self.say(
            UNUSED, "No binding uses this certificate any more. It is not obtained or renewed."
        )

    def take_up(self, renew_at: datetime | None) -> None:
        """Plan for a certificate that was let go and is wanted again."""
        self.renewal_error_code = self.renewal_error_message = None
        self.next_renewal_attempt_at = renew_at

    def say(self, code: str, reason: str) -> None:
        """Keep why nothing is obtained now, for programs and for a person."""
        self.renewal_error_code = code
        self.renewal_error_message = reason

    def expire(self) -> None:
        """Record that the validity has ended."""
        self.status = move(self.status, CertificateStatus.EXPIRED)

    def plan_revocation(self, certificate: str | None, reason: RevocationReason | None) -> None:
        """Say what is revoked when nothing serves it any more (nothing: None), and why."""
        self.revocation_certificate, self.revocation_reason = certificate, reason
        self.revocation_error = None

    def note_revocation(self, now: datetime) -> None:
        """Record that the authority has revoked one; the row goes on with another, unless it ends."""
        self.revoked_at = now

    def revoke(self, now: datetime) -> None:
        """Record that the authority has revoked the certificate; its key is never used again."""
        self.status = move(self.status, CertificateStatus.REVOKED)
        self.revoked_at = now
        self.drop_former()


class HttpChallenge(Tenant, Model):
    """A token that Nameplate answers for exactly one host (RFC 8555 section 8.3, RFC 8737)."""

    __tablename__ = "http_challenges"
    __table_args__ = (
        same_organization("ssl_certificates", "ssl_certificate_id"),
        table("Challenge tokens that are answered here, each for exactly one host."),
    )

    token: Mapped[str] = mapped_column(ascii_text(), primary_key=True, comment="Challenge token.")
    hostname: Mapped[str] = mapped_column(
        ascii_text(), index=True, comment="The host it is answered for."
    )
    challenge_type: Mapped[ChallengeType] = mapped_column(
        enum_of(ChallengeType, "challenge_type"),
        default=ChallengeType.HTTP_01,
        server_default="http-01",
        comment="How it is asked for.",
    )
    key_authorization: Mapped[str] = mapped_column(
        ascii_text(512), comment="The answer (RFC 8555 section 8.1)."
    )
    ssl_certificate_id: Mapped[int] = mapped_column(
        BigId, index=True, comment="The certificate that is being obtained."
    )

    @classmethod
    def forgetting(cls, certificate_id: int | sa.BindParameter[Any]) -> sa.Delete:
        """Return the statement that ends the answers for one certificate."""
        return sa.delete(cls).where(cls.ssl_certificate_id == certificate_id)

    @classmethod
    def forgetting_all(cls) -> sa.Delete:
        """Return the statement that does so for several certificates, its parameter `certificates`."""
        these: sa.BindParameter[Any] = sa.bindparam("certificates", expanding=True)
        return sa.delete(cls).where(cls.ssl_certificate_id.in_(these))
