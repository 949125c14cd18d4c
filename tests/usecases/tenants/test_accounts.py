"""Accounts: credentials sealed to their row, tried without a transaction open."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world as rows

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted, Refused, Unavailable
from nameplate.db import Sessions, database_now
from nameplate.models import Account
from nameplate.ports.dns import Zone
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts, organizations
from nameplate.usecases.tools import Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    settings = Settings(home=tmp_path)
    return bootstrap.tools(settings, bootstrap.keyring(settings))


POWER: dict[str, Any] = {"api_url": "http://10.0.0.5:8081"}
USUAL: dict[str, Any] = {"config": POWER, "credentials": {"api_key": "k"}}


def add(session: Any, actor: Actor, tools: Tools, **fields: Any) -> Account:
    given = {"kind": "dns", "provider": "powerdns", "name": "zones", **USUAL, **fields}
    return accounts.add(session, actor, tools, **given)


def test_sealed_to_its_row(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        organizations.add(session, PLATFORM, name="Acme")
        one = add(session, PLATFORM, tools, credentials={"api_key": "hunter2"})
        other = add(
            session, PLATFORM, tools, organization="acme", name="b", credentials={"api_key": "v"}
        )
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


INSIDE: tuple[tuple[str, str, dict[str, Any], dict[str, str]], ...] = (
    ("dns", "powerdns", {"api_url": "http://10.0.0.5:8081"}, {"api_key": "k"}),
    ("dns", "rfc2136", {"server": "10.0.0.5:53"}, {}),
    ("dns", "namecheap", {"api_user": "u", "client_ip": "192.0.2.1"}
     | {"api_url": "http://127.0.0.1"}, {"api_key": "k"}),
    ("dns", "lexicon", {"lexicon_provider": "powerdns"},
     {"auth_token": "k", "pdns_server": "http://127.0.0.1:8081"}),
    ("dns", "lexicon", {"lexicon_provider": "localzone"}, {"filename": "/etc/hosts"}),
    ("ca", "acme", {"directory_url": "https://127.0.0.1/dir"}, {}),
    ("ca", "local", {"root_certificate": "-----BEGIN CERTIFICATE-----"}, {"root_key": "k"}),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "provider", "config", "secrets"), INSIDE)
def test_a_tenant_cannot_say_where_to_connect(
    embedded: Sessions, tools: Tools, *, kind: str, provider: str, config: Any, secrets: Any
) -> None:
    changes = {"config": config, "credentials": secrets}
    given = {"kind": kind, "provider": provider, **changes}
    with embedded.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        add(session, PLATFORM, tools, organization="acme", **{**given, "name": "good"})
    actor = Actor(acme.id)
    with pytest.raises(NotPermitted), embedded.begin(actor) as session:
        add(session, actor, tools, **given)
    with pytest.raises(NotPermitted), embedded.begin(actor) as session:
        accounts.update(session, actor, tools, "good", **changes)


def test_what_leads_nowhere_is_the_tenants_too(embedded: Sessions, tools: Tools) -> None:
    with embedded.begin(PLATFORM) as session:
        actor = Actor(organizations.add(session, PLATFORM, name="Acme").id)
    with embedded.begin(actor) as session:
        given = {"lexicon_provider": "hetzner", "zones": ["example.com"], "marker": True}
        add(
            session, actor, tools, provider="lexicon", config=given, credentials={"auth_token": "t"}
        )
        namecheap = {"api_user": "u", "client_ip": "192.0.2.1"}
        secret = {"api_key": "k"}
        add(session, actor, tools, provider="namecheap", config=namecheap, credentials=secret)
        add(session, actor, tools, provider="cloudflare", config={}, credentials={"api_token": "t"})


def test_a_hosted_zone_is_the_platforms_to_offer(embedded: Sessions, tools: Tools) -> None:
    with embedded.begin(PLATFORM) as session:
        organizations.add(session, PLATFORM, name="Acme")
        actor = Actor(add(session, PLATFORM, tools, organization="acme").organization_id or 0)
    config = {"hosted": {"name_servers": ["ns1.example.net"]}}
    with pytest.raises(NotPermitted, match="hosted"), embedded.begin(actor) as session:
        accounts.update(session, actor, tools, "zones", config=config)


WRONG: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
    ({"provider": "powrdns"}, {"/provider": "provider_unknown"}),
    ({"kind": "ca"}, {"/provider": "provider_unknown"}),
    ({"kind": "registrar"}, {"/provider": "provider_unknown"}),
    ({"config": {}}, {"/config/api_url": "setting_missing"}),
    ({"config": {**POWER, "odd": 1}}, {"/config/odd": "setting_unknown"}),
    ({"config": {**POWER, "server_id": 1}}, {"/config/server_id": "setting_invalid"}),
    ({"config": {"api_url": "10.0.0.5:8081"}}, {"/config/api_url": "setting_invalid"}),
    ({"config": {"api_url": "http://x:99999"}}, {"/config/api_url": "setting_invalid"}),
    (
        {"config": {"api_url": "http://me:hunter2@x"}},
        {"/config/api_url": "config_holds_secret"},
    ),
    (
        {"config": {**POWER, "hosted": {"name_servers": "ns1", "kind": "Slave"}}},
        {
            "/config/hosted/name_servers": "setting_invalid",
            "/config/hosted/kind": "setting_invalid",
        },
    ),
    (
        {"config": {**POWER, "hosted": {"name_servers": []}}},
        {"/config/hosted/name_servers": "setting_missing"},
    ),
    ({"credentials": {}}, {"/credentials/api_key": "credential_missing"}),
    ({"credentials": {"api_key": ""}}, {"/credentials/api_key": "credential_missing"}),
    (
        {"credentials": {"api_key": "hunter2", "odd": "hunter2"}},
        {"/credentials/odd": "credential_unknown"},
    ),
    *(
        (
            {"provider": "rfc2136", "config": {"server": server}},
            {"/config/server": "setting_invalid"},
        )
        for server in ("ns1.example.net", "ns1.example.net:0", "ns1.example.net:66666", ":53")
    ),
    (
        {
            "provider": "rfc2136",
            "config": {"server": "ns1:53", "tsig_name": "k"},
            "credentials": {},
        },
        {"/credentials/tsig_secret": "credential_missing"},
    ),
    (
        {"provider": "namecheap", "config": {"api_user": "u", "client_ip": "example.com"}},
        {"/config/client_ip": "setting_invalid"},
    ),
    (
        {"provider": "cloudflare", "config": {"batch": 5000}, "credentials": {"api_token": "t"}},
        {"/config/batch": "setting_invalid"},
    ),
)


@pytest.mark.parametrize(("fields", "places"), WRONG)
def test_every_wrong_place_is_named(
    embedded: Sessions, tools: Tools, fields: dict[str, Any], places: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as caught, embedded.begin(PLATFORM) as session:
        add(session, PLATFORM, tools, **fields)
    assert {one.pointer: one.code for one in caught.value.problems} == places
    said = " ".join([caught.value.detail, *(one.detail for one in caught.value.problems)])
    assert "hunter2" not in said


SECRETS: tuple[tuple[str, str, str], ...] = (
    ("dns", "powerdns", "password"),
    ("dns", "rfc2136", "tsig_secret"),
    ("dns", "route53", "secret_access_key"),
    ("dns", "lexicon", "auth_token"),
    ("ca", "acme", "account_key"),
    ("ca", "local", "root_key"),
)


@pytest.mark.parametrize(("kind", "provider", "name"), SECRETS)
def test_secrets_do_not_belong_into_config(
    embedded: Sessions, tools: Tools, kind: str, provider: str, name: str
) -> None:
    with pytest.raises(Invalid) as caught, embedded.begin(PLATFORM) as session:
        add(session, PLATFORM, tools, kind=kind, provider=provider, config={name: "hunter2"})
    assert caught.value.code == "config_holds_secret"
    assert [one.pointer for one in caught.value.problems] == [f"/config/{name}"]
    assert "hunter2" not in caught.value.detail
    with embedded.begin(PLATFORM) as session:
        assert accounts.page(session, PLATFORM, limit=9) == []


def test_a_change_is_checked_too(embedded: Sessions, tools: Tools) -> None:
    with embedded.begin(PLATFORM) as session:
        add(session, PLATFORM, tools)
    for changes, code in (
        ({"config": {**POWER, "tsig_secret": "x"}}, "setting_unknown"),
        ({"config": {**POWER, "secret": "x"}}, "config_holds_secret"),
        ({"config": {}}, "setting_missing"),
        ({"credentials": {"k": "v"}}, "credential_unknown"),
    ):
        with pytest.raises(Invalid) as caught, embedded.begin(PLATFORM) as session:
            accounts.update(session, PLATFORM, tools, "zones", **changes)
        assert caught.value.code == code
    with embedded.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, tools, "zones", name="renamed", metadata={"a": "b"})


def test_the_key_of_an_authority_is_made_where_it_can_be(embedded: Sessions, tools: Tools) -> None:
    config = {"directory_url": "https://ca.example/dir"}
    with embedded.begin(PLATFORM) as session:
        row = add(
            session, PLATFORM, tools, kind="ca", provider="acme", config=config, credentials=None
        )
        assert "PRIVATE KEY" in accounts.credentials(row, tools.keyring)["account_key"].reveal()
        given = {"account_key": "mine"}
        accounts.update(session, PLATFORM, tools, "zones", credentials=given)
        assert accounts.credentials(row, tools.keyring)["account_key"].reveal() == "mine"


def test_what_an_older_version_stored_still_connects(embedded: Sessions, tools: Tools) -> None:
    def connect(config: dict[str, Any]) -> Any:
        with embedded.begin(PLATFORM) as session:
            row = add(session, PLATFORM, tools)
            row.config = config
        with embedded.begin(PLATFORM) as session:
            row = session.get_one(Account, row.id)
        return tools.dns_provider(row)

    assert connect({**POWER, "something_old": True}).zones
    for config, code, name in (
        ({"something_old": True}, "setting_missing", "api_url"),
        ({"api_url": "nonsense"}, "setting_invalid", "api_url"),
        ({**POWER, "ca_bundle": "missing.pem"}, "setting_invalid", "ca_bundle"),
    ):
        with pytest.raises(Refused) as caught:
            connect(config)
        assert (caught.value.code, name in caught.value.detail) == (code, True)


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


def test_trying_exercises_the_rights_that_will_be_used(sessions: Sessions, tools: Tools) -> None:
    """A list of zones tells nothing: at a name server it is what the account itself says."""

    class Reading:
        def zones(self) -> list[Zone]:
            return [Zone("b.test"), Zone("a.test")]

        def records(self, zone: Zone) -> list[Any]:
            raise Unavailable("clocks_differ", f"{zone.name}: the clocks differ by 600 s")

    class Testing(Reading):
        def records(self, zone: Zone) -> list[Any]:
            return []

        def test_rights(self, zone: Zone) -> None:
            if zone.name == "b.test":
                raise Refused("zone_refused", "b.test takes no updates of this key")

    with sessions.begin(PLATFORM) as session:
        add(session, PLATFORM, tools)
    for provider, code in ((Reading(), "clocks_differ"), (Testing(), "zone_refused")):
        asking = replace(tools, dns_provider=lambda _account, it=provider: it)  # type: ignore[misc]  # what is asked of a provider
        found = accounts.test(sessions, asking, PLATFORM, "zones")
        assert (found["ok"], found["code"]) == (False, code)


def test_the_only_account_at_an_authority_is_not_removed_by_accident(
    sessions: Sessions, tools: Tools
) -> None:
    root = {"root_certificate": "-----BEGIN CERTIFICATE-----"}
    keys = {"root_key": "k"}
    local: dict[str, Any] = {"kind": "ca", "provider": "local", "config": root, "credentials": keys}
    with sessions.begin(PLATFORM) as session:
        add(session, PLATFORM, tools, name="first", **local)
        domain = rows.domain(session, rows.organization(session))
        rows.certificate(session, domain, common_name="shop.acme.com")
    said = r"1 certificates: shop\.acme\.com"
    with pytest.raises(Conflict, match=said), sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "first", database_now(session))
    with sessions.begin(PLATFORM) as session:
        add(session, PLATFORM, tools, name="second", **local)
    with sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "first", database_now(session))
    with pytest.raises(Conflict), sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "second", database_now(session))
    with sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "second", database_now(session), force=True)
    with sessions.begin(PLATFORM) as session:
        back = accounts.restore(session, PLATFORM, "second", database_now(session))
        assert back.deleted_at is None
        assert back.credentials is None
