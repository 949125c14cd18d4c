"""Bindings: which application answers at which host."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, StringConstraints

from nameplate.api.applications import Port
from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    Metadata,
    Page,
    Reference,
    Shape,
    common,
    example,
    public,
)
from nameplate.core import basic_auth, ids
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.redirection import RedirectKind
from nameplate.models import Binding, ProxyType
from nameplate.usecases.serving import bindings

routes = router("bindings")

Path = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^/")]
Weight = Annotated[
    int,
    Field(
        ge=0,
        le=100,
        description="Share of the requests among the targets of the host and path; 0: none.",
    ),
]
Status = Annotated[Literal[301, 308], Field(description="HTTP status of the redirect.")]
ProxyConfig = Field(
    default=None,
    description="How the host and path are served, the same with every proxy: `strip_path`, `sticky`, "
    "`max_body_bytes`, `timeouts`, `hsts`, `allow_ips`, `trusted_proxies`, `basic_auth`, `upstream_protocol` and `min_tls_version`. "
    "Passwords are never shown; a user that is given without one keeps it.",
    examples=[{"max_body_bytes": 10_000_000, "timeouts": {"response": 60}}],
)
Redirecting = Field(
    default=RedirectKind.NONE,
    description="`none` serves the application. `to_primary` redirects to the primary host of the "
    "application, `www` to the host with `www.` in front, `apex` from such a host to its apex. Path and query "
    "are kept.",
)
Seconds = Annotated[int, Field(ge=1, le=86400)]

_SAME = (
    "hostname", "subdomain", "path", "port", "proxy_type", "ssl_enabled", "force_https",
    "hsts_enabled", "health_check_path", "health_check_interval", "health_check_timeout",
    "last_health_check_at", "health_status", "status", "is_primary", "redirect", "redirect_status", "redirect_to", "traffic_weight", "activated_at",
    "error_message",
)  # fmt: skip


class BindingNew(Body):
    """A host to bind to an application."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"application": "Shop", "domain": "shop.example.com"}]}
    )

    application: Reference
    domain: Reference
    subdomain: Reference | None = Field(default=None, description="Label below the domain.")
    path: Path = "/"
    port: Port | None = Field(default=None, description="Default: the port of the application.")
    server: Reference | None = None
    server_group: Reference | None = Field(
        default=None, description="Group of servers that all serve the host, instead of `server`."
    )
    proxy_type: ProxyType | None = None
    ssl_enabled: bool = True
    force_https: bool = True
    hsts_enabled: bool = True
    health_check_path: Path = "/"
    health_check_interval: Seconds = 30
    health_check_timeout: Seconds = 5
    is_primary: bool = Field(
        default=False, description="The first binding of an application is its primary in any case."
    )
    redirect: RedirectKind = Redirecting
    redirect_status: Status = 308
    with_partner: bool = Field(
        default=False,
        description="Bind the host with or without `www.` too, and redirect it to this one.",
    )
    proxy_config: dict[str, Any] | None = ProxyConfig
    traffic_weight: Weight | None = Field(
        default=None,
        description="Share of the requests, 100 by default. With it, the binding may share host and "
        "path with others: together they are one route.",
    )
    metadata: Metadata | None = None


class BindingChange(Body):
    """Changes to a binding. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"force_https": False}]})

    port: Port | None = None
    force_https: bool = True
    hsts_enabled: bool = True
    health_check_path: Path = "/"
    health_check_interval: Seconds = 30
    health_check_timeout: Seconds = 5
    is_primary: bool = False
    redirect: RedirectKind = Redirecting
    redirect_status: Status = 308
    proxy_config: dict[str, Any] | None = ProxyConfig
    traffic_weight: Weight = 100
    enabled: bool = Field(
        default=True, description="`false` stops serving the host but keeps the binding."
    )
    server: Reference | None = Field(
        default=None, description="Move the binding to this server and update proxies and DNS."
    )
    server_group: Reference | None = Field(
        default=None, description="Move the binding to this group of servers, instead of `server`."
    )
    metadata: Metadata | None = None


class BindingShape(Shape):
    """A host and path served by one application."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.BINDING,
                    "bindings",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    application=ids.show(Prefix.APPLICATION, 1),
                    domain=ids.show(Prefix.DOMAIN, 1),
                    server=ids.show(Prefix.SERVER, 1),
                    server_group=None,
                    certificate=ids.show(Prefix.CERTIFICATE, 1),
                    hostname="shop.example.com",
                    subdomain=None,
                    path="/",
                    port=None,
                    proxy_type="caddy",
                    ssl_enabled=True,
                    force_https=True,
                    hsts_enabled=True,
                    health_check_path="/",
                    health_check_interval=30,
                    health_check_timeout=5,
                    last_health_check_at="2026-11-23T09:32:00Z",
                    health_status="healthy",
                    status="active",
                    is_primary=True,
                    redirect="none",
                    redirect_status=308,
                    redirect_to=None,
                    proxy_config=None,
                    traffic_weight=100,
                    activated_at="2026-11-23T09:31:30Z",
                    next_check_at="2026-11-23T09:32:30Z",
                    error_message=None,
                )
            ]
        }
    )

    object: Literal["binding"] = "binding"
    organization: str
    application: str
    domain: str
    server: str | None = Field(
        description="null when it is on a group; with `server_group` null too, nothing serves it."
    )
    server_group: str | None = Field(description="The group of servers that all serve it.")
    certificate: str | None
    hostname: str
    subdomain: str | None
    path: str
    port: int | None
    proxy_type: ProxyType
    ssl_enabled: bool
    force_https: bool
    hsts_enabled: bool
    health_check_path: str
    health_check_interval: int = Field(description="In seconds.")
    health_check_timeout: int = Field(description="In seconds.")
    last_health_check_at: datetime | None
    health_status: HealthStatus
    status: BindingStatus
    is_primary: bool
    redirect: RedirectKind
    redirect_status: int
    redirect_to: str | None = Field(description="Host that it redirects to.")
    proxy_config: dict[str, Any] | None
    traffic_weight: int = Field(description="Share among the targets of the host and path.")
    activated_at: datetime | None
    next_check_at: datetime | None
    error_message: str | None


def show(_call: TransactionCall, row: Binding) -> BindingShape:
    """Return a binding as callers see it."""
    fields: dict[str, Any] = common(row, Prefix.BINDING, "bindings")
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    application = ids.show(Prefix.APPLICATION, row.application_id)
    fields["links"] |= {
        "domain": f"/v1/domains/{domain}",
        "application": f"/v1/applications/{application}",
    }
    return BindingShape(
        **fields,
        **{name: getattr(row, name) for name in _SAME},
        proxy_config=basic_auth.shown(row.proxy_config),
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        application=application,
        domain=domain,
        server=public(Prefix.SERVER, row.server_id),
        server_group=public(Prefix.SERVER_GROUP, row.server_group_id),
        certificate=public(Prefix.CERTIFICATE, row.ssl_certificate_id),
        next_check_at=row.next_action_at,
    )


@routes.post("/bindings", status_code=201, operation_id="add_binding")
def add(call: Write, body: BindingNew) -> BindingShape:
    """Bind an application to a host. A worker obtains the certificate and configures the proxy."""
    row = bindings.add(call.session, call.tools, call.actor, now=call.now, **body.given())
    return call.one(show, row)


@routes.get("/bindings", operation_id="list_bindings")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    application: Annotated[
        Reference | None, Query(description="Only objects of this application.")
    ] = None,
    status: Annotated[
        BindingStatus | None, Query(description="Only objects with this status.")
    ] = None,
) -> Page[BindingShape]:
    """List bindings."""
    selected = listing.select(domain=domain, application=application, status=status)
    return listing.page(call, show, bindings.page(call.session, call.actor, **selected))


@routes.get("/bindings/{binding}", operation_id="show_binding")
def get(call: Read, binding: str) -> BindingShape:
    """Show a binding by id or host name."""
    return call.one(show, bindings.get(call.session, call.actor, binding))


@routes.patch("/bindings/{binding}", operation_id="update_binding")
def update(call: Write, binding: str, body: BindingChange) -> BindingShape:
    """Update a binding. A worker applies the change to the proxy."""
    call.expect(show, bindings.get(call.session, call.actor, binding))
    row = bindings.update(call.session, call.actor, binding, now=call.now, **body.given())
    return call.one(show, row)


@routes.delete("/bindings/{binding}", status_code=204, operation_id="remove_binding")
def remove(call: Write, binding: str) -> None:
    """Remove a binding and stop serving its host."""
    bindings.remove(call.session, call.actor, binding, call.now)


@routes.post("/bindings/{binding}:restore", operation_id="restore_binding")
def restore(call: Write, binding: str) -> BindingShape:
    """Restore a removed binding by id, with the DNS record that points its host at its server."""
    return call.one(show, bindings.restore(call.session, call.actor, binding, call.now))


@routes.post("/bindings/{binding}:check", operation_id="check_binding")
def check(call: Write, binding: str) -> BindingShape:
    """Check a binding now."""
    return call.one(show, bindings.check(call.session, call.actor, binding, call.now))


@routes.post("/bindings/{binding}:primary", operation_id="make_primary_binding")
def make_primary(call: Write, binding: str) -> BindingShape:
    """Make a binding the primary of its application. What redirects to the primary follows."""
    row = bindings.update(call.session, call.actor, binding, now=call.now, is_primary=True)
    return call.one(show, row)
