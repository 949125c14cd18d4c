"""DNS records."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1020"
down_revision = "2026_11_23_1010"
branch_labels = None
depends_on = None

RECORDABLE_TYPES = (
    "application",
    "server",
    "ssl_certificate",
    "domain_verification",
    "application_domain_binding",
)
RECORD_TYPES = (
    "A",
    "AAAA",
    "CNAME",
    "MX",
    "TXT",
    "SRV",
    "CAA",
    "NS",
    "SOA",
    "PTR",
)
STATUSES = (
    "pending",
    "active",
    "syncing",
    "error",
    "disabled",
)


def upgrade() -> None:
    _dns_records()


def downgrade() -> None:
    op.drop_table("dns_records")


def _rdata() -> list[sa.Column[Any]]:
    return [
        c.owner(),
        c.big("organization_domain_id", "The domain that the record belongs to."),
        c.choice("recordable_type", "What the record was made for.", null=True),
        c.big("recordable_id", "Id of what the record was made for.", null=True),
        c.choice("record_type", "Type of the record (RFC 1035 ...)."),
        c.ascii_text("name", "Owner name relative to the domain: `www`, `@`, `*`.", nullable=False),
        c.long_text(
            "value",
            "Rdata in canonical presentation form, without priority, weight, port.",
            null=False,
        ),
        c.ascii_text(
            "value_digest",
            "SHA-256 of `value`: uniqueness is counted over it (S4).",
            64,
            nullable=False,
        ),
        c.number("ttl", "Time to live in seconds.", "3600"),
        c.number("priority", "Preference of MX, priority of SRV."),
        c.number("weight", "Weight of SRV."),
        c.number("port", "Port of SRV."),
    ]


def _state() -> list[sa.Column[Any]]:
    return [
        c.choice("status", "Where the record stands between wish and provider.", "pending"),
        c.text("external_record_id", "The provider's own id of the record."),
        c.moment("last_synced_at", "When the provider last confirmed the record."),
        c.moment("propagation_checked_at", "When the authoritative servers were asked last."),
        c.flag("propagated", "Every authoritative server answers with the record.", default=False),
        c.flag("managed_by_system", "Made and kept by Nameplate.", default=True),
        c.flag("proxy_enabled", "The provider's edge answers (Cloudflare).", default=False),
        c.prose("notes", "Free text for people."),
        c.json("metadata", "The host platform's own keys."),
        c.prose("error_message", "What is wrong, in words for a person."),
    ]


def _dns_records() -> None:
    c.create(
        "dns_records",
        "DNS records of domains, wanted and known.",
        *c.identity(),
        *_rdata(),
        *_state(),
        *c.work(),
        *c.soft_delete(),
        c.primary("dns_records"),
        c.pair("dns_records"),
        c.refers("dns_records", "organization_id", "organizations"),
        c.belongs("dns_records", "organization_domain_id", "organization_domains"),
        c.allowed("dns_records", "recordable_type", RECORDABLE_TYPES),
        c.allowed("dns_records", "record_type", RECORD_TYPES),
        c.allowed("dns_records", "status", STATUSES),
        sa.CheckConstraint(
            "(recordable_type IS NULL) = (recordable_id IS NULL)",
            name=op.f("dns_records_recordable_pair_check"),
        ),
    )
    c.index(
        "dns_records",
        "organization_domain_id",
        "record_type",
        "name",
        "value_digest",
        "live",
        name="unique_dns_record",
        unique=True,
    )
    c.index("dns_records", "name")
    c.index("dns_records", "next_action_at")
    c.index(
        "dns_records", "organization_domain_id", "record_type", name="dns_records_domain_type_index"
    )
    c.index("dns_records", "organization_id", "status", name="dns_records_org_status_index")
    c.index("dns_records", "record_type")
    c.index("dns_records", "recordable_type", "recordable_id", name="dns_records_recordable_index")
    c.index("dns_records", "status")
    c.isolate("dns_records")
