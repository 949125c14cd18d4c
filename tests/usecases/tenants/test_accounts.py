"""Accounts: credentials sealed to their row, tried without a transaction open."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotPermitted, Refused
from nameplate.db import Sessions, database_now
from nameplate.models import Account
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts, organizations
from nameplate.usecases.tools import Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    settings = Settings(home=tmp_path)
    return bootstrap.tools(settings, bootstrap.keyring(settings))


def add(session: Any, actor: Actor, tools: Tools, **fields: Any) -> Account:
    given = {"kind": "dns", "provider": "powerdns", "name": "zones", **fields}
    return accounts.add(session, actor, tools, **given)


def test_sealed_to_its_row(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        organizations.add(session, PLATFORM, name="Acme")
        one = add(session, PLATFORM, tools, credentials={"api_key": "hunter2"})
        other = add(session, PLATFORM, tools, organization="acme", name="b", credentials={"k": "v"})
    assert "hunter2" not in (one.credentials or "")
    opened = accounts.credentials(one, tools.keyring)
    assert {name: secret.reveal() for name, secret in opened.items()} == {"api_key": "hunter2"}
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.update(Account).values(credentials=one.credentials))
    with sessions.begin(PLATFORM) as session:
        moved = session.get_one(Account, other.id)
    with pytest.raises(Refused) as caught:
        accounts.credentials(moved, tools.keyring)
    assert caught.value.code == "ciphertext_moved_or_damaged"


def test_changed_removed_forgotten(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        row = add(session, PLATFORM, tools, credentials={"api_key": "a"})
        accounts.update(session, PLATFORM, tools, "zones", name="new", credentials={"api_key": "b"})
        assert accounts.credentials(row, tools.keyring)["api_key"].reveal() == "b"
        accounts.remove(session, PLATFORM, "new", database_now(session))
    with sessions.begin(PLATFORM) as session:
        assert session.get_one(Account, row.id).credentials is None
        assert accounts.page(session, PLATFORM, limit=9) == []


@pytest.fixture
def embedded(migrated_sqlite_url: str) -> Sessions:
    from tests.databases import sessions_over

    return sessions_over(migrated_sqlite_url)


INSIDE: tuple[dict[str, Any], ...] = (
    {"api_url": "http://10.0.0.5:8081"},
    {"server": "ns1"},
    {"anything": "127.0.0.1"},
    {"anything": "host:53"},
    {"anything": "[::1]"},
    {"ca_bundle": "/etc/shadow"},
    {"zones": ["x", {"y": "//inside"}]},
)


@pytest.mark.parametrize("config", INSIDE)
def test_a_tenant_cannot_say_where_to_connect(
    embedded: Sessions, tools: Tools, config: dict[str, Any]
) -> None:
    with embedded.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        add(session, PLATFORM, tools, organization="acme", name="good", config=config)
    actor = Actor(acme.id)
    with pytest.raises(NotPermitted), embedded.begin(actor) as session:
        add(session, actor, tools, config=config)
    with pytest.raises(NotPermitted), embedded.begin(actor) as session:
        accounts.update(session, actor, tools, "good", config=config)
    with embedded.begin(actor) as session:
        add(session, actor, tools, config={"zones": ["example.com"], "email": "a@example.com"})


def test_secrets_do_not_belong_into_config(embedded: Sessions, tools: Tools) -> None:
    with pytest.raises(Invalid) as caught, embedded.begin(PLATFORM) as session:
        add(session, PLATFORM, tools, config={"password": "hunter2"})
    assert caught.value.code == "config_holds_secret"
    assert "hunter2" not in caught.value.detail


def test_trying_records_what_came_of_it(sessions: Sessions, tools: Tools) -> None:
    class Provider:
        def zones(self) -> list[Any]:
            raise Refused("credential_refused", "the provider does not accept the credential")

    with sessions.begin(PLATFORM) as session:
        add(session, PLATFORM, tools)
    refusing = replace(tools, dns_provider=lambda _account: Provider())  # type: ignore[arg-type,return-value]  # zones is all that is asked
    found = accounts.test(sessions, refusing, PLATFORM, "zones")
    assert (found["ok"], found["code"]) == (False, "credential_refused")
    with sessions.begin(PLATFORM) as session:
        row = accounts.get(session, PLATFORM, "zones")
        assert row.error_message == "the provider does not accept the credential"
        assert row.tested_at is not None
