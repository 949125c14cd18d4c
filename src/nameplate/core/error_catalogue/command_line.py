"""Error codes of the command line itself: how it was called, and the server that it calls."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "The command line",
    "These codes are about how a command was called, and about the server that it uses.",
    {
        "usage_invalid": Entry(
            Turn.YOU,
            "The command line has an unknown command or option, or lacks one.",
            "Correct what the message names. `--help` shows what the command takes.",
            (422,),
        ),
        "api_url_missing": Entry(
            Turn.YOU,
            "There is a token, but no address of a server to use it at.",
            "Set NAMEPLATE_API_URL, or remove the token to work on the local database.",
            (422,),
        ),
        "api_unreachable": Entry(
            Turn.YOU,
            "No connection to the server of the command line.",
            "Check the address in the message, and that `nameplate serve` runs and listens there.",
            (503,),
        ),
    },
)
