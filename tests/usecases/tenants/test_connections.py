"""Accounts connected to what they are at: once for each state of the account."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate import bootstrap, registry
from nameplate.adapters.ca.local import create_root
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import Account, AccountKind
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts, connections
from nameplate.usecases.tools import Tools

POWER: dict[str, Any] = {"config": {"api_url": "http://10.0.0.5:8081"}}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    settings = Settings(home=tmp_path)
    return bootstrap.tools(settings, bootstrap.keyring(settings))


def account(session: Session, tools: Tools, name: str, **given: Any) -> Account:
    usual = {"kind": "dns", "provider": "powerdns", "credentials": {"api_key": "k"}, **POWER}
    return accounts.add(session, PLATFORM, tools, name=name, **(usual | given))


def test_an_account_is_connected_once_until_it_changes(lite: Session, tools: Tools) -> None:
    one, two = (account(lite, tools, name) for name in ("one", "two"))
    connect = connections.dns_provider(registry.dns_providers(), tools.keyring)
    first = connect(one)
    assert connect(one) is first
    assert connect(two) is not first
    one.updated_at += timedelta(seconds=1)
    again = connect(one)
    assert again is not first
    assert connect(one) is again


def test_an_authority_is_connected_with_its_clock(lite: Session, tools: Tools) -> None:
    key, root = create_root("Test root", datetime.now(UTC))
    row = account(
        lite, tools, "ca", kind="ca", provider="local",
        config={"root_certificate": root.decode()}, credentials={"root_key": key.reveal()},
    )  # fmt: skip
    asked: list[datetime] = []

    def clock() -> datetime:
        asked.append(datetime.now(UTC))
        return asked[-1]

    connect = connections.authority(registry.authorities(), tools.keyring, clock)
    authority = connect(row)
    assert connect(row) is authority
    assert authority.order(["shop.acme.com"]).names == ("shop.acme.com",)
    assert asked


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"provider": "powrdns"}, "provider_unknown"),
        ({"config": {}}, "setting_missing"),
        ({"config": {"api_url": 7}}, "setting_invalid"),
        ({"credentials": None}, "credential_missing"),
    ],
)
def test_what_cannot_be_connected_says_why_and_is_tried_anew(
    lite: Session, tools: Tools, columns: dict[str, Any], code: str
) -> None:
    row = account(lite, tools, "one")
    right = {name: getattr(row, name) for name in columns}
    connect = connections.dns_provider(registry.dns_providers(), tools.keyring)
    for name, value in columns.items():
        setattr(row, name, value)
    with pytest.raises(Refused) as caught:
        connect(row)
    assert caught.value.code == code
    for name, value in right.items():
        setattr(row, name, value)
    assert connect(row) is connect(row)


def test_a_credential_of_another_row_opens_nothing(lite: Session, tools: Tools) -> None:
    row = account(lite, tools, "one")
    thief = world.account(lite, None, kind=AccountKind.DNS, credentials=row.credentials, **POWER)
    connect = connections.dns_provider(registry.dns_providers(), tools.keyring)
    with pytest.raises(Refused) as caught:
        connect(thief)
    assert caught.value.code == "ciphertext_moved_or_damaged"
