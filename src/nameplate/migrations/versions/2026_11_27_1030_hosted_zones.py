"""Zones at the operator's own name servers."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_27_1030"
down_revision = "2026_11_27_1020"
branch_labels = None
depends_on = None

STATES = (
    "intended",
    "present",
    "leaving",
    "kept",
)


def upgrade() -> None:
    c.create(
        "hosted_zones",
        "Zones that Nameplate created at the operator's own name servers.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The proved domain that the zone was created for."),
        c.big("account_id", "The platform's account at the name server."),
        c.ascii_text("name", "Apex of the zone, canonical.", nullable=False),
        c.json("name_servers", "What the owner sets at the registrar, canonical.", null=False),
        c.ascii_text("hostmaster", "Mailbox of the SOA, as a name.", nullable=False),
        c.ascii_text("mark", "By which the server knows the zone as this one.", 40, nullable=False),
        c.choice("state", "Where the zone stands at the server."),
        c.flag("delegated", "The Internet is sent to these servers.", default=False),
        c.json("delegation", "What each authoritative server said when asked last."),
        c.moment("checked_at", "When the delegation was looked at last."),
        c.prose("error_message", "What is wrong, in words for a person."),
        c.primary("hosted_zones"),
        sa.UniqueConstraint("account_id", "name", name=op.f("unique_hosted_zone")),
        c.refers("hosted_zones", "organization_id", "organizations"),
        c.belongs("hosted_zones", "organization_domain_id", "organization_domains"),
        c.refers("hosted_zones", "account_id", "accounts"),
        c.allowed("hosted_zones", "state", STATES),
    )
    c.index(
        "hosted_zones",
        "organization_id",
        "organization_domain_id",
        name="hosted_zones_domain_index",
    )
    c.isolate("hosted_zones")


def downgrade() -> None:
    op.drop_table("hosted_zones")
