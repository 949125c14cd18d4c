"""Bindings: which application answers at which host, through which proxy."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core import health as thresholds
from nameplate.core.lifecycle import BindingStatus, HealthStatus, move
from nameplate.core.redirection import RedirectKind
from nameplate.models.custom_hostnames import SeenHost
from nameplate.models.health_memory import KnownHealth
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
    clears_reference,
    enum_of,
    same_organization,
    table,
)
from nameplate.models.presence import Presence
from nameplate.models.ranges import ranges


class ProxyType(StrEnum):
    """Proxies that can serve a binding."""

    NGINX = "nginx"
    TRAEFIK = "traefik"
    CADDY = "caddy"
    CLOUDFLARE = "cloudflare"


class Binding(Identified, Presence, SoftDeletable, Tenant, Work, Model):
    """One host and path that leads to one application."""

    __tablename__ = "application_domain_bindings"
    __table_args__ = (
        *ranges("application_domain_bindings"),
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("applications", "application_id"),
        same_organization("organization_domains", "organization_domain_id"),
        *clears_reference("ssl_certificates", "ssl_certificate_id"),
        sa.Index(
            "unique_app_domain_binding",
            "application_id",
            "organization_domain_id",
            "subdomain_key",
            "path",
            "port_key",
            "live",
            unique=True,
        ),
        sa.CheckConstraint("redirect_status IN (301, 308)", name="redirect_status"),
        sa.Index(
            "application_domain_bindings_primary_unique",
            "application_id",
            "primary_key",
            unique=True,
        ),
        sa.Index("application_domain_bindings_org_status_index", "organization_id", "status"),
        sa.Index("application_domain_bindings_app_primary_index", "application_id", "is_primary"),
        sa.Index(
            "application_domain_bindings_health_check_index",
            "health_status",
            "last_health_check_at",
        ),
        sa.Index("application_domain_bindings_changed_index", "updated_at"),
        table("Which application answers at which host, through which proxy."),
    )

    application_id: Mapped[int] = mapped_column(BigId, comment="The application that answers.")
    organization_domain_id: Mapped[int] = mapped_column(
        BigId, index=True, comment="The domain that the host belongs to."
    )
    server_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("servers.id", ondelete="SET NULL"),
        index=True,
        comment="The server whose proxy serves the host.",
    )
    server_group_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("server_groups.id", ondelete="SET NULL"),
        index=True,
        comment="The group of servers that all serve the host; it has no `server_id` then.",
    )
    subdomain: Mapped[str | None] = mapped_column(
        ascii_text(), comment="Label below the domain: `api` makes `api.<full_domain>`."
    )
    subdomain_key: Mapped[str] = mapped_column(
        ascii_text(),
        Generated("coalesce(subdomain, '')"),
        nullable=True,
        comment="`subdomain` without NULL, so that two rows without it collide (S9).",
    )
    hostname: Mapped[str] = mapped_column(
        ascii_text(511), index=True, comment="Canonical full host name of the binding (S9)."
    )
    path: Mapped[str] = mapped_column(
        ascii_text(), default="/", server_default="/", comment="Path prefix."
    )
    port: Mapped[int | None] = mapped_column(comment="Application port; NULL: the application's.")
    port_key: Mapped[int] = mapped_column(
        Generated("coalesce(port, 0)"),
        nullable=True,
        comment="`port` without NULL, so that two rows without it collide (S9).",
    )
    proxy_type: Mapped[ProxyType] = mapped_column(
        enum_of(ProxyType, "proxy_type"),
        default=ProxyType.NGINX,
        server_default="nginx",
        comment="Which proxy serves the host.",
    )
    proxy_config: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="Settings of that proxy."
    )
    ssl_enabled: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Serve HTTPS."
    )
    ssl_certificate_id: Mapped[int | None] = mapped_column(
        BigId,
        index=True,
        comment="The certificate that is presented.",
    )
    force_https: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Redirect HTTP to HTTPS."
    )
    hsts_enabled: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="Send Strict-Transport-Security."
    )
    served_server_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey(
            "servers.id",
            ondelete="SET NULL",
            name="application_domain_bindings_served_server_foreign",
        ),
        index=True,
        comment="The server whose proxy serves the binding by its last configuration.",
    )
    seen_host: Mapped[SeenHost | None] = mapped_column(
        Document(SeenHost),
        comment="How the service sees the host whose proxy is a service, such as Cloudflare.",
    )
    health_check_path: Mapped[str] = mapped_column(
        sa.String(255), default="/", server_default="/", comment="Path that is asked."
    )
    health_check_interval: Mapped[int] = mapped_column(
        default=30, server_default="30", comment="Seconds between health checks."
    )
    health_check_timeout: Mapped[int] = mapped_column(
        default=5, server_default="5", comment="Seconds until a health check fails."
    )
    last_health_check_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the last health check ended."
    )
    health_status: Mapped[HealthStatus] = mapped_column(
        enum_of(HealthStatus, "health_status"),
        default=HealthStatus.UNKNOWN,
        server_default="unknown",
        comment="What the last health checks said.",
    )
    failing_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when health checks fail; NULL: the last one did not."
    )
    known_health: Mapped[KnownHealth | None] = mapped_column(
        Document(KnownHealth), comment="How many health checks in a row failed, and went well."
    )
    held_back_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="Since when the target gets no requests while others of its route are well.",
    )
    status: Mapped[BindingStatus] = mapped_column(
        enum_of(BindingStatus, "status"),
        default=BindingStatus.PENDING,
        server_default="pending",
        index=True,
        comment="Where the binding stands between wish and served traffic.",
    )
    is_primary: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="Primary host of the application."
    )
    primary_key: Mapped[int | None] = mapped_column(
        sa.SmallInteger,
        Generated("CASE WHEN is_primary THEN 1 END"),
        nullable=True,
        comment="1 for the primary binding, else NULL: an application has at most one, removed ones counted.",
    )
    redirect: Mapped[RedirectKind] = mapped_column(
        enum_of(RedirectKind, "redirect"),
        default=RedirectKind.NONE,
        server_default="none",
        comment="Where the host redirects to; `none`: it serves.",
    )
    redirect_status: Mapped[int] = mapped_column(
        default=308, server_default="308", comment="HTTP status of the redirect."
    )
    redirect_to: Mapped[str | None] = mapped_column(
        ascii_text(511),
        index=True,
        comment="Host that it redirects to, by `redirect`; follows the primary.",
    )
    traffic_weight: Mapped[int] = mapped_column(
        default=100,
        server_default="100",
        comment="Share of traffic in percent.",
    )
    activated_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When a probe first saw the application through the proxy."
    )
    is_failing: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="It failed, and no probe has seen the application through the proxy since.",
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong, in words for a person."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    def configure(self) -> None:
        """Record that the proxy is being told about the binding."""
        self.status = move(self.status, BindingStatus.CONFIGURING)
        self.error_message = None
        self.seen_serial = self.seen_serial_at = None
        self.failing_since = self.known_health = self.held_back_at = None

    def activate(self, now: datetime) -> None:
        """Record that a probe saw the application through the proxy."""
        self.status = move(self.status, BindingStatus.ACTIVE)
        self.activated_at = self.activated_at or now
        self.is_failing = False
        self.error_message = None

    def await_(self, reason: str) -> None:
        """Record what the binding waits for."""
        self.status = move(self.status, BindingStatus.PENDING)
        self.error_message = reason

    def fail(self, reason: str) -> None:
        """Record why the application does not answer through the proxy."""
        self.status = move(self.status, BindingStatus.ERROR)
        self.is_failing = True
        self.error_message = reason

    def disable(self, reason: str) -> None:
        """Stop serving."""
        self.status = move(self.status, BindingStatus.DISABLED)
        self.error_message = reason

    def enable(self) -> None:
        """Serve again."""
        self.status = move(self.status, BindingStatus.PENDING)
        self.error_message = None

    def record_health(self, health: HealthStatus, now: datetime) -> None:
        """Record what a health check said."""
        self.health_status = health
        self.last_health_check_at = now

    @property
    def health_memory(self) -> thresholds.HealthMemory:
        """What is remembered of the looks at it."""
        return self.known_health.memory if self.known_health else thresholds.STEADY

    def remember(self, memory: thresholds.HealthMemory) -> None:
        """Record what is remembered of the looks at it."""
        self.known_health = None if memory == thresholds.STEADY else KnownHealth(memory)

    def record_look(self, level: HealthStatus, now: datetime) -> None:
        """Record what one look at the served application said; several in a row make its health."""
        memory, health = thresholds.after(self.health_memory, self.health_status, level, now)
        self.remember(memory)
        is_bad = level is HealthStatus.UNHEALTHY
        self.failing_since = (self.failing_since or now) if is_bad else None
        self.record_health(health, now)

    def hold_back(self, now: datetime) -> None:
        """Record that the target gets no requests while others of its route are well."""
        self.held_back_at = self.held_back_at or now

    def use_again(self) -> None:
        """Record that the target gets its share again."""
        self.held_back_at = None

    def lose_sight(self, reason: str) -> None:
        """Record that nobody looks at the binding now."""
        self.health_status = HealthStatus.UNKNOWN
        self.failing_since = None
        self.error_message = reason

    def see_everywhere(self, serials: Sequence[str | None], now: datetime) -> bool:
        """Record which certificate all servers of the group show; tell whether that has changed."""
        common = serials[0] if serials and len(set(serials)) == 1 else None
        if common == self.seen_serial:
            return False
        self.seen_serial, self.seen_serial_at = common, now
        return True

    @classmethod
    def counts(cls) -> sa.ColumnElement[bool]:
        """Return which bindings a certificate is to be seen at: those that were active once, and may be."""
        return sa.and_(
            cls.ssl_enabled,
            cls.deleted_at.is_(None),
            cls.activated_at.is_not(None),
            cls.status.in_([BindingStatus.ACTIVE, BindingStatus.CONFIGURING, BindingStatus.ERROR]),
        )

    @classmethod
    def serving(cls, server_id: int) -> sa.Update:
        """Return the statement that records how a server serves the binding `row`."""
        columns = cls.__table__.c
        return (
            sa.update(cls.__table__)  # type: ignore[arg-type]  # a table, not any FROM clause
            .where(columns.id == sa.bindparam("row"))
            .values(
                served_server_id=server_id,
                served_digest=sa.bindparam("digest"),
                served_serial=sa.bindparam("serial"),
                updated_at=columns.updated_at,
            )
        )

    @classmethod
    def looking(cls, server_id: int) -> sa.Update:
        """Return the statement that notes what a server's agent saw of the binding `row`."""
        columns = cls.__table__.c
        return (
            sa.update(cls.__table__)  # type: ignore[arg-type]  # a table, not any FROM clause
            .where(columns.id == sa.bindparam("row"), columns.server_id == server_id)
            .values(agent_look=sa.bindparam("look"), updated_at=columns.updated_at)
        )

    @classmethod
    def seen_hosts(cls, server_id: int) -> sa.Select[Any]:
        """Select how the service of a server sees hosts, those of removed bindings too."""
        return sa.select(cls.seen_host).where(
            sa.or_(cls.server_id == server_id, cls.served_server_id == server_id),
            cls.seen_host.is_not(None),
        )

    @classmethod
    def seen_anywhere(cls, hostnames: Iterable[str]) -> sa.Select[Any]:
        """Select how services see these hosts, whichever organization's, while they may serve them."""
        return sa.select(cls.seen_host).where(
            cls.hostname.in_(sorted(hostnames)),
            cls.seen_host.is_not(None),
            sa.or_(cls.deleted_at.is_(None), cls.served_server_id.is_not(None)),
        )

    @classmethod
    def taking(cls) -> sa.Update:
        """Return the statement that forgets what proxies refused before; narrow it."""
        return sa.update(cls).values(
            refused_serial=None, refused_since=None, refused_at=None, refusal=None,
            updated_at=cls.updated_at,
        )  # fmt: skip

    @classmethod
    def withdrawing(cls) -> sa.Update:
        """Return the statement that records that bindings are served no more; narrow it."""
        return sa.update(cls).values(
            served_server_id=None, served_digest=None, served_serial=None, updated_at=cls.updated_at
        )

    @classmethod
    def holding_up(cls, server_id: int, reason: str) -> sa.Update:
        """Return the statement that says why the bindings that wait for a server wait."""
        return (
            sa.update(cls)
            .where(
                cls.server_id == server_id,
                cls.status == BindingStatus.CONFIGURING,
                cls.served_server_id.is_(None),
                cls.deleted_at.is_(None),
            )
            .values(error_message=reason)
        )
