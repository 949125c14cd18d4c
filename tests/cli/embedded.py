"""The command line over an API in the same process: `python embedded.py DATABASE HOME NOUN VERB`."""

import os
import sys
from pathlib import Path

from nameplate import bootstrap
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.cli.root import build
from nameplate.cli.transport import ApiConnection
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.settings import Settings


def connection(url: str, home: Path) -> ApiConnection:
    nobody = {"NAMEPLATE_DNS_RECURSOR": "127.0.0.1:1"}
    settings = Settings.read({**nobody, **os.environ, "NAMEPLATE_HOME": str(home)})
    sessions = Sessions(engine(url))
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    app = create(sessions, tools, local_token=Secret("local"))
    return ApiConnection(InProcess(app), Secret("local"))


def main() -> None:
    url, home, *arguments = sys.argv[1:]
    build(lambda: connection(url, Path(home)))(arguments, prog_name="nameplate")


if __name__ == "__main__":
    main()
