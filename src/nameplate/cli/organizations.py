"""`nameplate organization`: the tenants of the platform."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataFilter,
    MetadataPairs,
    NameFilter,
    NewName,
    command,
    filters,
    given,
    pairs,
    removing,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.preferences import (
    PreferredAuthorities,
    PreferredChain,
    PreferredChallenge,
    PreferredKey,
    PreferredProfile,
)

app = typer.Typer(help="Manage organizations, the tenants of the platform.", no_args_is_help=True)
COLUMNS = ("id", "slug", "name", "is_active", "created_at")

OrganizationReference = Annotated[
    str,
    typer.Argument(
        help="Id, slug or external id of the organization.", autocompletion=names("organizations")
    ),
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Display name.")],
    slug: Annotated[
        str | None, typer.Option(help="Short name for URLs. Default: derived from the name.")
    ] = None,
    parent: Annotated[str | None, typer.Option(help="Parent organization, by id or slug.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Id in your own system.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add an organization."""
    body = given(
        name=name,
        slug=slug,
        parent=parent,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("POST", "/v1/organizations", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: NameFilter = None,
    parent: Annotated[
        str | None, typer.Option(help="Only organizations below this parent.")
    ] = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List organizations."""
    query = filters(metadata, name=name, parent=parent)
    cli.printer.many(cli.api.pages("/v1/organizations", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    organization: OrganizationReference,
    name: NewName = None,
    slug: Annotated[str | None, typer.Option(help="New short name for URLs.")] = None,
    active: Annotated[
        bool | None,
        typer.Option(
            "--active/--inactive", help="Accept or reject the tokens of the organization."
        ),
    ] = None,
    key_type: PreferredKey = None,
    certificate_profile: PreferredProfile = None,
    preferred_chain: PreferredChain = None,
    challenge: PreferredChallenge = None,
    authority: PreferredAuthorities = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update an organization."""
    body = given(
        name=name,
        slug=slug,
        is_active=active,
        key_type=key_type,
        certificate_profile=certificate_profile,
        preferred_chain=preferred_chain,
        certificate_challenge=challenge,
        certificate_authorities=authority or None,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("organizations", organization), body))


@command(app, "restore")
def restore(
    cli: Cli, organization: Annotated[str, typer.Argument(help="Id of the organization.")]
) -> None:
    """Restore a removed organization and what was removed with it."""
    cli.printer.one(cli.api.send("POST", address("organizations", organization, ":restore")))


showing(app, "organization", "organizations")
removing(app, "organization", "organizations")
