"""Write constraints.txt: the exact versions that development and CI install.

It holds versions only, no addresses, so that it serves whatever package index pip is set up with.
"""

# ruff: noqa: INP001 - a program beside the package

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "constraints.txt"
HEADER = """\
# The versions that `make` installs, written by `make lock`. Change pyproject.toml, not this file.
"""


def resolved() -> dict[str, str]:
    """Return the version of each distribution that an empty environment would get today."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"]
    wanted = ["--ignore-installed", "--editable", ".", "--group", "dev", "--group", "web", "pip"]
    done = subprocess.run([*command, *wanted], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = [one["metadata"] for one in json.loads(done.stdout)["install"]]
    return {
        re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"]
        for one in found
        if one["name"] != "nameplate"
    }


if __name__ == "__main__":
    lines = [f"{name}=={version}\n" for name, version in sorted(resolved().items())]
    TARGET.write_text(HEADER + "".join(lines))
