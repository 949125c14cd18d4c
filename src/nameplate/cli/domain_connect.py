"""`nameplate domain-connect`: what the operator submits so that DNS hosts know the platform."""

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="The platform's entry at DNS hosts.", no_args_is_help=True)


@app.callback()
def domain_connect() -> None:
    """Set the platform up for Domain Connect."""


@command(app, "template")
def template(cli: Cli) -> None:
    """Print the template to submit, as JSON, and on stderr the TXT records of the public key."""
    found = cli.api.get("/v1/domain-connect")
    if not found["configured"]:
        cli.fail(
            1,
            "domain_connect_not_configured",
            "Set NAMEPLATE_DOMAIN_CONNECT_PROVIDER_ID and NAMEPLATE_DOMAIN_CONNECT_KEY_FILE first.",
        )
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    cli.printer.say(f"Submit this as {found['file_name']}:")
    cli.printer.document(found["template"])
    cli.printer.say("\nPublish the public key:")
    for one in found["key_records"]:
        cli.printer.say(f'{one["name"]}. TXT "{one["value"]}"')
