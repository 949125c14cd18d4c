"""Which application answers at which host."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_23_1050"
down_revision = "2026_11_23_1040"
branch_labels = None
depends_on = None

PROXY_TYPES = (
    "nginx",
    "traefik",
    "caddy",
    "cloudflare",
)
HEALTH_STATUSES = (
    "unknown",
    "healthy",
    "unhealthy",
    "degraded",
)
STATUSES = (
    "pending",
    "configuring",
    "active",
    "error",
    "disabled",
)


def upgrade() -> None:
    _application_domain_bindings()


def downgrade() -> None:
    op.drop_table("application_domain_bindings")


def _route() -> list[sa.Column[Any]]:
    return [
        c.owner(),
        c.big("application_id", "The application that answers."),
        c.big("organization_domain_id", "The domain that the host belongs to."),
        c.big("server_id", "The server whose proxy serves the host.", null=True),
        c.ascii_text("subdomain", "Label below the domain: `api` makes `api.<full_domain>`."),
        c.ascii_text(
            "subdomain_key",
            "`subdomain` without NULL, so that two rows without it collide (S9).",
            computed=c.generated("coalesce(subdomain, '')"),
        ),
        c.ascii_text(
            "hostname", "Canonical full host name of the binding (S9).", 511, nullable=False
        ),
        c.ascii_text("path", "Path prefix.", server_default="/", nullable=False),
        c.number("port", "Application port; NULL: the application's."),
        c.choice("proxy_type", "Which proxy serves the host.", "nginx"),
        c.json("proxy_config", "Settings of that proxy."),
    ]


def _delivery() -> list[sa.Column[Any]]:
    return [
        c.flag("ssl_enabled", "Serve HTTPS.", default=True),
        c.big("ssl_certificate_id", "The certificate that is presented.", null=True),
        c.flag("force_https", "Redirect HTTP to HTTPS.", default=True),
        c.flag("hsts_enabled", "Send Strict-Transport-Security.", default=True),
        c.text("health_check_path", "Path that is asked.", null=False, default="/"),
        c.number("health_check_interval", "Seconds between health checks.", "30"),
        c.number("health_check_timeout", "Seconds until a health check fails.", "5"),
        c.moment("last_health_check_at", "When the last health check ended."),
        c.choice("health_status", "What the last health checks said.", "unknown"),
    ]


def _state() -> list[sa.Column[Any]]:
    return [
        c.choice("status", "Where the binding stands between wish and served traffic.", "pending"),
        c.flag("is_primary", "Primary host of the application.", default=False),
        c.number("traffic_weight", "Share of traffic in percent.", "100"),
        c.moment("activated_at", "When a probe first saw the application through the proxy."),
        c.prose("error_message", "What is wrong, in words for a person."),
        c.json("metadata", "The host platform's own keys."),
    ]


def _application_domain_bindings() -> None:
    c.create(
        "application_domain_bindings",
        "Which application answers at which host, through which proxy.",
        *c.identity(),
        *_route(),
        *_delivery(),
        *_state(),
        *c.work(),
        *c.soft_delete(),
        c.primary("application_domain_bindings"),
        c.pair("application_domain_bindings"),
        c.refers("application_domain_bindings", "organization_id", "organizations"),
        c.belongs("application_domain_bindings", "application_id", "applications"),
        c.belongs("application_domain_bindings", "organization_domain_id", "organization_domains"),
        c.refers("application_domain_bindings", "server_id", "servers", "SET NULL"),
        c.clears("application_domain_bindings", "ssl_certificate_id", "ssl_certificates"),
        c.allowed("application_domain_bindings", "proxy_type", PROXY_TYPES),
        c.allowed("application_domain_bindings", "health_status", HEALTH_STATUSES),
        c.allowed("application_domain_bindings", "status", STATUSES),
    )
    _indexes()
    c.isolate("application_domain_bindings")


def _indexes() -> None:
    c.index(
        "application_domain_bindings",
        "application_id",
        "organization_domain_id",
        "subdomain_key",
        "path",
        "live",
        name="unique_app_domain_binding",
        unique=True,
    )
    c.index(
        "application_domain_bindings",
        "application_id",
        "is_primary",
        name="application_domain_bindings_app_primary_index",
    )
    c.index(
        "application_domain_bindings",
        "health_status",
        "last_health_check_at",
        name="application_domain_bindings_health_check_index",
    )
    c.index("application_domain_bindings", "hostname")
    c.index("application_domain_bindings", "next_action_at")
    c.index("application_domain_bindings", "organization_domain_id")
    c.index(
        "application_domain_bindings",
        "organization_id",
        "status",
        name="application_domain_bindings_org_status_index",
    )
    c.index("application_domain_bindings", "server_id")
    c.index("application_domain_bindings", "ssl_certificate_id")
    c.index("application_domain_bindings", "status")
    c.index(
        "application_domain_bindings",
        "updated_at",
        name="application_domain_bindings_changed_index",
    )
