"""Options of what certificates are made with, for a domain and for an organization."""

from typing import Annotated

import typer

from nameplate.cli.completion import names
from nameplate.core.keys import KeyType

PreferredKey = Annotated[
    KeyType | None, typer.Option("--key-type", help="Kind of the private keys of certificates.")
]
PreferredProfile = Annotated[
    str | None,
    typer.Option(
        "--certificate-profile",
        help="The authority's profile that certificates are ordered with.",
    ),
]
PreferredChain = Annotated[
    str | None,
    typer.Option(
        "--preferred-chain", help="Common name of the root that certificates should lead to."
    ),
]
PreferredChallenge = Annotated[
    str | None,
    typer.Option(
        "--challenge",
        metavar="http-01|dns-01|tls-alpn-01|dns-account-01|dns-persist-01",
        help="How names are proved to authorities.",
    ),
]
PreferredAuthorities = Annotated[
    list[str] | None,
    typer.Option(
        "--authority",
        help="Account to order certificates with, by name. Repeat it for more, the preferred one first.",
        autocompletion=names("accounts"),
    ),
]
