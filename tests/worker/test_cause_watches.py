"""A running worker and a real authority: the certificate is there soon after the repair of any cause.

Before each repair the certificate has been stopped for days and would wait for hours.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.servers.acme_proxy import AcmeProxy, Answer, Exchange
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.scripted_dns import ScriptedDns, replies
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.worker.busy import going, until

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.actor import PLATFORM
from nameplate.core.egress import EgressPolicy
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate, Rehearsal, RenewalRisk
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.usecases.tenants import account_trials, accounts, connections
from nameplate.worker.loop import Worker

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
SLACK = 30
"""Seconds between a repair and the certificate."""
OURS = "192.0.2.1"
Records = dict[tuple[str, str], list[str]]


@pytest.fixture
def records() -> Records:
    """Return what the name server answers; tests change it."""
    return {(NAME, "A"): [OURS]}


@pytest.fixture
def pebble(tmp_path: Path) -> Iterator[Pebble]:
    with (
        ChallTestSrv(tmp_path / "world") as world,
        Pebble(tmp_path / "ca", dns_server=world.dns_server, always_valid=True) as made_,
    ):
        yield made_


@pytest.fixture
def rig(migrated_sqlite_url: str, records: Records, pebble: Pebble) -> Iterator[Rig]:
    rig = made(sessions_over(migrated_sqlite_url), account=False)
    tools = rig.offline.tools
    with ScriptedDns(replies(records)) as server:
        known = {"com": [("ns1.example.com", "127.0.0.1", server.port)]}
        rig.offline.tools = replace(
            tools,
            resolver=AuthoritativeResolver(LOOPBACK, overrides=known, seconds=3),
            authority=connections.authority(tools.authorities, tools.keyring, tools.clock),
        )
        config: dict[str, Any] = {
            "directory_url": pebble.directory_url,
            "ca_bundle": str(pebble.ca_bundle),
            "caa_identities": ["ca.example"],
        }
        account_trials.add(
            rig.offline.sessions, rig.offline.tools, PLATFORM, kind="ca", provider="acme",
            name="ca", config=config,
        )  # fmt: skip
        yield rig


def _break(rig: Rig, records: Records, cause: str) -> str:
    """Let something be wrong; return the code that the certificate then says."""
    if cause == "caa":
        records["example.com", "CAA"] = ['0 issue "nobody.example"']
        return "caa_excludes"
    if cause == "address":
        del records[NAME, "A"]
        return "host_without_address"
    rig.internet.strangers[OURS] = Fetched(HttpOutcome.TIMEOUT)
    return "host_points_elsewhere"


def _repair(rig: Rig, records: Records) -> None:
    records.pop(("example.com", "CAA"), None)
    records[NAME, "A"] = [OURS]
    rig.internet.strangers.clear()


def _is_there(rig: Rig) -> bool:
    return rig.row().status is CertificateStatus.ACTIVE


@pytest.mark.parametrize("cause", ["caa", "address", "proxy"])
def test_the_certificate_is_there_soon_after_the_repair(
    rig: Rig, records: Records, pebble: Pebble, cause: str
) -> None:
    code = _break(rig, records, cause)
    with going(*(Worker(rig.offline.sessions, rig.offline.tools, threads=2) for _ in range(2))):
        assert until(lambda: rig.row().trouble_code == code, SLACK) is not None
        rig.age()
        time.sleep(17)  # long enough for a look at what has not changed
        assert (rig.row().trouble_code, pebble.orders()[0]) == (code, 0)
        assert not rig.is_due()
        _repair(rig, records)
        assert until(lambda: _is_there(rig), SLACK) is not None, rig.row().trouble_message
    assert pebble.orders() == (1, 0)


def test_a_repaired_account_wakes_at_once(rig: Rig, pebble: Pebble) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        good = dict(accounts.get(session, PLATFORM, "ca").config)
    wrong = {**good, "directory_url": "https://127.0.0.1:9/dir"}
    _configure(rig, wrong)
    with going(Worker(rig.offline.sessions, rig.offline.tools, threads=2)):
        assert until(lambda: rig.row().trouble_code is not None, SLACK) is not None
        rig.age()
        _configure(rig, good)
        took = until(lambda: _is_there(rig), SLACK)
        assert took is not None, rig.row().trouble_message
    assert pebble.orders()[0] == 1


def _configure(rig: Rig, config: dict[str, Any]) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, rig.offline.tools, "ca", config=config)


def _refused(exchange: Exchange) -> Answer:
    """Answer as an authority that wants new terms agreed to on its own pages."""
    said = {"type": "urn:ietf:params:acme:error:userActionRequired", "detail": "New terms."}
    headers = {"Content-Type": "application/problem+json", "Replay-Nonce": exchange.nonce()}
    return Answer(403, headers, json.dumps(said).encode())


def test_an_authority_that_refuses_is_found_repaired_soon(rig: Rig, pebble: Pebble) -> None:
    """Its refusals cost nothing of the account's limits, and each organization asks in its turn."""
    with AcmeProxy(pebble, "newOrder", _refused) as proxy:
        with rig.offline.sessions.begin(PLATFORM) as session:
            config = dict(accounts.get(session, PLATFORM, "ca").config)
        limits = {"orders": "2/3h"}
        _configure(rig, {**config, "directory_url": proxy.directory_url, "limits": limits})
        with going(Worker(rig.offline.sessions, rig.offline.tools, threads=2)):
            code = "acme_user_action_required"
            assert until(lambda: rig.row().trouble_code == code, SLACK) is not None
            rig.age()
            waiting = rig.certificate_id
            rig.want()
            assert until(lambda: proxy.arrived.asked["newOrder"] > 2, SLACK) is not None
            proxy.heal()
            took = until(lambda: rig.row().trouble_code is None, SLACK)
            assert took is not None, rig.row().trouble_message
            rig.certificate_id = waiting
            assert until(lambda: rig.row().trouble_code != code, SLACK) is not None


def test_one_certificate_asks_whether_the_authority_is_back(rig: Rig, pebble: Pebble) -> None:
    """However long all others wait: the one that asks wakes them."""
    pebble.stop()
    with going(Worker(rig.offline.sessions, rig.offline.tools, threads=2)):
        assert until(lambda: rig.row().trouble_code is not None, SLACK) is not None
        waiting = rig.certificate_id
        rig.age()
        rig.want()
        assert until(lambda: rig.row().trouble_code is not None, SLACK) is not None
        pebble.forget()
        for one in (rig.certificate_id, waiting):
            rig.certificate_id = one
            assert until(lambda: _is_there(rig), SLACK) is not None, rig.row().trouble_message


def test_a_risk_that_was_repaired_is_safe_again_soon(rig: Rig, records: Records) -> None:
    """However long it has been at risk, and nothing is ordered for it."""
    with going(Worker(rig.offline.sessions, rig.offline.tools, threads=2)):
        assert until(lambda: _is_there(rig), SLACK) is not None
        _break(rig, records, "caa")
        long_ago = datetime.now(UTC) - timedelta(days=9)
        rig.change(
            Certificate, rig.certificate_id, at_risk_since=long_ago, rehearsed_at=long_ago,
            next_action_at=datetime.now(UTC),
            rehearsal=Rehearsal((RenewalRisk("host_without_address", "It has none."),)),
        )  # fmt: skip
        assert until(lambda: _risk(rig) == "caa_excludes", SLACK) is not None
        rig.change(Certificate, rig.certificate_id, at_risk_since=long_ago)
        time.sleep(1)
        assert not rig.is_due()
        _repair(rig, records)
        assert until(lambda: _risk(rig) is None, SLACK) is not None
        assert rig.row().generation == 1


def _risk(rig: Rig) -> str | None:
    found = rig.row().rehearsal
    return None if found is None else found.risks[0].code
