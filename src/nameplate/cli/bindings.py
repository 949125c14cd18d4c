"""`nameplate binding`: which application answers at which host."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from nameplate.cli import waiting
from nameplate.cli.checklist import WaitingStep
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    MetadataPairs,
    StatusFilter,
    command,
    given,
    pairs,
    removing,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.servers import parsed
from nameplate.cli.sparklines import sparkline
from nameplate.cli.waiting import Seen, Timeout, Wait
from nameplate.core.redirection import RedirectKind

app = typer.Typer(help="Manage bindings of hosts to applications.", no_args_is_help=True)
COLUMNS = ("id", "hostname", "path", "status", "health_status", "application", "error_message")

BindingReference = Annotated[
    str, typer.Argument(help="Id or host name of the binding.", autocompletion=names("bindings"))
]
Application = Annotated[
    str,
    typer.Option(
        help="Application, by id, external id or name.", autocompletion=names("applications")
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Upstream port. Default for a new binding: the application's."
    ),
]
ForceHttps = Annotated[
    bool | None,
    typer.Option(
        "--force-https/--no-force-https",
        help="Redirect HTTP to HTTPS. Default for a new binding: yes.",
    ),
]
Hsts = Annotated[
    bool | None,
    typer.Option("--hsts/--no-hsts", help="Send an HSTS header. Default for a new binding: yes."),
]
Weight = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=100,
        help="Share of the requests among the bindings of this host and path. 0: none.",
    ),
]
Redirect = Annotated[
    RedirectKind | None,
    typer.Option(
        help="Where the host redirects to: `to_primary` to the primary host of the application, `www` to "
        "the host with `www.`, `apex` from such a host to its apex. `none` serves the application."
    ),
]
RedirectStatus = Annotated[
    int | None, typer.Option(help="Status of the redirect, 301 or 308. Default: 308.")
]
ProxyConfig = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|@FILE",
        help="How the host is served: timeouts, HSTS, networks and more. `{}` is the default.",
    ),
]
HealthPath = Annotated[
    str | None, typer.Option(help="Path of the health check. Default for a new binding: `/`.")
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: DomainReference,
    application: Application,
    subdomain: Annotated[
        str | None, typer.Option(help="Label below the domain. Default: the domain itself.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="Path to serve. Default: `/`.")] = None,
    port: Port = None,
    server: Annotated[
        str | None, typer.Option(help="Server. Default: the only one that has a proxy.")
    ] = None,
    server_group: Annotated[
        str | None, typer.Option(help="Group of servers that all serve the host.")
    ] = None,
    force_https: ForceHttps = None,
    hsts: Hsts = None,
    health_check_path: HealthPath = None,
    weight: Weight = None,
    proxy_config: ProxyConfig = None,
    redirect: Redirect = None,
    redirect_status: RedirectStatus = None,
    with_partner: Annotated[
        bool | None,
        typer.Option(
            "--with-partner",
            help="Bind the host with or without `www.` too, redirecting to this one.",
        ),
    ] = None,
    metadata: MetadataPairs = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Bind an application to a host and set up its certificate and proxy.

    Example: nameplate binding add shop.example.com --application Shop --wait
    """
    body = given(
        domain=domain,
        application=application,
        subdomain=subdomain,
        path=path,
        port=port,
        server=server,
        server_group=server_group,
        force_https=force_https,
        hsts_enabled=hsts,
        health_check_path=health_check_path,
        traffic_weight=weight,
        proxy_config=parsed(proxy_config, "--proxy-config"),
        redirect=redirect,
        redirect_status=redirect_status,
        with_partner=with_partner,
        metadata=pairs(metadata, "--metadata"),
    )
    made = cli.api.send("POST", "/v1/bindings", body)
    if wait and not cli.api.dry_run:
        made = waited(cli, made["id"], timeout)
    cli.printer.one(made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    application: Annotated[
        str | None, typer.Option(help="Only bindings of this application.")
    ] = None,
    status: StatusFilter = None,
    limit: Limit = None,
) -> None:
    """List bindings."""
    query = given(domain=domain, application=application, status=status)
    cli.printer.many(cli.api.pages("/v1/bindings", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    binding: BindingReference,
    port: Port = None,
    force_https: ForceHttps = None,
    hsts: Hsts = None,
    health_check_path: HealthPath = None,
    weight: Weight = None,
    proxy_config: ProxyConfig = None,
    redirect: Redirect = None,
    redirect_status: RedirectStatus = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Serve the host, or stop serving it.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="Move the binding to this server.")] = None,
    server_group: Annotated[
        str | None, typer.Option(help="Move the binding to this group of servers.")
    ] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update a binding."""
    body = given(
        port=port,
        force_https=force_https,
        hsts_enabled=hsts,
        health_check_path=health_check_path,
        traffic_weight=weight,
        proxy_config=parsed(proxy_config, "--proxy-config"),
        redirect=redirect,
        redirect_status=redirect_status,
        enabled=enabled,
        server=server,
        server_group=server_group,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("bindings", binding), body))


@command(app, "restore")
def restore(cli: Cli, binding: Annotated[str, typer.Argument(help="Id of the binding.")]) -> None:
    """Restore a removed binding."""
    cli.printer.one(cli.api.send("POST", address("bindings", binding, ":restore")))


@command(app, "check")
def check(cli: Cli, binding: BindingReference) -> None:
    """Check a binding now."""
    cli.printer.one(cli.api.send("POST", address("bindings", binding, ":check")))


@command(app, "health")
def health(cli: Cli, binding: BindingReference) -> None:
    """Show the health checks of a binding in the last day.

    A column is half an hour: the higher, the slower the answers. `!` marks failed checks.
    """
    found = cli.api.get(address("bindings", binding, "/health"))
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    cli.printer.one(found, skip=("points",))
    points = found["points"]
    if points:
        cli.printer.line(f"last day  {sparkline(points, found['now'])}")
        cli.printer.line(_in_words(points))


@command(app, "primary")
def primary(cli: Cli, binding: BindingReference) -> None:
    """Make a binding the primary of its application."""
    cli.printer.one(cli.api.send("POST", address("bindings", binding, ":primary")))


showing(app, "binding", "bindings")
removing(app, "binding", "bindings")


def _in_words(points: Sequence[Mapping[str, Any]]) -> str:
    looks, failed = (sum(one[name] for one in points) for name in ("looks", "failed"))
    took = sum(one["looks"] * one["milliseconds"] for one in points) // max(looks, 1)
    longest = max(one["longest"] for one in points)
    return f"{looks} checks, {failed} failed, {took} ms on average, {longest} ms at most."


def bind_new(cli: Cli, domain: dict[str, Any], upstream: tuple[str | None, int | None]) -> str:
    """Make an application that is named after the domain, bind it, and return the binding's id."""
    host, port = upstream
    body = given(
        name=domain["name"],
        organization=domain["organization"],
        upstream_host=host,
        upstream_port=port,
    )
    application = cli.api.send("POST", "/v1/applications", body)
    bound = {"domain": domain["id"], "application": application["id"]}
    identity: str = cli.api.send("POST", "/v1/bindings", bound)["id"]
    return identity


def waited(cli: Cli, identity: str, timeout: float) -> dict[str, Any]:
    """Return the binding once it is served, and show what is left meanwhile."""

    def look() -> Seen:
        found = cli.api.get(address("bindings", identity))
        done = found["status"] == "active"
        step = WaitingStep(found["hostname"], done, f"The binding is {found['status']}.")
        domain = cli.api.get(address("domains", found["domain"]))
        over = "The binding is disabled." if found["status"] == "disabled" else ""
        return Seen(found, [*waiting.of_conditions(domain), step], done, over)

    resume = ["nameplate", "binding", "show", identity]
    return waiting.until(cli, look, timeout=timeout, resume=resume)
