"""A file of `NAME=value` lines for systemd's EnvironmentFile, which only its owner can read."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nameplate.core.errors import Refused

_LINE = re.compile(r"(?:export )?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


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
