"""Text files that a command takes, or standard input in their place."""

import sys
from pathlib import Path

from nameplate.core.errors import Invalid


def read(file: Path) -> str:
    """Return what a file holds; of standard input for `-`. Raises `Invalid` `file_unreadable`."""
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise Invalid("file_unreadable", f"Cannot read `{file}`: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid("file_unreadable", f"`{file}` is not valid UTF-8.") from None
