"""Registrations and purchases over HTTP: from a search to a name that is bought once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import LOCAL, Api
from tests.registrations.shop import Dns

from nameplate.adapters.registrar.ledger import LedgerStore
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import database_now
from nameplate.leases import lease
from nameplate.models import RegisteredName
from nameplate.usecases.registrations import reconciling

CONTACT = {
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.com",
    "phone": "+44.2071234567",
    "street": "1 Example Street",
    "city": "London",
    "postal_code": "N1 9GU",
    "country": "GB",
}
TEN = {"amount": 1000, "currency": "USD"}


@dataclass(frozen=True)
class Store:
    """Two organizations, of which `acme` has an account at the sandbox registrar."""

    platform: Api
    acme: Api
    globex: Api
    account: dict[str, Any]
    state: Path

    def quote(self, name: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.acme.post("/v1/registrations:quote", {"name": name, **more})
        return made

    def confirm(self, found: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"amount": TEN, "contact": CONTACT, **more}
        made: dict[str, Any] = self.acme.post(f"/v1/purchases/{found['id']}:confirm", body)
        return made

    def bought(self, name: str, **more: Any) -> dict[str, Any]:
        """Buy a name, and return its registration."""
        found = self.confirm(self.quote(name), **more)
        self.work()
        row: dict[str, Any] = self.acme.get(f"/v1/registrations/{found['registration']}")
        return row

    def work(self) -> None:
        """Take the steps of a worker until nothing is due."""
        for _ in range(10):
            with self.platform.sessions.begin(PLATFORM) as session:
                now = database_now(session)
                due = lease(session, RegisteredName, limit=20, seconds=60, now=now)
            for one in due:
                reconciling.reconcile(self.platform.sessions, self.platform.tools, one)
            if not due:
                return

    def charges(self) -> list[tuple[str, int]]:
        with LedgerStore(self.state).open() as ledger:
            return [(one.name, one.amount) for one in ledger.charges]

    def calls(self) -> str:
        """Return all that the registrar knows; it stays the same when it is not asked."""
        return self.state.read_text() if self.state.exists() else ""


@pytest.fixture
def store(api: Api, tmp_path: Path) -> Store:
    tools = replace(api.tools, special_use=True, resolver=Dns())
    app = create(api.sessions, tools, local_token=Secret(LOCAL))
    platform = Api(api.sessions, tools, InProcess(app))
    made, acme = platform.organization("Acme")
    _, globex = platform.organization("Globex")
    state = tmp_path / "registrar.json"
    body = {"kind": "registrar", "provider": "sandbox", "name": "names"}
    account = platform.post(
        "/v1/accounts", {**body, "organization": made["id"], "config": {"state": str(state)}}
    )
    return Store(platform, acme, globex, account, state)


def test_from_a_search_to_a_longer_registration(store: Store) -> None:
    found = store.acme.post(
        "/v1/registrations:search", {"names": ["shop.test", "taken-1.test"], "suggest": True}
    )
    first, second = found["offers"]
    assert (first["availability"], first["price"]["text"]) == ("available", "10.00 USD")
    assert second["availability"] == "taken"
    assert found["suggestions"]
    quoted = store.quote("Shop.TEST", years=2)
    assert (quoted["name"], quoted["status"], quoted["price"]["amount"]) == (
        *("shop.test", "quoted"),
        2000,
    )
    assert store.charges() == []
    confirmed = store.confirm(quoted, amount={"amount": 2000, "currency": "USD"})
    assert confirmed["status"] == "confirmed"
    store.work()
    settled = store.acme.get(f"/v1/purchases/{quoted['id']}")
    assert (settled["status"], settled["charged"]["amount"]) == ("settled", 2000)
    row = store.acme.get("/v1/registrations/shop.test")
    assert (row["status"], row["renewed_by"], row["locked"]) == ("active", "nameplate", True)
    assert "Ada" not in str(row)
    renewal = store.quote("shop.test", act="renew")
    assert renewal["starts_from"] == row["expires_at"]
    store.acme.post(f"/v1/purchases/{renewal['id']}:confirm", {"amount": TEN})
    store.work()
    longer = store.acme.get("/v1/registrations/shop.test")
    assert int(longer["expires_at"][:4]) == int(row["expires_at"][:4]) + 1
    assert store.charges() == [("shop.test", 2000), ("shop.test", 1000)]
    listed = store.acme.get("/v1/purchases?name=shop.test&status=settled")["data"]
    assert [one["act"] for one in listed] == ["register", "renew"]


def test_what_is_wanted_of_a_registration_reaches_the_registrar(store: Store) -> None:
    row = store.bought("shop.test")
    path = f"/v1/registrations/{row['id']}"
    store.acme.post(f"{path}:unlock")
    store.acme.post(f"{path}:delegate", {"name_servers": ["NS2.example.net.", "ns1.example.net"]})
    changed = store.acme.send("PATCH", path, {"renewed_by": "registrar"})
    assert changed.status == 200
    store.work()
    with LedgerStore(store.state).open() as ledger:
        held = ledger.names["shop.test"]
    assert held.name_servers == ("ns1.example.net", "ns2.example.net")
    assert (held.is_locked, held.auto_renew) == (False, True)
    assert store.acme.send("POST", f"{path}:delegate", {}).code == "domain_without_dns"
    wrong = store.acme.send("POST", f"{path}:delegate", {"name_servers": ["-x-.example..net"]})
    assert (wrong.status, wrong.code) == (422, "name_servers_invalid")


def test_other_name_servers_are_asked_about_where_records_are_lost(store: Store) -> None:
    row = store.bought("used.test")
    dns = store.platform.tools.resolver
    assert isinstance(dns, Dns)
    dns.parents["used.test"] = ("ns1.old.example",)
    dns.answers["used.test", "MX"] = ("10 mail.example.org.",)
    path, body = f"/v1/registrations/{row['id']}", {"name_servers": ["ns1.new.example"]}
    shown = store.acme.post(f"{path}:preview-delegation", body)
    assert shown == {
        "object": "delegation_preview",
        "name_servers": ["ns1.new.example"],
        "lost": [{"name": "used.test", "type": "MX", "values": ["10 mail.example.org."]}],
    }
    asked = store.acme.send("POST", f"{path}:delegate", body)
    assert (asked.status, asked.code) == (409, "delegation_loses_records")
    assert store.acme.get(path)["name_servers_wanted"] is None
    done = store.acme.post(f"{path}:delegate", {**body, "confirm": True})
    assert done["name_servers_wanted"] == ["ns1.new.example"]
    store.work()
    with LedgerStore(store.state).open() as ledger:
        assert ledger.names["used.test"].name_servers == ("ns1.new.example",)
    changed = store.acme.send("PATCH", path, {"publishes_ds": False})
    assert (changed.status, changed.body["publishes_ds"]) == (200, False)


def test_a_request_that_is_sent_again_is_charged_once(store: Store) -> None:
    keyed = replace(store, acme=store.acme.with_(idempotency_key="order-17"))
    quoted = [keyed.quote("once.test") for _ in range(2)]
    assert quoted[0]["id"] == quoted[1]["id"]
    keyed.confirm(quoted[0])
    body = {"amount": TEN, "contact": CONTACT}
    again = keyed.acme.send("POST", f"/v1/purchases/{quoted[0]['id']}:confirm", body)
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    store.work()
    late = store.confirm(quoted[0])
    assert late["status"] == "settled"
    store.work()
    assert store.charges() == [("once.test", 1000)]


def test_a_second_quote_of_a_name_is_not_a_second_purchase(store: Store) -> None:
    first, second = store.quote("two.test"), store.quote("two.test")
    assert first["id"] != second["id"]
    store.confirm(first)
    body = {"amount": TEN, "contact": CONTACT}
    path = f"/v1/purchases/{second['id']}:confirm"
    assert store.acme.send("POST", path, body).code == "registration_exists"
    store.work()
    assert store.acme.send("POST", path, body).code == "registration_exists"
    assert store.charges() == [("two.test", 1000)]


def test_each_field_of_a_contact_that_is_wrong_is_named(store: Store) -> None:
    path = f"/v1/purchases/{store.quote('who.test')['id']}:confirm"
    wrong = {
        **CONTACT,
        "email": "nobody",
        "phone": "0207 123",
        "country": "Britain",
        "city": "<b>\n",
        "street": "x" * 200,
        "shoe_size": "hunter2",
    }
    del wrong["first_name"]
    answer = store.acme.send("POST", path, {"amount": TEN, "contact": wrong})
    assert (answer.status, answer.code) == (422, "contact_invalid")
    assert {one["pointer"] for one in answer.body["errors"]} == {
        f"/contact/{name}"
        for name in ("first_name", "email", "phone", "country", "city", "street", "shoe_size")
    }
    assert b"hunter2" not in answer.raw
    assert store.acme.get("/v1/registrations")["data"] == []
    # A sandbox says for whom names are registered when nobody does.
    assert store.acme.send("POST", path, {"amount": TEN}).status == 200


@pytest.mark.parametrize("years", [0, 11, -1, 10**12])
def test_years_that_cannot_be_bought(store: Store, years: int) -> None:
    answer = store.acme.send("POST", "/v1/registrations:quote", {"name": "y.test", "years": years})
    assert (answer.status, answer.code) == (422, "years_invalid")
    assert answer.body["errors"][0]["pointer"] == "/years"
    assert store.calls() == ""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("www.example.com", "name_not_registrable"),
        ("co.uk", "name_public_suffix"),
        ("com", "name_single_label"),
        ("*.example.com", "name_wildcard"),
        ("192.0.2.1", "name_address"),
        ("exa mple.com", "name_character"),
    ],
)
def test_names_that_cannot_be_registered(store: Store, name: str, code: str) -> None:
    for path, body, pointer in (
        ("/v1/registrations:quote", {"name": name}, "/name"),
        ("/v1/registrations:search", {"names": ["shop.test", name]}, "/names/1"),
    ):
        answer = store.acme.send("POST", path, body)
        assert (answer.status, answer.code) == (422, code)
        assert answer.body["errors"][0]["pointer"] == pointer
    assert store.calls() == ""


def test_names_in_other_scripts_are_bought_in_their_canonical_form(store: Store) -> None:
    assert store.quote("Bücher.test")["name"] == "xn--bcher-kva.test"


def test_what_is_not_available_or_not_sold_is_not_quoted(store: Store) -> None:
    for name, status, code in (
        ("taken-1.test", 409, "name_not_available"),
        ("example.com", 409, "name_not_available"),
    ):
        answer = store.acme.send("POST", "/v1/registrations:quote", {"name": name})
        assert (answer.status, answer.code) == (status, code)
    renewal = {"name": "nobodys.test", "act": "renew"}
    missing = store.acme.send("POST", "/v1/registrations:quote", renewal)
    assert (missing.status, missing.code) == (404, "registration_not_found")


def test_what_others_have_answers_like_what_is_missing(store: Store) -> None:
    row = store.bought("mine.test")
    purchase = store.acme.get("/v1/purchases")["data"][0]
    pairs = [
        ("GET", "/v1/registrations/{}", row["id"], None),
        ("PATCH", "/v1/registrations/{}", row["id"], {"renewed_by": "none"}),
        ("POST", "/v1/registrations/{}:lock", row["id"], None),
        ("POST", "/v1/registrations/{}:unlock", row["id"], None),
        ("POST", "/v1/registrations/{}:delegate", row["id"], {"name_servers": ["ns.example.net"]}),
        ("POST", "/v1/registrations/{}:preview-delegation", row["id"], {}),
        ("GET", "/v1/purchases/{}", purchase["id"], None),
        ("POST", "/v1/purchases/{}:confirm", purchase["id"], {"amount": TEN}),
        ("POST", "/v1/purchases/{}:cancel", purchase["id"], None),
    ]
    for method, path, foreign, body in pairs:
        missing = foreign[:-4] + ("0000" if foreign[-4:] != "0000" else "1111")
        theirs = store.globex.send(method, path.format(foreign), body)
        none = store.globex.send(method, path.format(missing), body)
        assert (theirs.status, theirs.code, theirs.body["detail"]) == (
            *(404, none.code),
            none.body["detail"],
        )
    by_name = store.globex.send("GET", "/v1/registrations/mine.test")
    assert by_name.status == 404
    for path, body in (
        ("/v1/registrations:search", {"names": ["a.test"]}),
        ("/v1/registrations:quote", {"name": "a.test"}),
        ("/v1/registrations:import", {}),
    ):
        theirs = store.globex.send("POST", path, {**body, "account": store.account["id"]})
        none = store.globex.send("POST", path, {**body, "account": f"acc_{'0' * 26}"})
        assert (theirs.status, theirs.code) == (404, none.code)
        without = store.globex.send("POST", path, body)
        assert (without.status, without.code) == (409, "registrar_account_missing")
    assert store.globex.get("/v1/registrations")["data"] == []
    assert store.globex.get("/v1/purchases")["data"] == []


def test_less_than_the_price_and_premium_names_are_refused(store: Store) -> None:
    path = f"/v1/purchases/{store.quote('cheap.test')['id']}:confirm"
    for amount in ({"amount": 999, "currency": "USD"}, {"amount": 5000, "currency": "EUR"}):
        answer = store.acme.send("POST", path, {"amount": amount, "contact": CONTACT})
        assert (answer.status, answer.code) == (409, "amount_too_low")
    quoted = store.quote("premium-x.test")
    assert quoted["premium"]
    price = {name: quoted["price"][name] for name in ("amount", "currency")}
    much = {"amount": price, "contact": CONTACT}
    path = f"/v1/purchases/{quoted['id']}:confirm"
    assert store.acme.send("POST", path, much).code == "premium_not_accepted"
    accepted = store.acme.send("POST", path, {**much, "accepts_premium": True})
    assert accepted.status == 200
    cancelled = store.acme.post(f"/v1/purchases/{quoted['id']}:cancel")
    assert cancelled["status"] == "cancelled"
    store.work()
    assert store.charges() == []


def test_only_the_platform_approves(store: Store) -> None:
    quoted = store.quote("limit.test")
    answer = store.acme.send("POST", f"/v1/purchases/{quoted['id']}:approve")
    assert (answer.status, answer.code) == (403, "platform_only")


def test_names_of_an_account_are_imported_once(store: Store) -> None:
    store.bought("first.test")
    for _ in range(2):
        assert store.acme.post("/v1/registrations:import", {})["registrations"] == []
    with LedgerStore(store.state).open() as ledger:
        ledger.names["old.test"] = replace(ledger.names["first.test"], name="old.test")
    (made,) = store.acme.post("/v1/registrations:import", {})["registrations"]
    assert (made["name"], made["renewed_by"]) == ("old.test", "none")


def test_a_dry_run_of_a_purchase_is_refused_and_never_bought(store: Store) -> None:
    quoted = store.quote("dry.test")
    body = {"amount": TEN, "contact": CONTACT}
    answer = store.acme.send("POST", f"/v1/purchases/{quoted['id']}:confirm?dry_run=true", body)
    assert (answer.status, answer.code) == (422, "query_unknown")
    store.work()
    assert store.acme.get(f"/v1/purchases/{quoted['id']}")["status"] == "quoted"
    assert store.charges() == []


def test_a_name_moves_here_with_its_code(store: Store) -> None:
    quoted = store.quote("taken-move.test", act="transfer")
    path = f"/v1/purchases/{quoted['id']}:confirm"
    body = {"amount": TEN, "contact": CONTACT}
    missing = store.acme.send("POST", path, body)
    assert (missing.status, missing.code) == (422, "transfer_code_required")
    body["transfer_code"] = "wrong-hunter2"
    assert b"hunter2" not in store.acme.send("POST", path, body).raw
    store.work()
    failed = store.acme.get(f"/v1/purchases/{quoted['id']}")
    assert (failed["status"], failed["error_code"]) == ("failed", "transfer_code_wrong")
    assert store.acme.get("/v1/registrations/taken-move.test")["status"] == "cancelled"
    again = store.quote("taken-move.test", act="transfer")
    store.confirm(again, transfer_code="code-taken-move.test")
    store.work()
    row = store.acme.get("/v1/registrations/taken-move.test")
    assert (row["status"], row["locked"]) == ("active", True)
    assert store.charges() == [("taken-move.test", 1000)]
    assert "code-taken" not in str(store.platform.get("/v1/events?since=start&limit=100"))


def test_the_code_with_which_a_name_leaves_is_told_once_and_known_to_have_been(
    store: Store,
) -> None:
    row = store.bought("leave.test")
    path = f"/v1/registrations/{row['id']}"
    locked = store.acme.send("POST", f"{path}:auth-code")
    assert (locked.status, locked.code) == (409, "name_to_be_unlocked")
    store.acme.post(f"{path}:unlock")
    store.work()
    assert store.globex.send("POST", f"{path}:auth-code").status == 404
    keyed = store.acme.with_(idempotency_key="code-1")
    assert keyed.post(f"{path}:auth-code")["transfer_code"] == "code-leave.test"
    assert keyed.post(f"{path}:auth-code")["transfer_code"] is None
    events = store.acme.get("/v1/events?since=start&limit=100&types=registration.*")["data"]
    told = [one for one in events if one["type"] == "registration.transfer_code_told"]
    assert len(told) == 1
    assert "code-leave" not in str(events)
