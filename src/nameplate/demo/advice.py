"""What to try while the demo is kept running: the page, and commands that work when pasted into a shell."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from nameplate.core.actor import PLATFORM
from nameplate.demo.loopback import LOOPBACK
from nameplate.demo.sandbox import Sandbox
from nameplate.usecases.tenants import users
from nameplate.web import Assets

_OPERATOR = "operator@example.test"


@dataclass(frozen=True, slots=True)
class DemoPage:
    """The web page of the demo, and how to sign in there."""

    url: str
    email: str
    invitation_url: str
    """Works once: by it a person chooses the password."""
    is_built: bool
    """A checkout has no page before `make web`."""

    def as_json(self) -> dict[str, object]:
        """Return the page for the one document."""
        return {"url": self.url, "email": self.email, "invitation_url": self.invitation_url}

    def lines(self) -> list[str]:
        """Return what a person reads."""
        if not self.is_built:
            said = f"The page at {self.url}/ is not built: run `make web`. Then choose a password"
        else:
            said = f"The page at {self.url}/ shows all of this. Choose a password"
        return [f"{said} for {self.email}:", "", f"  {self.invitation_url}"]


def page(sandbox: Sandbox) -> DemoPage:
    """Add an operator and return where the page is."""
    with sandbox.sessions.begin(PLATFORM) as session:
        tools = sandbox.tools
        _, token = users.add(
            session,
            PLATFORM,
            email=_OPERATOR,
            operator=True,
            now=tools.clock(),
            random=tools.random,
        )
    link = f"{sandbox.api_url}/invitation#{token.reveal()}"
    return DemoPage(sandbox.api_url, _OPERATOR, link, Assets().are_built)


def commands(sandbox: Sandbox, account: str) -> list[str]:
    """Write the credentials into files that only their owner can read, and return the commands.

    `account` is the id of the account that may write the zone. No command has a secret among its arguments, where everybody on the machine could read it.
    """
    token = sandbox.token.reveal()
    header = _written(sandbox.home / "authorization", f"Authorization: Bearer {token}\n")
    profile = _written(
        sandbox.home / "profile.toml", f'api_url = "{sandbox.api_url}"\ntoken = "{token}"\n'
    )
    curl = shlex.join(["curl", "-H", f"@{header}"])
    program, another = _program(), f"blog.{sandbox.way.zone}"
    through = f"::{LOOPBACK}:{sandbox.https_port}"
    visit = ["curl", "--cacert", str(sandbox.root), "--connect-to", through]
    return [
        shlex.join([*visit, f"https://{sandbox.way.host}/"]),
        f"{curl} {sandbox.api_url}/v1/domains/{sandbox.way.host}",
        f"export NAMEPLATE_PROFILE={shlex.quote(profile)}",
        f"{program} domain show {sandbox.way.host}",
        f"{program} certificate list",
        f"{program} domain add {another} --organization acme --account {account} --wait",
        f"{program} record add {another} A @ {LOOPBACK}",
        f"{program} certificate issue {another} --challenge dns-01 --wait",
        f"{program} binding add {another} --application Shop --wait",
        shlex.join([*visit, f"https://{another}/"]),
    ]


def _program() -> str:
    """Return how this program was started, as any other terminal can start it too."""
    path = Path(sys.argv[0]).absolute()
    if path.name == "__main__.py":
        return shlex.join([sys.executable, "-m", "nameplate"])
    return shlex.quote(str(path))


def _written(path: Path, text: str) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return str(path)
