"""`nameplate registration` and `nameplate purchase`: nothing is bought that nobody has agreed to."""

import json
import os
import pty
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dns import query as dns_query
from dns import tsigkeyring as dns_keys
from dns.update import UpdateMessage
from tests.cli.test_commands import Line, Run

from nameplate import bootstrap
from nameplate.adapters.registrar.ledger import LedgerStore
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now, engine
from nameplate.leases import lease
from nameplate.models import RegisteredName
from nameplate.settings import Settings
from nameplate.usecases.registrations import reconciling


@dataclass
class Shop:
    """A command line over an organization with an account at the sandbox registrar."""

    line: Line
    state: Path

    def __call__(self, *words: str, expect: int = 0, stdin: str | None = None) -> Run:
        return self.line(*words, expect=expect, stdin=stdin)

    def charges(self) -> list[tuple[str, int]]:
        with LedgerStore(self.state).open() as ledger:
            return [(one.name, one.amount) for one in ledger.charges]

    def purchases(self, *filters: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("purchase", "list", *filters, "--json").json["data"]
        return found

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let a worker go on meanwhile."""
        settings = Settings.read({**os.environ, "NAMEPLATE_HOME": str(self.line.home)})
        tools = bootstrap.tools(settings, bootstrap.keyring(settings))
        sessions = Sessions(engine(self.line.url))
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                with sessions.begin(PLATFORM) as session:
                    now = database_now(session)
                    due = lease(session, RegisteredName, limit=20, seconds=60, now=now)
                for one in due:
                    reconciling.reconcile(sessions, replace(tools, special_use=True), one)
                time.sleep(0.05)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            sessions.dispose()

    def buy(self, name: str, *more: str, expect: int = 0) -> Run:
        with self.working():
            return self("registration", "buy", name, "--yes", *more, expect=expect)


@pytest.fixture(scope="module")
def dns() -> Iterator[SandboxDns]:
    """Serve the DNS of all names here: `used.test` has a zone that somebody uses."""
    with SandboxDns(["test", "used.test"], "key.test", Secret("c2VjcmV0")) as made:
        keys = dns_keys.from_text({"key.test": "c2VjcmV0"})
        update = UpdateMessage("used.test", keyring=keys, keyalgorithm="hmac-sha256")
        update.add("www", 60, "A", "192.0.2.7")
        dns_query.tcp(update, "127.0.0.1", port=made.port, timeout=5)
        yield made


@pytest.fixture
def shop(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dns: SandboxDns
) -> Shop:
    at = f"127.0.0.1:{dns.port}"
    monkeypatch.setenv("NAMEPLATE_SANDBOX", "true")
    monkeypatch.setenv("NAMEPLATE_SANDBOX_HTTP_PORT", "8080")
    monkeypatch.setenv(
        "NAMEPLATE_DNS_SERVERS",
        json.dumps({"test": [at], "used.test": [at]}),
    )
    line, state = Line(migrated_sqlite_url, tmp_path / "home"), tmp_path / "registrar.json"
    line("organization", "add", "Acme")
    new = ("account", "add", "names", "--kind", "registrar", "--provider", "sandbox")
    line(*new, "--organization", "acme", "--config", json.dumps({"state": str(state)}))
    return Shop(line, state)


ACME = ("--organization", "acme")


def test_from_a_search_to_a_renewed_name(shop: Shop) -> None:
    found = shop("registration", "search", "shop.test", "taken-1.test", *ACME).out
    assert "shop.test" in found
    assert "10.00 USD" in found
    assert "taken" in found
    shown = shop.buy("shop.test", *ACME)
    assert "active" in shown.out
    made = shop("registration", "show", "shop.test", "--json").json
    assert (made["name"], made["status"]) == ("shop.test", "active")
    with shop.working():
        settled = shop("registration", "renew", "shop.test", "--yes", "--json", *ACME).json
    assert (settled["act"], settled["status"]) == ("renew", "settled")
    assert shop.charges() == [("shop.test", 1000), ("shop.test", 1000)]
    assert "shop.test" in shop("registration", "list", "--status", "active").out
    assert {one["status"] for one in shop.purchases("--name", "shop.test")} == {"settled"}


def test_a_name_in_redemption_is_brought_back(shop: Shop) -> None:
    shop.buy("late.test", *ACME)
    again = ("registration", "reactivate", "late.test", *ACME)
    early = shop(*again, "--yes", expect=5)
    assert "[name_not_in_redemption]" in early.err
    with LedgerStore(shop.state).open() as ledger:
        past = datetime.now(UTC) - timedelta(days=50)
        ledger.names["late.test"] = replace(ledger.names["late.test"], expires_at=past)
    tried = shop(*again, "--dry-run", "--json").json
    assert (tried["act"], tried["status"], tried["years"]) == ("reactivate", "quoted", 1)
    assert "[confirmation_needed]" in shop(*again, expect=4).err
    assert "[amount_too_low]" in shop(*again, "--yes", "--max-price", "9USD", expect=1).err
    assert shop.charges() == [("late.test", 1000)]
    with shop.working():
        shown = shop(*again, "--yes", "--max-price", "12USD", "--json").json
    assert (shown["act"], shown["status"]) == ("reactivate", "settled")
    row = shop("registration", "show", "late.test", "--json").json
    assert (row["status"], row["expires_at"][:4]) == ("active", str((past.year) + 1))
    assert shop.charges() == [("late.test", 1000)] * 2


def test_a_dry_run_asks_for_the_price_and_buys_nothing(shop: Shop) -> None:
    tried = shop("registration", "buy", "dry.test", "--dry-run", "--json", *ACME).json
    assert (tried["status"], tried["price"]["text"]) == ("quoted", "10.00 USD")
    quoted = shop("registration", "quote", "dry.test", "--years", "2", "--json", *ACME).json
    assert quoted["price"]["amount"] == 2000
    assert shop("registration", "list", "-o", "id").out == ""
    assert shop.charges() == []


def test_more_than_the_limit_is_not_paid(shop: Shop) -> None:
    dear = shop.buy("dear.test", "--max-price", "9.99USD", *ACME, expect=1)
    assert "[amount_too_low]" in dear.err
    assert "dear.test costs 10.00 USD. Nothing was bought." in dear.err
    other = shop.buy("dear.test", "--max-price", "50EUR", *ACME, expect=1)
    assert "[amount_too_low]" in other.err
    wrong = shop.buy("dear.test", "--max-price", "ten", *ACME, expect=2)
    assert "[amount_invalid]" in wrong.err
    premium = shop.buy("premium-dear.test", *ACME, expect=1)
    assert "[premium_not_accepted]" in premium.err
    assert shop.charges() == []
    shop.buy("premium-dear.test", "--premium", "--max-price", "200USD", *ACME)
    assert shop.charges() == [("premium-dear.test", 20000)]


def test_nothing_is_bought_without_a_confirmation(shop: Shop) -> None:
    new = ("registration", "buy", "ask.test", "--no-wait", *ACME)
    asked = shop(*new, expect=4, stdin="ask.test\n")  # no terminal
    assert "[confirmation_needed]" in asked.err
    assert "--yes" in asked.err
    shop(*new, "--non-interactive", expect=4)
    assert {one["status"] for one in shop.purchases()} == {"quoted"}


@pytest.mark.parametrize(
    ("typed", "code", "is_confirmed"),
    [(b"other.test\n", 4, False), (b"\n", 4, False), (b" ASK.test \n", 0, True)],
)
def test_the_name_is_typed_to_confirm(
    shop: Shop, typed: bytes, code: int, *, is_confirmed: bool
) -> None:
    terminal, stdin = pty.openpty()
    new = ("registration", "buy", "ask.test", "--no-wait", "--max-price", "12USD", *ACME)
    process = shop.line.process(*new, stdin=stdin)
    os.write(terminal, typed)
    _, raw = process.communicate(timeout=60)
    os.close(terminal)
    os.close(stdin)
    asked = raw.decode()
    assert process.returncode == code, asked
    assert "Register ask.test for 1 year: 10.00 USD, at most 12.00 USD." in asked
    assert [one["status"] == "confirmed" for one in shop.purchases()] == [is_confirmed]
    assert ("Nothing was bought." in asked) is not is_confirmed


def test_a_purchase_that_was_not_sent_can_be_called_off(shop: Shop) -> None:
    made = shop("registration", "buy", "off.test", "--yes", "--no-wait", "--json", *ACME).json
    assert made["status"] == "confirmed"
    over = shop("purchase", "cancel", made["id"], "--json").json
    assert over["status"] == "cancelled"
    assert shop.charges() == []


def test_a_contact_is_read_from_a_file_and_each_wrong_field_named(
    shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "contact.json"
    path.write_text(json.dumps({"first_name": "Ada", "email": "hunter2"}))
    wrong = shop.buy("who.test", "--contact", str(path), *ACME, expect=2)
    assert "[contact_invalid]" in wrong.err
    assert "/contact/email" in wrong.err
    assert "hunter2" not in wrong.err
    path.write_text("{")
    assert (
        "not a readable JSON file"
        in shop.buy("who.test", "--contact", str(path), *ACME, expect=2).err
    )
    assert shop.charges() == []


def test_contact_and_privacy_are_shown_and_changed(shop: Shop, tmp_path: Path) -> None:
    shop.buy("mine.test", *ACME)
    show = ("registration", "contact", "mine.test")
    assert "Springfield" in shop(*show).out
    found = shop(*show, "--json").json
    assert (found["contact"]["city"], found["wanted_at"]) == ("Springfield", None)
    path = tmp_path / "contact.json"
    path.write_text(json.dumps({**found, "contact": {**found["contact"], "city": "Shelbyville"}}))
    assert "Shelbyville" in shop(*show, "--set", str(path)).out
    flat = json.dumps({**found["contact"], "city": "Ogdenville"})
    changed = shop(*show, "--set", "-", "--json", stdin=flat).json
    assert (changed["contact"]["city"], changed["wanted_at"] is None) == ("Ogdenville", False)
    wrong = shop(*show, "--set", "-", expect=2, stdin=json.dumps({"email": "hunter2"}))
    assert "/contact/email" in wrong.err
    assert "hunter2" not in wrong.err
    shop(*show, "--set", str(tmp_path / "none.json"), expect=2)
    privacy = ("registration", "privacy", "mine.test")
    assert shop(*privacy, "off", "--json").json["privacy_wanted"] is False
    assert shop(*privacy, "on", "--json").json["privacy_wanted"] is True
    shop(*privacy, "perhaps", expect=2)


def test_what_cannot_be_bought_says_why(shop: Shop) -> None:
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("www.example.com",), 2, "name_not_registrable"),
        (("co.uk",), 2, "name_public_suffix"),
        (("y.test", "--years", "11"), 2, "years_invalid"),
        (("y.test", "--years", "0"), 2, "years_invalid"),
        (("y.test", "--years=-1"), 2, "years_invalid"),
        (("y.test", "--account", "acct_00000000000000000000000000"), 3, "account_not_found"),
    ]
    for words, code, said in cases:
        assert f"[{said}]" in shop.buy(*words, *ACME, expect=code).err
    assert "--years" in shop.buy("y.test", "--years", "1x", *ACME, expect=2).err
    assert not shop.state.exists(), "the registrar was not asked"
    taken = shop.buy("taken-1.test", *ACME, expect=5).err
    assert "[name_not_available]" in taken
    shop("registration", "renew", "nobody.test", "--yes", *ACME, expect=3)


def test_what_is_wanted_of_a_registration(shop: Shop) -> None:
    shop.buy("mine.test", *ACME)
    shown: dict[str, Any] = {}
    for words in (
        ("unlock", "mine.test"),
        ("update", "mine.test", "--renewed-by", "none", "--no-ds"),
        ("delegate", "mine.test", "--name-server", "ns1.example.net"),
    ):
        shown = shop("registration", *words, "--json").json
    assert (shown["lock_wanted"], shown["renewed_by"]) == (False, "none")
    assert shown["publishes_ds"] is False
    assert shown["name_servers_wanted"] == ["ns1.example.net"]
    assert shop("registration", "lock", "mine.test", "--json").json["lock_wanted"] is True
    assert shop("registration", "import", *ACME, "--json").json["data"] == []


def test_records_that_stop_answering_are_shown_and_asked_about(shop: Shop) -> None:
    shop.buy("used.test", *ACME)
    new = ("registration", "delegate", "used.test", "--name-server", "ns1.example.net")
    asked = shop(*new, expect=4)
    assert "www.used.test A 192.0.2.7" in asked.err
    assert "[confirmation_needed]" in asked.err
    assert shop("registration", "show", "used.test", "--json").json["name_servers_wanted"] is None
    shown = shop(*new, "--yes", "--json").json
    assert shown["name_servers_wanted"] == ["ns1.example.net"]


def test_a_name_moves_here_and_may_leave_again(shop: Shop, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("code-taken-x.test\n")
    new = ("registration", "transfer", "taken-x.test", "--yes", *ACME)
    said = shop(*new, "--code", "code-taken-x.test", expect=2)
    assert "[credential_in_argument]" in said.err
    tried = shop(*new, "--code", f"@{code}", "--dry-run", "--json").json
    assert (tried["act"], tried["status"]) == ("transfer", "quoted")
    assert shop.charges() == []
    with shop.working():
        shown = shop(*new, "--code", f"@{code}", "--wait", "--json").json
    assert (shown["status"], shop.charges()) == ("settled", [("taken-x.test", 1000)])
    locked = shop("registration", "auth-code", "taken-x.test", expect=5)
    assert "[name_to_be_unlocked]" in locked.err
    with shop.working():
        shop("registration", "unlock", "taken-x.test")
        over = time.monotonic() + 20
        while shop("registration", "show", "taken-x.test", "--json").json["locked"]:
            assert time.monotonic() < over
    assert shop("registration", "auth-code", "taken-x.test").out == "code-taken-x.test\n"
