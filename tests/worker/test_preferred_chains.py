"""The chain to the root that an account, or a certificate, prefers, as real authorities offer it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import Api, api_over
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import Rig, made

from nameplate.core import chain_choice
from nameplate.core.actor import PLATFORM
from nameplate.models import Certificate
from nameplate.usecases.tenants import account_trials, accounts, connections


@pytest.fixture(scope="module", params=[False, True], ids=["older", "newer"])
def pebble(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pebble]:
    folder: Path = tmp_path_factory.mktemp("chains")
    with (
        ChallTestSrv(folder / "world") as world,
        Pebble(
            folder, dns_server=world.dns_server, always_valid=True, alternate_roots=2,
            newer=request.param,
        ) as server,
    ):  # fmt: skip
        yield server


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    rig = made(sessions_over(migrated_sqlite_url), account=False)
    tools = rig.offline.tools
    authority = connections.authority(tools.authorities, tools.keyring, tools.clock)
    rig.offline.tools = replace(tools, authority=authority)
    return rig


def _account(rig: Rig, pebble: Pebble, **config: Any) -> None:
    given = {"directory_url": pebble.directory_url, "ca_bundle": str(pebble.ca_bundle), **config}
    account_trials.add(
        rig.offline.sessions, rig.offline.tools, PLATFORM, kind="ca", provider="acme", name="ca",
        config=given,
    )  # fmt: skip


def _root(pebble: Pebble, number: int) -> str:
    return chain_choice.root(pebble.root_pem(number))


def _issued(rig: Rig) -> Certificate:
    row = rig.work()
    while row.certificate_bundle is None or row.pending_private_key is not None:
        assert row.renewal_error_code is None, row.renewal_error_message
        row = rig.work()
    return row


def _served(row: Certificate) -> str:
    return chain_choice.root((row.certificate_bundle or "").encode())


def _shown(rig: Rig, tmp_path: Path) -> dict[str, Any]:
    api: Api = api_over(rig.offline.sessions, tmp_path)
    found: dict[str, Any] = api.get(f"/v1/certificates/{rig.reference}")
    return found


def test_each_root_can_be_preferred_by_the_account(
    rig: Rig, pebble: Pebble, tmp_path: Path
) -> None:
    _account(rig, pebble, preferred_chain=_root(pebble, 2))
    row = _issued(rig)
    assert (_served(row), row.chain_note) == (_root(pebble, 2), None)
    shown = _shown(rig, tmp_path)
    assert (shown["chain_root"], shown["preferred_chain"]) == (_root(pebble, 2), None)
    with rig.offline.sessions.begin(PLATFORM) as session:
        config = {**accounts.get(session, PLATFORM, "ca").config, "preferred_chain": None}
        accounts.update(session, PLATFORM, rig.offline.tools, "ca", config=config)
    rig.renew()
    assert _served(_issued(rig)) == _root(pebble, 0)


def test_a_certificate_says_another_than_its_account(rig: Rig, pebble: Pebble) -> None:
    _account(rig, pebble, preferred_chain=_root(pebble, 2))
    rig.want(preferred_chain=_root(pebble, 1))
    row = _issued(rig)
    assert (_served(row), row.chain_note) == (_root(pebble, 1), None)


def test_what_is_not_offered_is_said_and_the_default_is_served(
    rig: Rig, pebble: Pebble, tmp_path: Path
) -> None:
    _account(rig, pebble)
    rig.want(preferred_chain="ISRG Root X9")
    assert _served(_issued(rig)) == _root(pebble, 0)
    note = "The chain to ISRG Root X9 is not offered by the authority. Its default chain is served."
    assert _shown(rig, tmp_path)["chain_note"] == note
