"""Organizations, and the applications and servers of the platform that embeds Nameplate (S16)."""

import secrets
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from nameplate.core import disclosure, tokens
from nameplate.core.actor import Actor
from nameplate.models.agent_reports import LastReport
from nameplate.models.orm import (
    BigId,
    Document,
    Identified,
    Json,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    table,
    unique_while_live,
)
from nameplate.models.ranges import ranges

_MAX_FORMER = 100
"""Addresses that a server remembers."""


def _label_seed() -> str:
    return tokens.label_seed(secrets.token_bytes(tokens.RANDOM_BYTES))


class Organization(Identified, SoftDeletable, Model):
    """A tenant of the platform; organizations form a tree."""

    __tablename__ = "organizations"
    __table_args__ = (
        *ranges("organizations"),
        *unique_while_live("organizations", "slug", "external_id"),
        sa.Index("organizations_changed_index", "updated_at"),
        table("Tenants of the platform; they form a tree."),
    )

    parent_organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        index=True,
        comment="The organization above this one; NULL at the top.",
    )
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    slug: Mapped[str] = mapped_column(
        ascii_text(), comment="Name for programs: lower-case letters, digits, hyphens."
    )
    external_id: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The host platform's own id."
    )
    is_active: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), comment="False: nothing of it is served or renewed."
    )
    challenge_seed: Mapped[str | None] = mapped_column(
        ascii_text(64),
        default=_label_seed,
        comment="What the labels of delegated ACME challenges are made from. It never changes.",
    )
    key_type: Mapped[str | None] = mapped_column(
        ascii_text(16), comment="Kind of the private keys of certificates, unless a domain says it."
    )
    certificate_profile: Mapped[str | None] = mapped_column(
        ascii_text(64),
        comment="Profile that certificates are ordered with, unless a domain says it.",
    )
    preferred_chain: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Root that certificates should lead to, unless a domain says it."
    )
    certificate_challenge: Mapped[str | None] = mapped_column(
        ascii_text(32), comment="How names are preferably proved, unless a domain says it."
    )
    certificate_authorities: Mapped[str | None] = mapped_column(
        sa.Text, comment="Accounts to order certificates with, unless a domain says it."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the live organizations that `actor` may see: its own, or all for the platform."""
        query = sa.select(cls).where(cls.deleted_at.is_(None))
        return query if actor.is_platform else query.where(cls.id == actor.organization_id)


class Application(Identified, SoftDeletable, Tenant, Model):
    """What a binding leads to."""

    __tablename__ = "applications"
    __table_args__ = (
        *ranges("applications"),
        sa.UniqueConstraint("organization_id", "id"),
        *unique_while_live("applications", "external_id"),
        sa.Index("applications_changed_index", "updated_at"),
        table("Applications that bindings lead to."),
    )

    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    external_id: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The host platform's own id."
    )
    upstream_host: Mapped[str | None] = mapped_column(
        ascii_text(), comment="Host or address where the application answers."
    )
    upstream_port: Mapped[int | None] = mapped_column(comment="Port where the application answers.")
    binding_ports: Mapped[list[int] | None] = mapped_column(
        Json, comment="Other ports there that the organization may choose for a binding."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )


class Server(Identified, SoftDeletable, Work, Model):
    """A machine with a proxy. Without an organization it is shared by the whole platform."""

    __tablename__ = "servers"
    __table_args__ = (
        *ranges("servers"),
        *unique_while_live("servers", "external_id"),
        table("Machines with a proxy; without organization: shared by all."),
    )

    organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        index=True,
        comment="The organization that owns this row; NULL: shared by the platform.",
    )
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    address: Mapped[str] = mapped_column(
        ascii_text(), comment="Public host name or address that DNS points at."
    )
    addresses: Mapped[list[str] | None] = mapped_column(
        Json, comment="IPv4 and IPv6 addresses of the server beside `address`."
    )
    region: Mapped[str | None] = mapped_column(
        ascii_text(63), comment="Where the server is, as its operator calls it."
    )
    server_group_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("server_groups.id", ondelete="SET NULL"),
        index=True,
        comment="The group that the server is in; NULL: it serves alone.",
    )
    former_addresses: Mapped[list[str] | None] = mapped_column(
        Json, comment="IP addresses that the server had before."
    )
    external_id: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The host platform's own id."
    )
    proxy: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="How to reach the proxy there: type, admin address, ports, folders."
    )
    configured_fingerprint: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="SHA-256 of what the proxy was last configured to serve."
    )
    configured_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the proxy took its configuration last."
    )
    offered_fingerprint: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="SHA-256 of what a proxy that fetches its configuration is offered."
    )
    offered_revision: Mapped[int] = mapped_column(
        sa.Integer,
        server_default="0",
        comment="How often that changed; the proxy shows which one it serves.",
    )
    agent_seen_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the server's agent reported last."
    )
    agent_report: Mapped[LastReport | None] = mapped_column(
        Document(LastReport), comment="What it said then of its proxy."
    )
    still_served: Mapped[list[str] | None] = mapped_column(
        Json, comment="Hosts and paths that the proxy still serves although it must not."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    @validates("address", "addresses")
    def _leave(self, key: str, value: Any) -> Any:  # noqa: ANN401 - a text or a list of texts
        """Remember which addresses a change gives up: records may point there still."""
        left = _addresses(getattr(self, key)) - _addresses(value)
        if left:
            known = dict.fromkeys([*(self.former_addresses or ()), *sorted(left)])
            self.former_addresses = list(known)[-_MAX_FORMER:]
        return value

    @property
    def current_addresses(self) -> set[str]:
        """The IP addresses of the server, as far as they are given as such."""
        return _addresses(self.address) | _addresses(self.addresses)

    @property
    def is_by_agent(self) -> bool:
        """Whether an agent beside the proxy configures it, and no worker."""
        return (self.proxy or {}).get("reach") == "agent"

    @property
    def trouble_told(self) -> str | None:
        """What keeps the proxy from being configured, for whoever has a domain on it.

        A shared proxy may have named others there. Its operator reads the whole on the server itself.
        """
        if self.organization_id is not None or self.trouble_message is None:
            return self.trouble_message
        return disclosure.without_names(self.trouble_message)

    def succeed(self, fingerprint: str, now: datetime) -> None:
        """Record that the proxy serves what it should."""
        if self.configured_fingerprint != fingerprint:
            self.configured_fingerprint, self.configured_at = fingerprint, now
        self.still_served = None
        self.attempts = 0

    def offer(self, fingerprint: str) -> int:
        """Record what a proxy may fetch now; return its revision, a new one where it is new."""
        if self.offered_fingerprint != fingerprint:
            self.offered_fingerprint = fingerprint
            self.offered_revision += 1
        return self.offered_revision

    def offer_again(self) -> int:
        """Offer the same once more under a new revision, and return it."""
        self.offered_revision += 1
        return self.offered_revision

    def fail(self, code: str, reason: str, still_served: list[str], now: datetime) -> None:
        """Record why the proxy does not serve what it should, and what it must not serve and does."""
        self.trouble_since = self.trouble_since or now
        self.trouble_code, self.trouble_message = code, reason
        self.still_served = still_served or None
        self.attempts += 1

    @classmethod
    def removed(cls, actor: Actor) -> sa.Select[Any]:
        """Select the soft-deleted servers that `actor` may bring back."""
        query = sa.select(cls).where(cls.deleted_at.is_not(None))
        if actor.is_platform:
            return query
        return query.where(cls.organization_id == actor.organization_id)

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the live servers that `actor` may use: its own and the shared ones."""
        query = sa.select(cls).where(cls.deleted_at.is_(None))
        if actor.is_platform:
            return query
        return query.where(
            sa.or_(cls.organization_id == actor.organization_id, cls.organization_id.is_(None))
        )


def _addresses(value: Any) -> set[str]:  # noqa: ANN401 - a text, a list of texts, or nothing
    """Return the IP addresses among these texts, each in its one spelling."""
    found = set()
    for text in [value] if isinstance(value, str) else value or ():
        try:
            found.add(str(ip_address(text)))
        except ValueError:
            continue
    return found
