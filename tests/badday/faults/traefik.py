"""Traefik has a bad day: Gamma's, which reads files, or Delta's, which fetches from Nameplate."""

import shutil
import signal
from pathlib import Path

from nameplate.core.error_catalogue.entry import Turn
from tests.badday import proxies
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import want_host_of
from tests.badday.faults.disks import filled, freed, read_only, writable
from tests.badday.town import Town

FILES, HTTP = "edge-gamma", "edge-delta"


def managed(town: Town) -> Path:
    """Return the folder that Nameplate manages."""
    return town.reading.folder / "managed"


def empty(town: Town) -> None:
    """End Gamma's Traefik, and lose everything that it was told."""
    town.reading.server.stop()
    for one in managed(town).iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        else:
            one.unlink()
    (managed(town) / "dynamic").mkdir()


def _foreign(town: Town) -> Path:
    return managed(town) / "dynamic" / "others.yaml"


def poison(town: Town) -> None:
    """Leave a file of somebody else beside Nameplate's that is no YAML."""
    _foreign(town).write_text("http: [")


def mend(town: Town) -> None:
    """Remove it, as who has made it would."""
    _foreign(town).unlink()


def fetch_with(token: str | None = None) -> Act:
    """Start Delta's Traefik with this token, or with the one that it should have."""

    def act(town: Town) -> None:
        told = proxies.fetching(town.endpoint, token or town.token)
        town.fetching.static.update(told)
        town.fetching.start_again()

    return act


FAULTS = (
    Fault(
        "Traefik is down",
        breaks=lambda t: t.reading.server.stop(),
        says=condition("serving", "binding_unhealthy", tells=(FILES, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="gamma",
        repairs=lambda t: t.reading.start_again(),
        quick=True,
    ),
    Fault(
        "Traefik is down, and comes back with an empty folder",
        breaks=empty,
        says=condition("serving", "binding_unhealthy", tells=(FILES, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="gamma",
        repairs=lambda t: t.reading.start_again(),
    ),
    Fault(
        "Traefik hangs",
        breaks=lambda t: t.reading.server.process.send_signal(signal.SIGSTOP),
        says=condition("serving", "binding_unhealthy", tells=(FILES, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="gamma",
        repairs=lambda t: t.reading.server.process.send_signal(signal.SIGCONT),
    ),
    Fault(
        "A file of somebody else in the folder that Traefik watches cannot be read; a host is added",
        breaks=poison,
        wants=want_host_of("gamma"),
        says=condition("serving", "binding_configuring", tells=(FILES, "another file")),
        turn=Turn.OPERATOR,
        at="gamma",
        repairs=mend,
    ),
    Fault(
        "The disk of Traefik's folder is full; a host is added",
        breaks=filled(managed),
        wants=want_host_of("gamma"),
        says=condition("serving", "binding_configuring", tells=(FILES, "disk is full")),
        turn=Turn.OPERATOR,
        at="gamma",
        repairs=freed(managed),
    ),
    Fault(
        "Traefik's folder cannot be written; a host is added",
        breaks=read_only(managed),
        wants=want_host_of("gamma"),
        says=condition("serving", "binding_configuring", tells=(FILES, "Read-only")),
        turn=Turn.OPERATOR,
        at="gamma",
        repairs=writable(managed),
    ),
    Fault(
        "Traefik, which fetches its configuration, is down",
        breaks=lambda t: t.fetching.server.stop(),
        says=condition("serving", "binding_unhealthy", tells=(HTTP, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="delta",
        repairs=lambda t: t.fetching.start_again(),
    ),
    Fault(
        "Traefik cannot reach Nameplate to fetch its configuration; a host is added",
        breaks=lambda t: t.edge.refuse(),
        wants=want_host_of("delta"),
        says=condition(
            "serving", "binding_configuring", tells=(HTTP, "cannot reach Nameplate's edge")
        ),
        turn=Turn.OPERATOR,
        at="delta",
        repairs=lambda t: t.edge.open(),
    ),
    Fault(
        "Traefik is started with a wrong token to fetch its configuration",
        breaks=fetch_with("not-the-token-of-any-server"),
        says=condition("serving", "binding_unhealthy", tells=(HTTP, "different certificate")),
        turn=Turn.OPERATOR,
        served=False,
        at="delta",
        repairs=fetch_with(),
    ),
)
