"""What to try while the demo is kept running: commands that work when pasted into a shell."""

import os
import shlex
from pathlib import Path

from nameplate.demo.loopback import LOOPBACK
from nameplate.demo.sandbox import TSIG_NAME, Sandbox
from nameplate.demo.steps import HOST, ZONE


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
    through = f"::{LOOPBACK}:{sandbox.https_port}"
    visit = ["curl", "--cacert", str(sandbox.root), "--connect-to", through]
    return [
        shlex.join([*visit, f"https://{HOST}/"]),
        f"{curl} {sandbox.api_url}/v1/domains/{HOST}",
        f"export NAMEPLATE_PROFILE={shlex.quote(profile)}",
        f"nameplate domain show {HOST}",
        "nameplate certificate list",
        *_another(sandbox, account, f"blog.{ZONE}"),
        shlex.join([*visit, f"https://blog.{ZONE}/"]),
    ]


def _another(sandbox: Sandbox, account: str, name: str) -> list[str]:
    """Return the commands for another name. VALUE stands for the value that the first one prints."""
    secret = sandbox.tsig_secret.reveal()
    key = _written(
        sandbox.home / "owner.key",
        f'key "{TSIG_NAME}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n',
    )
    update = f"server {LOOPBACK} {sandbox.dns.port}\\nadd _nameplate-challenge.{name} 60 TXT VALUE"
    return [
        f"nameplate domain add {name} --organization acme --account {account}",
        f"printf '{update}\\nsend\\n' | nsupdate -k {shlex.quote(key)}",
        f"nameplate domain wait {name} --for ownership",
        f"nameplate record add {name} A @ {LOOPBACK}",
        f"nameplate certificate issue {name} --challenge dns-01 --wait",
        f"nameplate binding add {name} --application Shop --wait",
    ]


def _written(path: Path, text: str) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return str(path)
