"""Contacts and privacy over HTTP: a person's data, shown to one organization and kept nowhere in the open."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.api.client import Api
from tests.api.test_registrations import CONTACT, TEN, Store, store  # noqa: F401 - the fixture

from nameplate.adapters.registrar.ledger import LedgerStore
from nameplate.core.actor import PLATFORM
from nameplate.models import Model

GRACE = {
    **CONTACT,
    "first_name": "Wilhelmina",
    "last_name": "Quaxley",
    "email": "wq@zephyr.example",
    "street": "9 Zephyr Mews",
}
EMPTY = {"organization": "", "street2": "", "state": ""}
SAID = ("Wilhelmina", "Quaxley", "wq@zephyr", "Zephyr Mews")


def rows(api: Api) -> str:
    """Return the text of every row of every table."""
    with api.sessions.begin(PLATFORM, read_only=True) as session:
        found = [session.execute(sa.select(one)).all() for one in Model.metadata.sorted_tables]
    return str(found)


def test_a_contact_is_read_and_changed_and_is_nowhere_in_the_open(
    store: Store,  # noqa: F811 - the fixture
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "nameplate")
    row = store.bought("own.test")
    path = f"/v1/registrations/{row['id']}/contact"
    assert store.acme.get(path) == {
        "object": "registrant_contact",
        "id": row["id"],
        "contact": {**CONTACT, **EMPTY},
        "wanted_at": None,
        "sent_at": None,
    }
    changed = store.acme.send("PUT", path, {"contact": GRACE})
    assert (changed.status, changed.body["contact"]) == (200, {**GRACE, **EMPTY})
    assert changed.body["wanted_at"] is not None
    again = replace(store, acme=store.acme.with_(idempotency_key="contact-1"))
    assert again.acme.send("PUT", path, {"contact": GRACE}).status == 200
    with LedgerStore(store.state).open() as ledger:
        before = ledger.contacts["own.test"]
    store.work()
    with LedgerStore(store.state).open() as ledger:
        assert ledger.contacts["own.test"] != before
    assert store.acme.get(path)["sent_at"] is not None
    assert store.acme.get("/v1/registrations/own.test/contact")["contact"]["city"] == "London"
    assert store.platform.get(path)["contact"]["last_name"] == "Quaxley"
    events = store.acme.get("/v1/events?since=start&limit=100&types=registration.*")["data"]
    told = [one for one in events if "contact" in one["after"]]
    assert {(one["type"], one["after"]["contact"]) for one in told} == {
        ("registration.changed", "(changed)")
    }
    for place in (rows(store.platform), caplog.text, store.state.read_text(), str(events)):
        assert not [one for one in SAID if one in place]


def test_each_field_that_is_wrong_is_named_and_nothing_is_changed(store: Store) -> None:  # noqa: F811 - the fixture
    row = store.bought("own.test")
    path = f"/v1/registrations/{row['id']}/contact"
    wrong = {**GRACE, "email": "hunter2", "country": "Britain", "shoe_size": "44"}
    del wrong["city"]
    answer = store.acme.send("PUT", path, {"contact": wrong})
    assert (answer.status, answer.code) == (422, "contact_invalid")
    assert {one["pointer"] for one in answer.body["errors"]} == {
        f"/contact/{name}" for name in ("email", "country", "shoe_size", "city")
    }
    for body in ({}, {"contact": "hunter2"}, {"contact": {"email": 7}}, GRACE):
        refused = store.acme.send("PUT", path, body)
        assert refused.status == 422
        assert b"Quaxley" not in refused.raw
    assert b"hunter2" not in answer.raw
    assert store.acme.get(path)["contact"] == {**CONTACT, **EMPTY}


def test_privacy_is_wanted_and_seen(store: Store) -> None:  # noqa: F811 - the fixture
    row = store.bought("own.test")
    assert (row["privacy"], row["privacy_wanted"]) == (True, None)
    path = f"/v1/registrations/{row['id']}"
    wanted = store.acme.post(f"{path}:disable-privacy")
    assert (wanted["privacy"], wanted["privacy_wanted"]) == (True, False)
    store.work()
    with LedgerStore(store.state).open() as ledger:
        assert ledger.names["own.test"].has_privacy is False
    assert store.acme.post(f"{path}:enable-privacy")["privacy_wanted"] is True
    store.work()
    with LedgerStore(store.state).open() as ledger:
        assert ledger.names["own.test"].has_privacy is True


def test_what_others_have_answers_like_what_is_missing(store: Store) -> None:  # noqa: F811 - the fixture
    row = store.bought("own.test")
    missing = row["id"][:-4] + ("0000" if row["id"][-4:] != "0000" else "1111")
    for method, path, body in (
        ("GET", "/v1/registrations/{}/contact", None),
        ("PUT", "/v1/registrations/{}/contact", {"contact": GRACE}),
        ("POST", "/v1/registrations/{}:enable-privacy", None),
        ("POST", "/v1/registrations/{}:disable-privacy", None),
    ):
        for named in (row["id"], "own.test"):
            theirs = store.globex.send(method, path.format(named), body)
            none = store.globex.send(method, path.format(missing), body)
            assert (theirs.status, theirs.code) == (404, "registration_not_found")
            assert theirs.body["detail"] == none.body["detail"]
    assert store.acme.get(f"/v1/registrations/{row['id']}/contact")["wanted_at"] is None


def test_tenants_of_one_account_of_the_platform_have_contacts_of_their_own(
    store: Store,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    state = tmp_path / "shared.json"
    body = {"kind": "registrar", "provider": "sandbox", "name": "shared"}
    shared = store.platform.post("/v1/accounts", {**body, "config": {"state": str(state)}})
    theirs = replace(store, acme=store.globex, account=shared, state=state)
    found = theirs.confirm(theirs.quote("theirs.test"), contact=GRACE)
    store.work()
    store.platform.post(f"/v1/purchases/{found['id']}:approve")
    store.work()
    row = store.globex.get("/v1/registrations/theirs.test")
    assert row["status"] == "active"
    assert row["account"] == shared["id"]
    path = f"/v1/registrations/{row['id']}/contact"
    assert store.globex.get(path)["contact"]["last_name"] == "Quaxley"
    assert store.acme.send("GET", path).status == 404
    assert store.globex.send("PUT", path, {"contact": CONTACT}).status == 200
    store.globex.post(f"/v1/registrations/{row['id']}:disable-privacy")
    store.work()
    with LedgerStore(state).open() as ledger:
        assert ledger.names["theirs.test"].has_privacy is False
    assert store.globex.get(path)["sent_at"] is not None


def test_a_name_that_was_imported_has_no_contact_until_one_is_given(store: Store) -> None:  # noqa: F811 - the fixture
    store.bought("first.test")
    with LedgerStore(store.state).open() as ledger:
        ledger.names["old.test"] = replace(ledger.names["first.test"], name="old.test")
    (made,) = store.acme.post("/v1/registrations:import", {})["registrations"]
    path = f"/v1/registrations/{made['id']}/contact"
    none = store.acme.send("GET", path)
    assert (none.status, none.code) == (404, "contact_missing")
    assert store.acme.send("PUT", path, {"contact": GRACE}).status == 200
    assert store.acme.get(path)["contact"]["last_name"] == "Quaxley"
    again = store.acme.post("/v1/registrations:quote", {"name": "next.test"})
    assert (
        store.acme.send("POST", f"/v1/purchases/{again['id']}:confirm", {"amount": TEN}).status
        == 200
    )
