"""Loaded by processes whose clock libfaketime shifts: it breaks the system call behind `time.sleep`."""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
