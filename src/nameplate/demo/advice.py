"""What to try while the demo is kept running: commands that work when pasted into a shell."""

import os
import shlex
import sys
from pathlib import Path

from nameplate.demo.loopback import LOOPBACK
from nameplate.demo.sandbox import Sandbox


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
