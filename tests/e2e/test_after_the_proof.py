"""A proof that is lost, found, lost for good and given again, on real servers: DNS, proxy, authority."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nameplate.core.actor import PLATFORM
from nameplate.core.ids import parse
from nameplate.core.records import Change
from nameplate.db import Sessions, engine
from nameplate.models import LossReason, Verification
from tests.e2e.installation import fetch, publish
from tests.e2e.test_main_path import World, _ready, _serves, _set_up, embedded

__all__ = ["embedded"]
pytestmark = pytest.mark.timeout(300)
NAME = "shop.example.com"
DAY = timedelta(days=1)
EDGE_SECONDS, FILE_SECONDS = 5.0, 60.0


class Owner:
    """Whoever publishes the proof by hand."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids = _set_up(world)
        self.told: dict[str, Any] = {}

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.world.nameplate.call(method, path, body, token=self.ids["token"])

    def publish(self, domain: dict[str, Any]) -> None:
        self.told = next(one for one in domain["instructions"] if one["purpose"] == "ownership")
        publish(self.world.owner, self.told["name"], "TXT", f'"{self.told["value"]}"')

    def withdraw(self) -> None:
        zone = self.world.owner.zones()[0]
        there = next(
            r for r in self.world.owner.records(zone) if r.key == (self.told["name"], "TXT")
        )
        self.world.owner.apply(zone, [Change(there, None)])

    def reason(self) -> str:
        return str(self.call("GET", f"/v1/domains/{NAME}")["reason"])

    def proof(self) -> str:
        return str(self.call("GET", f"/v1/verifications?domain={NAME}")["data"][-1]["id"])

    def age(self, **columns: Any) -> None:
        """Let time have passed for the proof, and a worker look at it now."""
        folder = self.world.nameplate.folder.parent
        sessions = Sessions(engine(f"sqlite:///{folder}/nameplate.db"))
        with sessions.begin(PLATFORM) as session:
            row = session.get_one(Verification, parse(self.proof(), "ver"))
            for name, value in columns.items():
                setattr(row, name, value)
            row.next_action_at = datetime.now(UTC)
        sessions.dispose()

    def lose_for_good(self) -> None:
        """Withdraw the proof, and let a worker look when its grace is over."""
        self.withdraw()
        now = datetime.now(UTC)
        self.age(
            lost_at=now - 8 * DAY,
            lost_reason=LossReason.PROOF_GONE,
            notices=3,
            noticed_at=now - 2 * DAY,
        )
        self.world.nameplate.until("out of service", lambda: self.reason() == "lapsed")

    def is_asked(self) -> bool:
        return self.world.nameplate.ask("GET", f"/edge/ask?domain={NAME}")[0] == 200

    def gone_from_edge_and_proxy(self) -> None:
        root = self.world.pebble.root_pem()
        _within(EDGE_SECONDS, "the edge", lambda: not self.is_asked())
        _within(FILE_SECONDS, "nginx", lambda: not _serves(self.world.nginx.https_port, root))
        _within(FILE_SECONDS, "a file of nginx", lambda: not self.is_in_a_file())

    def is_in_a_file(self) -> bool:
        folder = self.world.nginx.folder / "managed"
        return any(NAME in text for text in map(_text, folder.rglob("*.conf")))


def _text(file: Path) -> str:
    """Return what a file says; nothing once it is removed, as old releases are meanwhile."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def _within(seconds: float, what: str, look: Callable[[], bool]) -> None:
    started = time.monotonic()
    while not look():
        assert time.monotonic() - started < seconds, f"{what} serves it after {seconds} s"
        time.sleep(0.1)


def test_lost_found_lapsed_released_and_given_again(embedded: World) -> None:
    owner = Owner(embedded)
    domain = owner.call("POST", "/v1/domains", {"name": NAME})
    publish(embedded.owner, NAME, "A", "127.0.0.1")
    owner.publish(domain)
    body = {"application": owner.ids["application"], "domain": NAME, "server": owner.ids["nginx"]}
    owner.call("POST", "/v1/bindings", body)
    _ready(embedded, owner.ids, NAME)
    embedded.nameplate.until("asked", owner.is_asked)

    owner.lose_for_good()
    owner.gone_from_edge_and_proxy()

    publish(embedded.owner, owner.told["name"], "TXT", f'"{owner.told["value"]}"')
    owner.call("POST", f"/v1/verifications/{owner.proof()}:check")
    _ready(embedded, owner.ids, NAME)
    root = embedded.pebble.root_pem()
    served = lambda: fetch("127.0.0.1", embedded.nginx.https_port, NAME, root)[0] == 200  # noqa: E731 - one line, used twice
    embedded.nameplate.until("served again", served)

    owner.lose_for_good()
    owner.age(lapsed_at=datetime.now(UTC) - 31 * DAY)
    listed = lambda: embedded.nameplate.call("GET", "/v1/quarantine")["data"]  # noqa: E731 - one line, used twice
    (row,) = embedded.nameplate.until("in quarantine", listed)
    assert (row["name"], row["reason"]) == (NAME, "lapsed")
    embedded.nameplate.until(
        "looked at", lambda: "which is here" in str(listed()[0]["explanation"])
    )

    owner.publish(owner.call("GET", f"/v1/domains/{NAME}"))
    _ready(embedded, owner.ids, NAME)
    embedded.nameplate.until("served again", served)
    assert not listed()
    owner.call("DELETE", f"/v1/domains/{NAME}")
    owner.gone_from_edge_and_proxy()
