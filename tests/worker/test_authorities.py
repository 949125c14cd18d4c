"""Two real authorities: a certificate goes to the one that may issue and is there, and comes at once."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.scripted_dns import ScriptedDns, replies
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.worker.busy import going

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.actor import PLATFORM
from nameplate.core.egress import EgressPolicy
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate
from nameplate.usecases.certificates import revocations
from nameplate.usecases.tenants import account_trials, connections
from nameplate.worker.loop import Worker

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
SLACK = 30
"""Seconds between a repair and the certificate."""
Records = dict[tuple[str, str], list[str]]


@pytest.fixture
def records() -> Records:
    """Return what the name server answers; tests change it."""
    return {(NAME, "A"): ["192.0.2.1"]}


@pytest.fixture
def pebbles(tmp_path: Path) -> Iterator[list[Pebble]]:
    with ChallTestSrv(tmp_path / "world") as world:
        made_ = [
            Pebble(tmp_path / name, dns_server=world.dns_server, always_valid=True)
            for name in ("first", "second")
        ]
        try:
            yield made_
        finally:
            for one in made_:
                one.stop()


@pytest.fixture
def rig(migrated_sqlite_url: str, records: Records, pebbles: list[Pebble]) -> Iterator[Rig]:
    rig = made(sessions_over(migrated_sqlite_url), account=False)
    tools = rig.offline.tools
    with ScriptedDns(replies(records)) as server:
        known = {"com": [("ns1.example.com", "127.0.0.1", server.port)]}
        rig.offline.tools = replace(
            tools,
            resolver=AuthoritativeResolver(LOOPBACK, overrides=known, seconds=3),
            authority=connections.authority(tools.authorities, tools.keyring, tools.clock),
        )
        for pebble, name in zip(pebbles, ("first", "second"), strict=True):
            _account(rig, pebble, name)
        yield rig


def _account(rig: Rig, pebble: Pebble, name: str) -> None:
    config: dict[str, Any] = {
        "directory_url": pebble.directory_url,
        "ca_bundle": str(pebble.ca_bundle),
        "caa_identities": [f"{name}.example"],
    }
    account_trials.add(
        rig.offline.sessions, rig.offline.tools, PLATFORM, kind="ca", provider="acme",
        name=name, config=config,
    )  # fmt: skip


def _until(rig: Rig, is_so: Callable[[Certificate], bool]) -> Certificate:
    end = time.monotonic() + SLACK
    while not is_so(row := rig.row()):
        assert time.monotonic() < end, (row.status, row.trouble_code, row.trouble_message)
        time.sleep(0.2)
    return row


def _is_there(row: Certificate) -> bool:
    return row.status is CertificateStatus.ACTIVE


def test_the_certificate_comes_when_the_record_that_forbids_it_goes(
    rig: Rig, records: Records, pebbles: list[Pebble]
) -> None:
    records["example.com", "CAA"] = ['0 issue "nobody.example"']
    with going(Worker(rig.offline.sessions, rig.offline.tools, threads=2)):
        row = _until(rig, lambda row: row.trouble_code == "caa_excludes")
        assert '0 issue "first.example"' in (row.trouble_message or "")
        time.sleep(2)
        del records["example.com", "CAA"]
        row = _until(rig, _is_there)
    assert row.authority_reason == "127.0.0.1 is the first in the order of preference."
    assert [one.orders()[0] for one in pebbles] == [1, 0]


def test_the_second_issues_and_revokes_while_the_first_is_away(
    rig: Rig, pebbles: list[Pebble]
) -> None:
    pebbles[0].stop()
    tools, sessions = rig.offline.tools, rig.offline.sessions
    with going(Worker(sessions, tools, threads=2)):
        row = _until(rig, _is_there)
    assert "does not answer" in (row.authority_reason or "")
    assert pebbles[1].orders()[0] == 1
    revocations.revoke(sessions, tools, rig.actor, rig.reference)
    assert pebbles[1].is_revoked((row.certificate or "").encode())
