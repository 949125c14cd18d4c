"""The installation itself has a bad day."""

import os
from pathlib import Path

from nameplate.adapters import keyring
from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Fault, condition, either, metric, refusal, start_refused
from tests.badday.faults.acts import want_host, want_record
from tests.badday.town import Town
from tests.servers.process import ServerMissing

_CLOCK = Path(__file__).parents[1] / "clock"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def clock(shift: str) -> dict[str, str]:
    """Return the environment in which a process has another time of day."""
    if FAKETIME is None:
        raise ServerMissing("libfaketime is not installed: run `make servers`")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join([str(_CLOCK), os.environ.get("PYTHONPATH", "")]),
    }


def other_keyring(town: Town) -> Path:
    """Return a key ring that has sealed nothing."""
    path = town.folder / "other-keyring"
    if not path.exists():
        keyring.create(path)
    return path


def want_host_if_up(town: Town) -> None:
    """Have one more host served, when there is somebody to tell."""
    if town.nameplate.refused is None:
        want_host(town)


FAULTS = (
    Fault(
        "The database refuses connections",
        breaks=lambda t: t.database.refuse(),
        says=refusal("/readyz", "database_unavailable"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.database.open(),
        quick=True,
    ),
    Fault(
        "The database hangs",
        breaks=lambda t: t.database.hang(),
        says=refusal("/readyz", "database_unavailable", "provider_unreachable"),
        turn=Turn.OPERATOR,
        silent=True,
        common=True,
        repairs=lambda t: t.database.open(),
    ),
    Fault(
        "The key ring is another one when Nameplate is started",
        breaks=lambda t: t.nameplate.try_start(NAMEPLATE_KEYRING_FILE=str(other_keyring(t))),
        wants=want_host_if_up,
        says=either(start_refused("keyring_wrong"), condition("certificate", "key_unknown")),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The machine's clock is 25 h ahead; a host is added",
        breaks=lambda t: t.restart(**clock("+25h")),
        wants=want_host,
        says=metric("nameplate_clock_ahead_seconds", 3600),
        turn=Turn.OPERATOR,
        ready=True,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The machine's clock is 25 h behind; a host is added",
        breaks=lambda t: t.restart(**clock("-25h")),
        wants=want_host,
        says=condition("certificate", "ca_untrusted"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The worker is killed; a record is added",
        breaks=lambda t: t.nameplate.kill("worker"),
        wants=want_record,
        says=condition("work", "work_overdue"),
        turn=Turn.OPERATOR,
        silent=True,
        common=True,
        repairs=lambda t: t.nameplate.start("worker"),
    ),
)
