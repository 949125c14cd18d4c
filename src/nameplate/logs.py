"""Log lines as JSON, one object each: what happened, how bad it is, when, and what it was about.

Everything in Nameplate logs by the standard library, below the logger `nameplate`, so that a
program that embeds it decides where its lines go; Nameplate's own processes call `to`.
"""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

_USUAL = vars(logging.makeLogRecord({})).keys() | {"asctime", "message"}


class Lines(logging.Formatter):
    """Formats a record with everything of its `extra`; tracebacks without the values of variables."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {name: value for name, value in vars(record).items() if name not in _USUAL}
        line |= {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def to(stream: TextIO) -> None:
    """Write what Nameplate logs, from `info` on, to `stream` and nowhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logger = logging.getLogger("nameplate")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
