"""An account at an authority is tried before it is stored, and what is wrong has its place."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.servers.pebble import Pebble
from tests.servers.process import free_port
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.authorities import KNOWN
from nameplate.core.errors import Invalid, NotPermitted
from nameplate.models import Account, AccountKind
from nameplate.ports.ca import RegisteredAccount
from nameplate.usecases.certificates import budgets
from nameplate.usecases.tenants import account_trials, accounts, connections, providers

SECRET = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
BOUND = {"eab_key_id": "kid-1"}
KEY = {"eab_hmac_key": SECRET}


@pytest.fixture
def offline(migrated_sqlite_url: str) -> Offline:
    return Offline(sessions_over(migrated_sqlite_url))


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("bound")
    with Pebble(folder, dns_server="127.0.0.1:1", eab={"kid-1": SECRET}) as server:
        yield server


@pytest.fixture(scope="module")
def free_pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with Pebble(tmp_path_factory.mktemp("free"), dns_server="127.0.0.1:1") as server:
        yield server


def _add(offline: Offline, pebble: Pebble, **given: Any) -> Account:
    config = {
        "directory_url": pebble.directory_url,
        "ca_bundle": str(pebble.ca_bundle),
        **given.pop("config", {}),
    }
    return account_trials.add(
        offline.sessions, offline.tools, PLATFORM,
        **{"kind": "ca", "provider": "acme", "name": "ca", "config": config, **given},
    )  # fmt: skip


def _stored(offline: Offline) -> int:
    with offline.sessions.begin(PLATFORM) as session:
        return len(session.scalars(Account.visible(PLATFORM)).all())


def test_the_key_that_was_registered_is_the_one_that_is_stored(
    offline: Offline, pebble: Pebble
) -> None:
    row = _add(offline, pebble, config=BOUND, credentials=KEY)
    connect = connections.authority(
        offline.tools.authorities, offline.tools.keyring, offline.tools.clock
    )
    authority = connect(row)
    assert isinstance(authority, RegisteredAccount)
    assert authority.account_url.startswith("https://127.0.0.1:")
    assert set(accounts.credentials(row, offline.tools.keyring)) == {"account_key", "eab_hmac_key"}
    assert SECRET not in str(row.config)


@pytest.mark.parametrize(
    ("config", "credentials", "said"),
    [
        ({}, {}, ("acme_external_account_required", "/config/eab_key_id")),
        (BOUND, {}, ("credential_missing", "/credentials/eab_hmac_key")),
        (BOUND, {"eab_hmac_key": "!"}, ("acme_eab_malformed", "/credentials/eab_hmac_key")),
        (BOUND, {"eab_hmac_key": "d3Jvbmc"}, ("acme_unauthorized", "/config/eab_key_id")),
        ({"eab_key_id": "kid-2"}, KEY, ("acme_unauthorized", "/config/eab_key_id")),
        ({**BOUND, "ca_bundle": None}, KEY, ("ca_untrusted", "/config/ca_bundle")),
        ({"contact": ["nobody"]}, {}, ("setting_invalid", "/config/contact/0")),
    ],
)
def test_what_is_wrong_has_its_place(
    offline: Offline,
    pebble: Pebble,
    config: dict[str, Any],
    credentials: dict[str, str],
    said: tuple[str, str],
) -> None:
    with pytest.raises(Invalid) as caught:
        _add(offline, pebble, config=config, credentials=credentials)
    assert (caught.value.code, caught.value.problems[0].pointer) == said
    assert "d3Jvbmc" not in str(caught.value)
    assert _stored(offline) == 0


def test_a_directory_that_does_not_answer(offline: Offline, free_pebble: Pebble) -> None:
    away = {"directory_url": f"https://127.0.0.1:{free_port()}/dir"}
    with pytest.raises(Invalid) as caught:
        _add(offline, free_pebble, config=away)
    assert caught.value.code == "ca_unreachable"
    assert caught.value.problems[0].pointer == "/config/directory_url"
    assert "turn `test` off" in caught.value.detail
    assert _add(offline, free_pebble, config=away, test=False).id
    assert _add(offline, free_pebble, name="other").id
    assert _stored(offline) == 2


def test_a_page_that_is_no_directory(offline: Offline, free_pebble: Pebble) -> None:
    wrong = {"directory_url": f"{free_pebble.directory_url}ectory/of/nothing"}
    with pytest.raises(Invalid) as caught:
        _add(offline, free_pebble, config=wrong)
    assert caught.value.problems[0].pointer == "/config/directory_url"


def test_a_dry_run_asks_nobody_and_stores_nothing(offline: Offline, free_pebble: Pebble) -> None:
    away = {"directory_url": f"https://127.0.0.1:{free_port()}/dir"}
    _add(offline, free_pebble, config=away, dry_run=True)
    assert _stored(offline) == 0


def test_a_tenant_leads_nobody_elsewhere(offline: Offline, free_pebble: Pebble) -> None:
    """A directory of its own is refused before anything is asked."""
    actor = offline.organization("acme")
    with pytest.raises(NotPermitted):
        account_trials.add(
            offline.sessions, offline.tools, actor, kind="ca", provider="acme", name="x",
            config={"directory_url": free_pebble.directory_url},
        )  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_public_authorities_need_no_directory(offline: Offline, name: str) -> None:
    plugin = providers.plugin(offline.tools, AccountKind.CA, name)
    assert plugin.title == KNOWN[name].title
    given: dict[str, Any] = {"kind": "ca", "provider": name, "name": name, "test": False}
    if KNOWN[name].needs_external_account:
        with pytest.raises(Invalid) as caught:
            account_trials.add(offline.sessions, offline.tools, PLATFORM, **given)
        assert caught.value.problems[0].pointer == "/config/eab_key_id"
        with pytest.raises(Invalid) as caught:
            account_trials.add(offline.sessions, offline.tools, PLATFORM, config=BOUND, **given)
        assert caught.value.problems[0].pointer == "/credentials/eab_hmac_key"
        given |= {"config": BOUND, "credentials": KEY}
    row = account_trials.add(offline.sessions, offline.tools, PLATFORM, **given)
    assert budgets.limits(row).any is name.startswith("letsencrypt")
