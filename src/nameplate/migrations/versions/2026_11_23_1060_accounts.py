"""Accounts at providers, what was written with them, and rate budgets."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1060"
down_revision = "2026_11_23_1050"
branch_labels = None
depends_on = None

KINDS = (
    "dns",
    "ca",
    "registrar",
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
PURPOSES = (
    "record",
    "challenge",
)
STATES = (
    "intended",
    "present",
    "leaving",
)


def upgrade() -> None:
    _accounts()
    _dns_ledger()
    _budgets()


def downgrade() -> None:
    op.drop_table("budgets")
    op.drop_table("dns_ledger")
    op.drop_table("accounts")


def _accounts() -> None:
    c.create(
        "accounts",
        "Credentials at DNS providers, registrars and certificate authorities.",
        *c.identity(),
        c.owner("The organization that owns this row; NULL: the platform.", null=True),
        c.choice("kind", "What the account is good for."),
        c.ascii_text("provider", "powerdns, rfc2136, acme, local ...", nullable=False),
        c.text("name", "Name for people.", null=False),
        c.json(
            "config",
            "What is not secret: addresses, zones, directory URL, account URL.",
            null=False,
        ),
        c.long_text("credentials", "What is secret, as sealed JSON; never shown again."),
        c.moment("tested_at", "When the credential was tried last."),
        c.prose("error_message", "Why it did not work, in words for a person."),
        c.json("metadata", "The host platform's own keys."),
        *c.soft_delete(),
        c.primary("accounts"),
        c.pair("accounts"),
        c.refers("accounts", "organization_id", "organizations"),
        c.allowed("accounts", "kind", KINDS),
    )
    c.index("accounts", "organization_id")
    c.isolate("accounts")


def _dns_ledger() -> None:
    c.create(
        "dns_ledger",
        "Values that Nameplate itself put into zones.",
        *c.identity(),
        c.owner(),
        c.big("account_id", "The account that wrote it."),
        c.big("organization_domain_id", "The domain it was written for."),
        c.ascii_text("zone", "Apex of the zone.", nullable=False),
        c.ascii_text("name", "Absolute owner name.", nullable=False),
        c.choice("record_type", "Type of the record."),
        c.long_text("value", "Whole rdata in presentation form.", null=False),
        c.ascii_text("value_digest", "SHA-256 of `value`.", 64, nullable=False),
        c.number("ttl", "Time to live in seconds.", null=False),
        c.choice("purpose", "Why it was written."),
        c.choice("state", "Where the value stands at the provider."),
        c.big("dns_record_id", "The record it is the value of.", null=True),
        c.big("ssl_certificate_id", "The certificate whose challenge it answers.", null=True),
        c.primary("dns_ledger"),
        sa.UniqueConstraint(
            "account_id",
            "zone",
            "name",
            "record_type",
            "value_digest",
            name=op.f("unique_dns_ledger"),
        ),
        c.refers("dns_ledger", "organization_id", "organizations"),
        c.belongs("dns_ledger", "organization_domain_id", "organization_domains"),
        c.refers("dns_ledger", "account_id", "accounts"),
        c.allowed("dns_ledger", "record_type", RECORD_TYPES),
        c.allowed("dns_ledger", "purpose", PURPOSES),
        c.allowed("dns_ledger", "state", STATES),
    )
    c.index("dns_ledger", "dns_record_id")
    c.index("dns_ledger", "organization_domain_id", name="dns_ledger_domain_index")
    c.index("dns_ledger", "ssl_certificate_id")
    c.isolate("dns_ledger")


def _budgets() -> None:
    c.create(
        "budgets",
        "Rate budgets shared by all workers (GCRA).",
        c.ascii_text("key", "What is limited: `acme:7:orders`.", nullable=False),
        c.moment("arrival_at", "Theoretical arrival time of the next act.", now=True),
        c.primary("budgets", "key"),
    )
