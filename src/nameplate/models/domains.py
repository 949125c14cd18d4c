"""Claimed domains. A claim grants nothing; only a holding does (`holdings.py`)."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, aliased, mapped_column
from sqlalchemy.sql import expression

from nameplate.core import budget
from nameplate.core.budget import Limit
from nameplate.core.errors import Conflict, RateLimited
from nameplate.core.lifecycle import DomainStatus, move
from nameplate.models.changed_records import ChangedRecords
from nameplate.models.dns_settings import DnsSettings
from nameplate.models.holdings import HoldingScope, NameHolding
from nameplate.models.known_delegations import KnownDelegation
from nameplate.models.known_registrations import KnownRegistration
from nameplate.models.orm import (
    BigId,
    Document,
    Generated,
    Identified,
    Json,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    table,
)

CHECKS_BY_HAND = Limit(5, timedelta(minutes=10))
"""How often people may ask for a look at a domain's proofs, beside those that come by themselves."""


def _answers_for(
    wildcard: sa.SQLColumnExpression[str], name: sa.SQLColumnExpression[str]
) -> sa.ColumnElement[bool]:
    """Return whether a wildcard matches a name: one label more than its parent (RFC 4592)."""
    parent = sa.func.replace(sa.func.substr(wildcard, 2), "_", "!_")
    return sa.and_(
        wildcard.like("*.%"),
        name.like(sa.literal("%").concat(parent), escape="!"),
        name.not_like(sa.literal("%.%").concat(parent), escape="!"),
    )


def _by_no_index(column: sa.SQLColumnExpression[int]) -> sa.ColumnElement[int]:
    """Return a column as a value that no index is asked for: holdings are found by their names.

    While a table is new PostgreSQL takes every index to lead to one row, and keeps its plan for a minute: of an
    organization that claims thousands of names, each would be looked for among all.
    """
    return column + 0


def _covers(
    holding: type[NameHolding], hostname: sa.SQLColumnExpression[str]
) -> sa.ColumnElement[bool]:
    """Return whether a holding reaches what is below its name."""
    ending = sa.func.substr(hostname, sa.func.length(hostname) - sa.func.length(holding.name))
    return sa.and_(
        holding.scope == HoldingScope.SUBTREE, ending == sa.literal(".").concat(holding.name)
    )


_PROVED = (DomainStatus.VERIFIED, DomainStatus.ACTIVE)


class DomainType(StrEnum):
    """What a domain is for."""

    PLATFORM = "platform"
    APPLICATION = "application"
    WILDCARD = "wildcard"
    CUSTOM = "custom"


class SslProvider(StrEnum):
    """Who issues the certificates of a domain."""

    LETSENCRYPT = "letsencrypt"
    CUSTOM = "custom"
    CLOUDFLARE = "cloudflare"
    NONE = "none"


class DriftPolicy(StrEnum):
    """What to do when a record is changed outside Nameplate."""

    OFF = "off"
    """Do not check."""
    REPORT = "report"
    """Flag the change and offer a repair plan; write nothing."""
    REPAIR = "repair"
    """Change the record back."""


class SuffixApproval(StrEnum):
    """What the operator decided about a name below which a company gives names to customers."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"


class full_name(expression.FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """The generated `full_domain`: CONCAT exists on MariaDB, `||` on the others."""

    type = sa.String()
    inherit_cache = True


@compiles(full_name)
def _full_name(_element: full_name, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return "CASE WHEN subdomain IS NULL THEN domain_name ELSE subdomain || '.' || domain_name END"


@compiles(full_name, "mysql", "mariadb")
def _full_name_mariadb(_element: full_name, _compiler: Any, **_kw: Any) -> str:  # noqa: ANN401 - hook
    return (
        "CASE WHEN subdomain IS NULL THEN domain_name ELSE concat(subdomain, '.', domain_name) END"
    )


class Domain(Identified, SoftDeletable, Tenant, Work, Model):
    """One organization's claim on one name, and what is configured for it."""

    __tablename__ = "organization_domains"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "unique_org_domain",
            "organization_id",
            "domain_name",
            "subdomain_key",
            "live",
            unique=True,
        ),
        sa.Index("organization_domains_status_expiration_index", "status", "expires_at"),
        sa.Index("organization_domains_org_type_index", "organization_id", "domain_type"),
        sa.Index("organization_domains_org_status_index", "organization_id", "status"),
        sa.Index("organization_domains_changed_index", "updated_at"),
        table("Claimed domains and their configuration."),
    )

    domain_name: Mapped[str] = mapped_column(
        ascii_text(), index=True, comment="Registrable domain, lower-case A-labels: `acme.com`."
    )
    subdomain: Mapped[str | None] = mapped_column(
        ascii_text(), index=True, comment="What stands left of it: `platform`, `*`; NULL: apex."
    )
    subdomain_key: Mapped[str] = mapped_column(
        ascii_text(),
        Generated("coalesce(subdomain, '')"),
        nullable=True,
        comment="`subdomain` without NULL, so that two apex rows collide (S2).",
    )
    full_domain: Mapped[str] = mapped_column(
        ascii_text(511),
        Generated(full_name()),
        nullable=True,
        index=True,
        comment="`subdomain` and `domain_name` joined, generated by the database (S10).",
    )
    status: Mapped[DomainStatus] = mapped_column(
        enum_of(DomainStatus, "status"),
        default=DomainStatus.PENDING_VERIFICATION,
        server_default="pending_verification",
        index=True,
        comment="Where the domain stands in its lifecycle.",
    )
    domain_type: Mapped[DomainType] = mapped_column(
        enum_of(DomainType, "domain_type"),
        default=DomainType.APPLICATION,
        server_default="application",
        comment="What the domain is for.",
    )
    registrar: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Registrar: namecheap, route53, cloudflare ..."
    )
    registrar_domain_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="The registrar's own id of the domain."
    )
    managed_externally: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="DNS is managed outside the platform."
    )
    dns_provider: Mapped[str | None] = mapped_column(
        sa.String(255), comment="DNS host: cloudflare, route53, digitalocean, powerdns ..."
    )
    dns_zone_id: Mapped[str | None] = mapped_column(
        sa.String(255), comment="The DNS host's own id of the zone."
    )
    dns_account_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="SET NULL"),
        index=True,
        comment="The account with which records are written; NULL: none.",
    )
    dns: Mapped[DnsSettings] = mapped_column(
        "dns_config",
        Document(DnsSettings),
        default=DnsSettings(),
        nullable=True,
        comment="Settings at that DNS host: the zone, and whether it is hosted here.",
    )
    delegation: Mapped[KnownDelegation | None] = mapped_column(
        Document(KnownDelegation),
        comment="The zone that the Internet saw at the name, and whose servers it should be.",
    )
    ssl_enabled: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Serve HTTPS."
    )
    ssl_provider: Mapped[SslProvider] = mapped_column(
        enum_of(SslProvider, "ssl_provider"),
        default=SslProvider.LETSENCRYPT,
        server_default="letsencrypt",
        comment="Who issues the certificates.",
    )
    auto_renew_ssl: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Renew certificates automatically."
    )
    key_type: Mapped[str | None] = mapped_column(
        ascii_text(16), comment="Kind of the private keys of new certificates; NULL: ec256."
    )
    certificate_profile: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="The authority's profile that new certificates are ordered with."
    )
    preferred_chain: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Common name of the root that new certificates should lead to."
    )
    certificate_challenge: Mapped[str | None] = mapped_column(
        ascii_text(32), comment="How names are preferably proved to authorities."
    )
    certificate_authorities: Mapped[str | None] = mapped_column(
        sa.Text, comment="Accounts to order certificates with, by name, one on each line."
    )
    verification_method: Mapped[str | None] = mapped_column(
        sa.String(255), comment="How ownership is proved: dns_txt, file_upload ..."
    )
    verification_token: Mapped[str | None] = mapped_column(
        ascii_text(), comment="Token of the current proof."
    )
    verified_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When ownership was proved last."
    )
    verification_expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when the proof counts."
    )
    holding_name: Mapped[str | None] = mapped_column(
        ascii_text(),
        comment="Which holding of the organization the claim rests on: its own name or one above; "
        "NULL: none. Whether that is held still, `name_holdings` says.",
    )
    platform_suspension: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why the platform suspended the domain; NULL: it did not."
    )
    suffix_approval: Mapped[SuffixApproval | None] = mapped_column(
        enum_of(SuffixApproval, "suffix_approval"),
        comment="What the operator decided about a name in the private section of the public suffix "
        "list; NULL: it is not in there.",
    )
    suffix_denial: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why the operator denied it; NULL: they did not."
    )
    own_suspension: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why the organization itself suspended the domain; NULL: it did not."
    )
    suspended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when the domain is suspended."
    )
    registered_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the name was registered."
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, index=True, comment="When the registration ends."
    )
    auto_renew: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Renew the registration automatically."
    )
    registration: Mapped[KnownRegistration | None] = mapped_column(
        Document(KnownRegistration),
        comment="What the registry of `domain_name` said last; NULL: nothing yet.",
    )
    cdn_enabled: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="A CDN stands in front."
    )
    cdn_provider: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Which CDN: cloudflare, fastly ..."
    )
    force_https: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Redirect HTTP to HTTPS."
    )
    hsts_enabled: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Send Strict-Transport-Security."
    )
    drift_policy: Mapped[DriftPolicy] = mapped_column(
        enum_of(DriftPolicy, "drift_policy"),
        default=DriftPolicy.REPORT,
        server_default="report",
        comment="What to do when somebody else changes our records at the provider.",
    )
    drift_checked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the zone was compared with what is wanted last."
    )
    drift: Mapped[ChangedRecords | None] = mapped_column(
        Document(ChangedRecords),
        comment="What somebody else changed: since when, expected, observed, plan to repair.",
    )
    overrun_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When a worker last took the domain from one that had not released it: that one may act yet.",
    )
    notes: Mapped[str | None] = mapped_column(sa.Text, comment="Free text for people.")
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )
    last_checked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When a worker looked at the domain last."
    )
    grant_id: Mapped[int | None] = mapped_column(
        BigId, comment="The grant that the claim is to rest on."
    )
    challenge_id: Mapped[int | None] = mapped_column(
        BigId, comment="The challenge that the claim has opened; NULL: none is open."
    )
    contest_id: Mapped[int | None] = mapped_column(
        BigId, comment="The challenge that the holding must answer; NULL: none is open."
    )
    contested_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When that challenge is decided at the earliest."
    )
    check_allowed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="Theoretical arrival time of the next check that a person asks for (GCRA).",
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong, in words for a person."
    )

    @hybrid_property
    def is_live(self) -> bool:
        """Whether it may be served, secured and written to: held, not suspended, not gone.

        In a statement the holding itself is asked; here the claim's own row, which changes in the
        transaction of the holding.
        """
        return self.status in _PROVED and self.deleted_at is None and self.holding_name is not None

    @is_live.inplace.expression
    @classmethod
    def _is_live(cls) -> sa.ColumnElement[bool]:
        return _live() if cls is Domain else cls._rests_on(aliased(NameHolding))

    @classmethod
    def permits(cls, hostname: sa.SQLColumnExpression[str]) -> sa.ColumnElement[bool]:
        """Return whether a live claim may use `hostname`, its own name or one below it.

        Any holding of its organization that reaches the host will do, as `holders.holds` says: a proof
        of a name alone reaches nothing below, and no wildcard (I2, I4). What is lent to another
        organization is that one's alone.
        """
        return cls._may_use(hostname, _PROVED)

    @classmethod
    def suspends(cls, hostname: sa.SQLColumnExpression[str]) -> sa.ColumnElement[bool]:
        """Return whether a suspended claim could use `hostname` if it were resumed."""
        return cls._may_use(hostname, (DomainStatus.SUSPENDED,))

    @classmethod
    def _may_use(
        cls, hostname: sa.SQLColumnExpression[str], statuses: tuple[DomainStatus, ...]
    ) -> sa.ColumnElement[bool]:
        own = aliased(NameHolding)
        reached = sa.exists().where(
            own.base == cls.domain_name,
            _by_no_index(own.organization_id) == cls.organization_id,
            own.lapsed_at.is_(None),
            sa.or_(own.name == hostname, _covers(own, hostname)),
        )
        return sa.and_(
            cls._rests_on(aliased(NameHolding), statuses=statuses),
            reached,
            sa.not_(cls._is_lent(hostname)),
        )

    @classmethod
    def _is_lent(cls, hostname: sa.SQLColumnExpression[str]) -> sa.ColumnElement[bool]:
        other = aliased(NameHolding)
        return sa.exists().where(
            other.base == cls.domain_name,
            other.grant_id.is_not(None),
            other.organization_id != cls.organization_id,
            sa.or_(
                other.name == hostname,
                _covers(other, hostname),
                _answers_for(hostname, other.name),
            ),
        )

    @classmethod
    def _rests_on(
        cls,
        holding: type[NameHolding],
        *also: sa.ColumnElement[bool],
        statuses: tuple[DomainStatus, ...] = _PROVED,
    ) -> sa.ColumnElement[bool]:
        held = sa.exists().where(
            holding.name == cls.holding_name,
            _by_no_index(holding.organization_id) == cls.organization_id,
            *also,
        )
        # Two parameters: a list would be written into the statement anew each time.
        proved = [sa.literal(one, cls.status.type) for one in statuses]
        return sa.and_(cls.status.in_(proved), cls.deleted_at.is_(None), held)

    @property
    def is_suffix(self) -> bool:
        """Whether others may get names below this one: it is held alone, and when approved."""
        return self.suffix_approval is not None

    @property
    def is_approved(self) -> bool:
        """Whether the operator has nothing against it."""
        return self.suffix_approval in {None, SuffixApproval.APPROVED}

    def learn(self, known: KnownRegistration) -> bool:
        """Keep what the registry said; tell whether a proof may depend on what is different now.

        Of a name that one of our accounts registered, that account tells registrar and dates.
        """
        before = (self.registrar, self.registered_at, self.expires_at)
        self.registration = known
        if self.registrar_domain_id is None:
            self.registrar = known.registrar or self.registrar
            self.registered_at = known.registered_at or self.registered_at
            self.expires_at = known.ended_at or known.expires_at or self.expires_at
        return before != (self.registrar, self.registered_at, self.expires_at)

    def ask_for_check(self, now: datetime) -> None:
        """Count a check that a person asks for. Raises `RateLimited` `checks_spent`."""
        wait = self._spend_by_hand(now)
        if wait > timedelta(0):
            told = "This domain was checked too often. Nameplate also checks by itself."
            raise RateLimited("checks_spent", told, wait)

    def ask_for_purge(self, now: datetime) -> None:
        """Count a purge that a person asks for, with the checks. Raises `RateLimited` `purges_spent`."""
        wait = self._spend_by_hand(now)
        if wait > timedelta(0):
            told = "Caches of this domain were purged too often. Name several paths in one request."
            raise RateLimited("purges_spent", told, wait)

    def _spend_by_hand(self, now: datetime) -> timedelta:
        """Count what a person asks for; return how long they have to wait, nothing when they need not."""
        allowed_at, wait = budget.spend(self.check_allowed_at or now, now, CHECKS_BY_HAND)
        if wait <= timedelta(0):
            self.check_allowed_at = allowed_at
        return wait

    def approve(self) -> None:
        """Record that the operator lets the organization hold the suffix, once it is proved."""
        self.suffix_approval, self.suffix_denial = SuffixApproval.APPROVED, None
        self.error_message = None

    def deny(self, reason: str) -> None:
        """Record that the operator does not let the organization hold the suffix, and why."""
        self.suffix_approval = SuffixApproval.DENIED
        self.suffix_denial = self.error_message = reason

    def verify(self, now: datetime, until: datetime) -> None:
        """Record that ownership was proved; active stays active, and suspended stays suspended."""
        if self.status not in {DomainStatus.ACTIVE, DomainStatus.SUSPENDED}:
            self.status = move(self.status, DomainStatus.VERIFIED)
        self.verified_at = now
        self.verification_expires_at = until
        self.error_message = None

    def activate(self) -> None:
        """Record that at least one binding serves this domain."""
        self.status = move(self.status, DomainStatus.ACTIVE)

    def deactivate(self) -> None:
        """Record that no binding serves this domain any more."""
        if self.status is DomainStatus.ACTIVE:
            self.status = move(self.status, DomainStatus.VERIFIED)

    def lapse(self, reason: str) -> None:
        """Record that ownership is no longer proved: everything it granted ends, a suspension does not."""
        self.verified_at = None
        self.verification_expires_at = None
        self.holding_name = None
        if self.status is not DomainStatus.SUSPENDED:
            self.status = move(self.status, DomainStatus.PENDING_VERIFICATION)
            self.error_message = reason

    def suspend(self, reason: str, now: datetime, *, by_platform: bool) -> None:
        """Stop serving the domain without giving the name up. Both sides may, each for itself."""
        self.status = move(self.status, DomainStatus.SUSPENDED)
        self.suspended_at = self.suspended_at or now
        self.error_message = reason
        if by_platform:
            self.platform_suspension = reason
        else:
            self.own_suspension = reason

    def resume(self, *, by_platform: bool) -> None:
        """End a suspension by the side that made it; what was proved before still counts.

        The platform's ends first. Raises Conflict `suspended_by_platform` when the organization
        asks for the end of what only the platform may end.
        """
        if self.status is not DomainStatus.SUSPENDED:
            return
        if self.platform_suspension is not None and not by_platform:
            raise Conflict(
                "suspended_by_platform",
                "The platform suspended this domain. Only the platform's operator can resume it.",
            )
        if self.platform_suspension is not None:
            self.platform_suspension = None
        else:
            self.own_suspension = None
        if self.own_suspension is not None:
            return
        self.suspended_at = self.error_message = None
        held = self.holding_name is not None
        self.status = move(
            self.status, DomainStatus.VERIFIED if held else DomainStatus.PENDING_VERIFICATION
        )

    def expire(self, reason: str) -> None:
        """Record that the claim or the registration has run out."""
        self.status = move(self.status, DomainStatus.EXPIRED)
        self.error_message = reason

    def reopen(self) -> None:
        """Let a claim that has run out be proved after all."""
        if self.status is DomainStatus.EXPIRED:
            self.status = move(self.status, DomainStatus.PENDING_VERIFICATION)
            self.error_message = None

    def fail(self, reason: str) -> None:
        """Record an error that a person must solve."""
        self.status = move(self.status, DomainStatus.ERROR)
        self.error_message = reason


@cache  # an alias takes longer to make than all else about a statement, and this is in many
def _live() -> sa.ColumnElement[bool]:
    return Domain._rests_on(aliased(NameHolding))  # noqa: SLF001 - its own
