"""A file of `NAME=value` lines for systemd's EnvironmentFile, which only its owner can read."""

import os
import re
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from nameplate.core.errors import Refused

_LINE = re.compile(r"(?:export )?([A-Za-z_][A-Za-z0-9_]*)=(.*)")

DEFAULT = Path("/etc/nameplate/nameplate.env")
"""The settings of this machine's services."""
VARIABLE = "NAMEPLATE_ENV_FILE"
"""Names another file."""
_CHOICES = ("NAMEPLATE_HOME", "NAMEPLATE_DATABASE_URL", "NAMEPLATE_API_URL", "NAMEPLATE_TOKEN")
"""Whoever sets one of these has chosen where to work."""


def take(environment: MutableMapping[str, str]) -> None:
    """Add the settings of this machine's services, for whoever can read them and has chosen no other.

    Without them root's commands would work on a database of root's own.
    """
    path = Path(environment.get(VARIABLE) or DEFAULT)
    if any(environment.get(name) for name in _CHOICES) or not os.access(path, os.R_OK):
        return
    for name, value in read(path).items():
        environment.setdefault(name, value)


def read(path: Path) -> dict[str, str]:
    """Return the variables of the file; none when it does not exist.

    Raises Refused `environment_file_refused`.
    """
    found = (_LINE.fullmatch(line.strip()) for line in _lines(path))
    return {line[1]: line[2].strip("\"'") for line in found if line}


def write(path: Path, values: Mapping[str, str]) -> None:
    """Set these variables and keep every other line; the file gets mode 0600.

    It is replaced as a whole: a crash leaves the old or the new one. Raises as `read` does.
    """
    kept = [line for line in _lines(path) if _name(line) not in values]
    lines = [*kept, *(f"{name}={value}" for name, value in values.items())]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                if path.exists():
                    os.fchown(handle, path.stat().st_uid, path.stat().st_gid)
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(handle)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from None


def _name(line: str) -> str:
    found = _LINE.fullmatch(line.strip())
    return found[1] if found else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError | UnicodeDecodeError) -> Refused:
    why = error.strerror if isinstance(error, OSError) else "it is not plain text"
    return Refused(
        "environment_file_refused",
        f"Cannot use the environment file {path}: {why}. Run the command as root, or choose another "
        "file with `--env-file`.",
    )
