"""Proofs of control over domains."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1040"
down_revision = "2026_11_23_1030"
branch_labels = None
depends_on = None

VERIFICATION_METHODS = (
    "dns_txt",
    "dns_cname",
    "file_upload",
    "email",
    "meta_tag",
    "acme_http",
    "acme_dns",
)
STATUSES = (
    "pending",
    "verifying",
    "verified",
    "failed",
    "expired",
)


def upgrade() -> None:
    _domain_verifications()


def downgrade() -> None:
    op.drop_table("domain_verifications")


def _proof() -> list[sa.Column[Any]]:
    return [
        c.owner(),
        c.big("organization_domain_id", "The domain to be proved."),
        c.choice("verification_method", "How control is proved."),
        c.ascii_text(
            "verification_token", "Random token of at least 160 bits (S14).", nullable=False
        ),
        c.ascii_text("verification_record_name", "Absolute name of the DNS record to publish."),
        c.prose("verification_record_value", "Value of the DNS record to publish."),
        c.text("verification_file_path", "Path of the file to publish."),
        c.prose("verification_file_content", "Content of the file to publish."),
        c.text("verification_meta_tag", "HTML meta tag to publish."),
    ]


def _state() -> list[sa.Column[Any]]:
    return [
        c.choice("status", "Where the proof stands.", "pending"),
        c.number("verification_attempts", "Looks so far.", "0"),
        c.moment("last_verification_attempt_at", "When the last look was."),
        c.moment("verified_at", "When the proof was seen."),
        c.moment("expires_at", "Until when the token can prove."),
        c.prose("error_message", "Why the last look did not prove, in words for a person."),
        c.json(
            "verification_logs",
            "The last looks: time, verdict, reason, what was seen from which server.",
        ),
        c.json("challenge_data", "Data of ACME challenges."),
        c.text("verification_ip", "Address that answered the look that proved."),
        c.text("verification_user_agent", "Agent that completed the proof, where a person did."),
        c.json("metadata", "The host platform's own keys."),
    ]


def _domain_verifications() -> None:
    c.create(
        "domain_verifications",
        "Proofs of control over domains.",
        *c.identity(),
        *_proof(),
        *_state(),
        *c.work(),
        *c.soft_delete(),
        c.primary("domain_verifications"),
        c.pair("domain_verifications"),
        sa.UniqueConstraint(
            "verification_token", name=op.f("domain_verifications_verification_token_unique")
        ),
        c.refers("domain_verifications", "organization_id", "organizations"),
        c.belongs("domain_verifications", "organization_domain_id", "organization_domains"),
        c.allowed("domain_verifications", "verification_method", VERIFICATION_METHODS),
        c.allowed("domain_verifications", "status", STATUSES),
    )
    c.index("domain_verifications", "expires_at")
    c.index("domain_verifications", "next_action_at")
    c.index(
        "domain_verifications",
        "organization_domain_id",
        "verification_method",
        name="domain_verifications_domain_method_index",
    )
    c.index(
        "domain_verifications",
        "organization_id",
        "status",
        name="domain_verifications_org_status_index",
    )
    c.index("domain_verifications", "status")
    c.index(
        "domain_verifications",
        "status",
        "expires_at",
        name="domain_verifications_status_expiry_index",
    )
    c.index("domain_verifications", "verification_method")
    c.isolate("domain_verifications")
