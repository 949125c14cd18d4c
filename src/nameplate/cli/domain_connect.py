"""`nameplate domain-connect`: the template and public key that DNS hosts need."""

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Set up Domain Connect for the platform.", no_args_is_help=True)


@app.callback()
def domain_connect() -> None:
    """Set up Domain Connect for the platform."""


@command(app, "template")
def template(cli: Cli) -> None:
    """Print the template to submit as JSON, and the TXT records of the public key on stderr."""
    found = cli.api.get("/v1/domain-connect")
    if not found["configured"]:
        cli.fail(
            1,
            "domain_connect_not_configured",
            "Domain Connect is not configured. Set `NAMEPLATE_DOMAIN_CONNECT_PROVIDER_ID` and "
            "`NAMEPLATE_DOMAIN_CONNECT_KEY_FILE`.",
        )
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    cli.printer.say(f"Submit this template as {found['file_name']}:")
    cli.printer.document(found["template"])
    cli.printer.say("\nPublish these records of the public key:")
    for one in found["key_records"]:
        cli.printer.say(f'{one["name"]}. TXT "{one["value"]}"')
