"""`nameplate domain`: claimed names, from claim to HTTPS."""

import shlex
import sys
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any

import typer

from nameplate.cli import bindings, checklist, entries, findings, purges, terminal, waiting
from nameplate.cli import instructions as shown
from nameplate.cli.applications import address_of
from nameplate.cli.checklist import WaitingStep
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainReference,
    Limit,
    MetadataFilter,
    MetadataPairs,
    NameFilter,
    NonInteractive,
    Organization,
    OrganizationFilter,
    StatusFilter,
    Yes,
    command,
    filters,
    given,
    pairs,
    removing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.preferences import (
    PreferredAuthorities,
    PreferredChain,
    PreferredChallenge,
    PreferredKey,
    PreferredProfile,
)
from nameplate.cli.verifications import PROOF_METHOD
from nameplate.cli.waiting import Seen, Timeout, Wait

app = typer.Typer(help="Manage domains, from claim to HTTPS.", no_args_is_help=True)
COLUMNS = ("id", "name", "status", "ready", "reason", "organization", "created_at")
_OVER = frozenset({"expired", "error", "suspended"})

ForceHttps = Annotated[
    bool | None, typer.Option("--force-https/--no-force-https", help="Redirect HTTP to HTTPS.")
]
Hsts = Annotated[bool | None, typer.Option("--hsts/--no-hsts", help="Send an HSTS header.")]
Notes = Annotated[str | None, typer.Option(help="Notes of your own.")]
Zone = Annotated[
    str | None, typer.Option(help="Zone of that account. Default: found by the domain name.")
]
ServerChoice = Annotated[
    str | None,
    typer.Option("--server", help="Server to show the routing record of. Default: the only one."),
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[
        str, typer.Argument(help="Full domain name. Quote a wildcard: '*.example.com'.")
    ],
    organization: Organization = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"{PROOF_METHOD} Repeat it to offer several: one is enough."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="DNS account that Nameplate writes records with.")
    ] = None,
    zone: Zone = None,
    hosted: Annotated[
        bool,
        typer.Option("--hosted", help="Host the zone on the name servers of this installation."),
    ] = False,
    server: ServerChoice = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Also bind the name to a new application at this address. Requires a platform token.",
        ),
    ] = None,
    notes: Notes = None,
    metadata: MetadataPairs = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Claim a name and print what to publish: the proof, and what leads to the server.

    With `--upstream` it is served too, by an application that is named after it; `--wait` waits for that.

    Example: nameplate domain add shop.example.com --organization acme --wait
    """
    serves = address_of(upstream)
    body = given(
        name=name,
        organization=organization,
        verification_method=method[0] if method else "dns_txt",
        verification_methods=method if method and len(method) > 1 else None,
        account=account,
        zone=zone,
        hosted=hosted or None,
        server=server,
        notes=notes,
        metadata=pairs(metadata, "--metadata"),
    )
    made = cli.api.send("POST", "/v1/domains", body)
    if cli.printer.form is OutputFormat.TABLE:
        claimed = "Can be claimed" if cli.api.dry_run else "Claimed"
        cli.printer.say(f"{claimed}: {made['name']} ({made['id']}). {_state(made)}\n")
        shown.show(cli.printer, made["instructions"], everything=_turn(made) == "nameplate")
    if upstream and not cli.api.dry_run:
        binding = bindings.bind_new(cli, made, serves)
        if wait:
            bindings.waited(cli, binding, timeout)
        cli.printer.one(cli.api.get(address("bindings", binding)))
        return
    if wait and not cli.api.dry_run:
        made = _waited(cli, made["id"], made["name"], "ownership", timeout)
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(made)
    if not cli.api.dry_run:
        _say_next(cli, made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    status: StatusFilter = None,
    name: NameFilter = None,
    ready: Annotated[
        bool | None,
        typer.Option(
            "--ready/--not-ready", help="Only domains that are ready, or only those that are not."
        ),
    ] = None,
    organization: OrganizationFilter = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List domains, each with the most important reason why it is not ready."""
    asked = None if ready is None else str(ready).lower()
    query = filters(metadata, status=status, name=name, ready=asked, organization=organization)
    cli.printer.many(cli.api.pages("/v1/domains", limit=limit, **query), COLUMNS)


@command(app, "show")
def show(cli: Cli, domain: DomainReference) -> None:
    """Show a domain and everything that is left to do."""
    _print(cli, cli.api.get(address("domains", domain)))


@command(app, "instructions")
def instructions(
    cli: Cli,
    domain: DomainReference,
    everything: Annotated[
        bool, typer.Option("--all", help="Print what is published already as well.")
    ] = False,
    server: ServerChoice = None,
) -> None:
    """Print what the owner still has to publish."""
    query = filters(None, server=server)
    found = cli.api.get(address("domains", domain), **query)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"id": found["id"], "instructions": found["instructions"]})
    else:
        shown.show(cli.printer, found["instructions"], everything=everything)


@command(app, "dns-host")
def dns_host(cli: Cli, domain: DomainReference) -> None:
    """Find the DNS host of a domain and print the records to enter there."""
    found = cli.api.get(address("domains", domain, "/dns-host"))
    if cli.printer.form is OutputFormat.TABLE:
        entries.print_advice(cli.printer, found)
    else:
        cli.printer.document(found)


@command(app, "doctor")
def doctor(
    cli: Cli,
    name: Annotated[
        str,
        typer.Argument(
            help="Id or name of the domain, or any public name.", autocompletion=names("domains")
        ),
    ],
) -> None:
    """Find out why a name does not work, claimed or not. Exit code 1 when something must be done.

    Example: nameplate domain doctor shop.example.com
    """
    found = cli.api.get(address("domains", name, "/diagnosis"))
    if cli.printer.form is OutputFormat.TABLE:
        findings.show(cli.printer, found)
    else:
        cli.printer.document(found)
    if not found["ok"]:
        raise typer.Exit(1)


@command(app, "connect")
def connect(cli: Cli, domain: DomainReference) -> None:
    """Print the Domain Connect link for the owner. Exit code 1 when it is not supported."""
    found = cli.api.get(address("domains", domain, "/domain-connect"))
    if cli.printer.form is OutputFormat.TABLE:
        entries.print_offer(cli.printer, found)
    else:
        cli.printer.document(found)
    if not found["supported"]:
        raise typer.Exit(1)


@command(app, "update")
def update(
    cli: Cli,
    *,
    domain: DomainReference,
    notes: Notes = None,
    force_https: ForceHttps = None,
    hsts: Hsts = None,
    ssl: Annotated[bool | None, typer.Option("--ssl/--no-ssl", help="Serve over TLS.")] = None,
    auto_renew: Annotated[
        bool | None,
        typer.Option("--auto-renew/--no-auto-renew", help="Renew certificates automatically."),
    ] = None,
    key_type: PreferredKey = None,
    profile: PreferredProfile = None,
    preferred_chain: PreferredChain = None,
    challenge: PreferredChallenge = None,
    authority: PreferredAuthorities = None,
    drift: Annotated[
        str | None,
        typer.Option(
            "--drift",
            metavar="off|report|repair",
            help="What to do when a record is changed outside Nameplate.",
        ),
    ] = None,
    automatic_dns: Annotated[
        bool | None,
        typer.Option(
            "--automatic-dns/--no-automatic-dns",
            help="Maintain the records that point bound hosts at their servers.",
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(help="New DNS account. Records at the previous account are kept."),
    ] = None,
    zone: Zone = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update the settings of a domain."""
    body = given(
        notes=notes,
        force_https=force_https,
        hsts_enabled=hsts,
        ssl_enabled=ssl,
        auto_renew_ssl=auto_renew,
        key_type=key_type,
        certificate_profile=profile,
        preferred_chain=preferred_chain,
        certificate_challenge=challenge,
        certificate_authorities=authority or None,
        drift_policy=drift,
        account=account,
        zone=zone,
        automatic_dns=automatic_dns,
        metadata=pairs(metadata, "--metadata"),
    )
    _print(cli, cli.api.send("PATCH", address("domains", domain), body))


@command(app, "check")
def check(cli: Cli, domain: DomainReference) -> None:
    """Run all pending checks of a domain now."""
    _print(cli, cli.api.send("POST", address("domains", domain, ":check")))


@command(app, "wait")
def wait(
    cli: Cli,
    *,
    domain: DomainReference,
    condition: Annotated[
        str,
        typer.Option(
            "--for",
            help="Condition to wait for, such as `ownership`, or `ready` for all of them.",
        ),
    ] = "ready",
    timeout: Timeout = 600.0,
) -> None:
    """Wait until a domain is ready. Exit code 6 when the timeout is reached."""
    _print(cli, _waited(cli, domain, domain, condition, timeout))


@command(app, "suspend")
def suspend(
    cli: Cli,
    domain: DomainReference,
    reason: Annotated[str | None, typer.Option(help="Reason to show to the organization.")] = None,
) -> None:
    """Suspend a domain: stop serving it but keep the claim."""
    body = given(reason=reason) or None
    _print(cli, cli.api.send("POST", address("domains", domain, ":suspend"), body))


@command(app, "resume")
def resume(cli: Cli, domain: DomainReference) -> None:
    """Resume a suspended domain."""
    _print(cli, cli.api.send("POST", address("domains", domain, ":resume")))


@command(app, "approve")
def approve(cli: Cli, domain: DomainReference) -> None:
    """Let an organization hold a public suffix that it proves. Requires a platform token."""
    _print(cli, cli.api.send("POST", address("domains", domain, ":approve")))


@command(app, "deny")
def deny(
    cli: Cli,
    domain: DomainReference,
    reason: Annotated[str, typer.Option(help="Reason to show to the organization.")],
) -> None:
    """Do not let an organization hold a public suffix. Requires a platform token."""
    _print(cli, cli.api.send("POST", address("domains", domain, ":deny"), {"reason": reason}))


@command(app, "override")
def override(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Domain name.")],
    reason: Annotated[str, typer.Option(help="Reason to show to both sides.")],
    to: Annotated[str | None, typer.Option(help="Organization that gets the name.")] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Take the name from whoever holds it.")
    ] = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Decide who holds a name. Requires a platform token; `--dry-run` shows what would end."""
    if release == (to is not None):
        raise typer.BadParameter("Pass either `--to ORGANIZATION` or `--release`.")
    what = f"Give {name} to {to}" if to else f"Release {name}"
    cli.confirm(what, yes=yes, non_interactive=non_interactive)
    body = given(name=name, organization=to, reason=reason)
    cli.printer.document(cli.api.send("POST", "/v1/domains:override", body))


@command(app, "restore")
def restore(cli: Cli, domain: DomainReference) -> None:
    """Restore a released domain. Its ownership must be proved again."""
    _print(cli, cli.api.send("POST", address("domains", domain, ":restore")))


removing(app, "domain", "domains")
purges.register(app)


def _waited(cli: Cli, reference: str, name: str, condition: str, timeout: float) -> dict[str, Any]:
    def look() -> Seen:
        found = cli.api.get(address("domains", reference))
        steps = waiting.of_conditions(found)
        one = next((step for step in steps if step.name == condition), None)
        done = found["ready"] if condition == "ready" else one is not None and bool(one.done)
        over = "" if done or found["status"] not in _OVER else f"{name} is {found['status']}."
        return Seen(found, steps, bool(done), over)

    resume = ["nameplate", "domain", "wait", name, "--for", condition]
    return waiting.until(cli, look, timeout=timeout, resume=resume)


def _print(cli: Cli, found: dict[str, Any]) -> None:
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(found)
        return
    cli.printer.one(found, skip=("conditions", "instructions"))
    told = {one["sentence"] for one in found["instructions"] or ()}
    steps = [_beside(step, told) for step in waiting.of_conditions(found)]
    columns = terminal.width(sys.stdout) or checklist.UNBOUNDED
    if steps:
        cli.printer.line("")
    for line in checklist.lines(steps, columns, cli.printer.upcoming):
        cli.printer.line(line)
    if found["instructions"]:
        cli.printer.line("")
        shown.show(cli.printer, found["instructions"])


def _beside(step: WaitingStep, told: Collection[str]) -> WaitingStep:
    """Return a step without what the table of instructions below it says."""
    if step.fix not in told:
        return step
    return replace(step, fix="Do what is shown below.", expected=())


def _state(domain: dict[str, Any]) -> str:
    """Return where a new claim stands, in one sentence."""
    if domain["status"] == "pending_verification":
        if _turn(domain) == "nameplate":
            return "Nameplate publishes this with the DNS account to prove ownership:"
        proofs = [one for one in domain["instructions"] if one["purpose"] == "ownership"]
        if len(proofs) > 1:
            return "One of these proves ownership:"
        purposes = {one["purpose"] for one in domain["instructions"] if one["kind"] == "dns_record"}
        if "routing" in purposes:
            return "Publish this to prove ownership and to lead the name to its server:"
        return "This proves ownership:" if domain["instructions"] else ""
    return f"It is {domain['status'].replace('_', ' ')}."


def _turn(domain: dict[str, Any]) -> str | None:
    """Return who has to act next to prove ownership."""
    turns = (one["turn"] for one in domain["conditions"] if one["type"] == "ownership")
    return next(turns, None)


def _say_next(cli: Cli, domain: dict[str, Any]) -> None:
    """Say the one command that goes on from here."""
    name = shlex.quote(domain["name"])
    pending = domain["status"] == "pending_verification"
    command = (
        f"domain wait {name} --for ownership"
        if pending
        else f"binding add {name} --application APPLICATION --wait"
    )
    cli.printer.say(f"\nNext:\n  nameplate {command}")
