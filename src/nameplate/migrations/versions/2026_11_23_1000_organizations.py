"""Organizations, applications and servers."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1000"
down_revision = None
branch_labels = ("nameplate",)
depends_on = None


def upgrade() -> None:
    _organizations()
    _applications()
    _servers()


def downgrade() -> None:
    op.drop_table("servers")
    op.drop_table("applications")
    op.drop_table("organizations")


def _organizations() -> None:
    c.create(
        "organizations",
        "Tenants of the platform; they form a tree.",
        *c.identity(),
        c.big(
            "parent_organization_id", "The organization above this one; NULL at the top.", null=True
        ),
        c.text("name", "Name for people.", null=False),
        c.ascii_text(
            "slug", "Name for programs: lower-case letters, digits, hyphens.", nullable=False
        ),
        c.ascii_text("external_id", "The host platform's own id."),
        c.flag("is_active", "False: nothing of it is served or renewed.", default=True),
        c.json("metadata", "The host platform's own keys."),
        *c.soft_delete(),
        c.primary("organizations"),
        c.refers("organizations", "parent_organization_id", "organizations"),
    )
    c.index(
        "organizations", "external_id", "live", name="organizations_external_id_unique", unique=True
    )
    c.index("organizations", "slug", "live", name="organizations_slug_unique", unique=True)
    c.index("organizations", "parent_organization_id")
    c.index("organizations", "updated_at", name="organizations_changed_index")
    c.isolate("organizations", "id")


def _applications() -> None:
    c.create(
        "applications",
        "Applications that bindings lead to.",
        *c.identity(),
        c.owner(),
        c.text("name", "Name for people.", null=False),
        c.ascii_text("external_id", "The host platform's own id."),
        c.ascii_text("upstream_host", "Host or address where the application answers."),
        c.number("upstream_port", "Port where the application answers."),
        c.json("metadata", "The host platform's own keys."),
        *c.soft_delete(),
        c.primary("applications"),
        c.pair("applications"),
        c.refers("applications", "organization_id", "organizations"),
    )
    c.index(
        "applications", "external_id", "live", name="applications_external_id_unique", unique=True
    )
    c.index("applications", "updated_at", name="applications_changed_index")
    c.isolate("applications")


def _servers() -> None:
    c.create(
        "servers",
        "Machines with a proxy; without organization: shared by all.",
        *c.identity(),
        c.owner("The organization that owns this row; NULL: shared by the platform.", null=True),
        c.text("name", "Name for people.", null=False),
        c.ascii_text("address", "Public host name or address that DNS points at.", nullable=False),
        c.ascii_text("external_id", "The host platform's own id."),
        c.json("proxy", "How to reach the proxy there: type, admin address, ports, folders."),
        c.ascii_text(
            "configured_fingerprint", "SHA-256 of the configuration that the proxy took last.", 64
        ),
        c.moment("configured_at", "When the proxy took its configuration last."),
        c.prose("error_message", "Why the proxy did not take the last configuration."),
        c.json("metadata", "The host platform's own keys."),
        *c.work(),
        *c.soft_delete(),
        c.primary("servers"),
        c.refers("servers", "organization_id", "organizations"),
    )
    c.index("servers", "external_id", "live", name="servers_external_id_unique", unique=True)
    c.index("servers", "next_action_at")
    c.index("servers", "organization_id")
    c.isolate("servers", shared=True)
