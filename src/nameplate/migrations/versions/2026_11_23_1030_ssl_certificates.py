"""Certificates, and the http-01 tokens that are answered."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1030"
down_revision = "2026_11_23_1020"
branch_labels = None
depends_on = None

CERTIFICATE_TYPES = (
    "letsencrypt",
    "custom",
    "wildcard",
    "self_signed",
)
STATUSES = (
    "pending",
    "active",
    "renewing",
    "expired",
    "revoked",
    "error",
)
ACME_CHALLENGE_TYPES = (
    "http-01",
    "dns-01",
    "tls-alpn-01",
)


def upgrade() -> None:
    _ssl_certificates()
    _http_challenges()


def downgrade() -> None:
    op.drop_table("http_challenges")
    op.drop_table("ssl_certificates")


def _contents() -> list[sa.Column[Any]]:
    return [
        c.owner(),
        c.big("organization_domain_id", "The domain that the certificate secures."),
        c.text("certificate_name", "Friendly name."),
        c.choice("certificate_type", "Where the certificate comes from.", "letsencrypt"),
        c.long_text("certificate", "Leaf certificate, PEM."),
        c.long_text("private_key", "Private key, PEM, sealed with AES-256-GCM (S12)."),
        c.long_text("certificate_chain", "Intermediate certificates, PEM."),
        c.long_text("certificate_bundle", "Leaf and intermediates, PEM, ready to deploy."),
        c.text("issuer", "Issuer as the certificate names it."),
        c.ascii_text("common_name", "First name that the certificate covers.", nullable=False),
        c.json("subject_alternative_names", "All names that the certificate covers."),
        c.text("serial_number", "Serial number, lower-case hex."),
        c.text("fingerprint", "SHA-256 of the DER form, lower-case hex."),
    ]


def _renewal() -> list[sa.Column[Any]]:
    return [
        c.moment("issued_at", "notBefore."),
        c.moment("expires_at", "notAfter."),
        c.moment("last_renewed_at", "When a new generation was installed last."),
        c.moment("next_renewal_attempt_at", "When the next renewal is due (S13)."),
        c.flag("auto_renew", "Renew automatically.", default=True),
        c.number(
            "renewal_days_before_expiry",
            "Days before expiry to renew, when the lifetime allows (S13).",
            "30",
        ),
        c.number("renewal_attempts", "Failed attempts since the last success.", "0"),
        c.moment("last_renewal_error_at", "When an attempt failed last."),
        c.prose("renewal_error_message", "Why it failed, in words for a person."),
        c.choice("status", "Where the certificate stands.", "pending"),
    ]


def _order() -> list[sa.Column[Any]]:
    return [
        c.prose("acme_order_url", "Order being worked on (RFC 8555 section 7.4)."),
        c.json("acme_challenge_data", "Challenges presented for that order, and what was sent."),
        c.choice("acme_challenge_type", "How names are proved to the CA.", null=True),
        c.json("metadata", "The host platform's own keys."),
        c.prose("notes", "Free text for people."),
        c.number("generation", "Certificates installed so far in this row.", "0"),
        c.long_text(
            "pending_private_key",
            "Key of the generation being obtained, sealed like `private_key`.",
        ),
    ]


def _ssl_certificates() -> None:
    c.create(
        "ssl_certificates",
        "Certificates of domains, with renewal tracking.",
        *c.identity(),
        *_contents(),
        *_renewal(),
        *_order(),
        *c.work(),
        *c.soft_delete(),
        c.primary("ssl_certificates"),
        c.pair("ssl_certificates"),
        c.refers("ssl_certificates", "organization_id", "organizations"),
        c.belongs("ssl_certificates", "organization_domain_id", "organization_domains"),
        c.allowed("ssl_certificates", "certificate_type", CERTIFICATE_TYPES),
        c.allowed("ssl_certificates", "status", STATUSES),
        c.allowed("ssl_certificates", "acme_challenge_type", ACME_CHALLENGE_TYPES),
    )
    c.index("ssl_certificates", "common_name")
    c.index("ssl_certificates", "expires_at")
    c.index(
        "ssl_certificates", "expires_at", "auto_renew", name="ssl_certificates_renewal_check_index"
    )
    c.index("ssl_certificates", "next_action_at")
    c.index(
        "ssl_certificates",
        "organization_domain_id",
        "status",
        name="ssl_certificates_domain_status_index",
    )
    c.index(
        "ssl_certificates", "organization_id", "status", name="ssl_certificates_org_status_index"
    )
    c.index("ssl_certificates", "status")
    c.isolate("ssl_certificates")


def _http_challenges() -> None:
    c.create(
        "http_challenges",
        "http-01 tokens that are answered, each for exactly one host.",
        c.owner(),
        c.ascii_text("token", "Challenge token.", nullable=False),
        c.ascii_text("hostname", "The host it is answered for.", nullable=False),
        c.ascii_text(
            "key_authorization", "The answer (RFC 8555 section 8.1).", 512, nullable=False
        ),
        c.big("ssl_certificate_id", "The certificate that is being obtained."),
        c.primary("http_challenges", "token"),
        c.refers("http_challenges", "organization_id", "organizations"),
        c.belongs("http_challenges", "ssl_certificate_id", "ssl_certificates"),
    )
    c.index("http_challenges", "ssl_certificate_id")
    c.isolate("http_challenges")
