"""`nameplate record propagation`, over the API, against servers that answer as they are told."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.message
import pytest
from tests.servers.scripted_dns import ScriptedDns, replies
from typer.testing import CliRunner, Result

from nameplate import bootstrap
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.cli.root import build
from nameplate.cli.transport import ApiConnection
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.egress import EgressPolicy
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.models import Record
from nameplate.settings import Settings
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import records
from nameplate.usecases.propagation import checks
from nameplate.usecases.tenants import accounts, organizations

NEW, OLD = ["192.0.2.7"], ["192.0.2.1"]
WORLD = {("example.com", "NS"): ["ns1.example.com."], ("ns1.example.com", "A"): ["127.0.0.1"]}


@dataclass
class Line:
    """A command line, and servers whose answers the test may change."""

    sessions: Sessions
    authority: Iterator[list[str]] = iter(())  # noqa: RUF009 - empty, so that nobody shares it
    cache: list[str] = field(default_factory=lambda: OLD)
    record: str = ""
    run: Callable[..., Result] = field(init=False)

    def publish(self) -> None:
        """Have the provider confirm the record."""
        with self.sessions.begin(PLATFORM) as session:
            row = records.get(session, PLATFORM, self.record)
            row.sync()
            row.confirm(datetime.now(UTC))


@pytest.fixture
def line(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    monkeypatch.setattr(checks, "AT_MOST_EVERY", timedelta(0))
    made = Line(Sessions(engine(migrated_sqlite_url)))

    def authority(query: dns.message.Message) -> dns.message.Message:
        known = {**WORLD, ("www.example.com", "A"): next(made.authority, NEW)}
        return replies(known)(query)

    def cache(query: dns.message.Message) -> dns.message.Message:
        return replies({("www.example.com", "A"): made.cache}, authoritative=False)(query)

    with ExitStack() as stack:
        hoster = stack.enter_context(ScriptedDns(authority))
        public = stack.enter_context(ScriptedDns(cache))
        recursor = stack.enter_context(ScriptedDns(replies(WORLD, authoritative=False)))
        settings = Settings(home=tmp_path / "home")
        tools = replace(
            bootstrap.tools(settings, bootstrap.keyring(settings)),
            resolver=AuthoritativeResolver(
                EgressPolicy(allow=(ip_network("127.0.0.0/8"),)),
                recursor=("127.0.0.1", recursor.port),
                port=hoster.port,
                public=[("127.0.0.1", public.port)],
            ),
        )
        app = create(made.sessions, tools, local_token=Secret("local"))
        connection = ApiConnection(InProcess(app), Secret("local"))

        def run(*arguments: str, expect: int = 0) -> Result:
            words = ["record", "propagation", made.record, *arguments]
            result = CliRunner().invoke(build(lambda: connection), words)
            assert result.exit_code == expect, (result.output, result.stderr, result.exception)
            return result

        made.run, made.record = run, _record(made.sessions, tools)
        yield made
    made.sessions.dispose()


def _record(sessions: Sessions, tools: Any) -> str:
    with sessions.begin(PLATFORM) as session:
        organizations.add(session, PLATFORM, name="Acme")
        accounts.add(
            session, PLATFORM, tools, kind="dns", provider="memory", name="dns",
            organization="acme", config={}, credentials={"api_key": "x"},
        )  # fmt: skip
        domain = domains.add(
            session, tools, PLATFORM, name="example.com", organization="acme", account="dns"
        )
        row: Record = records.add(
            session, PLATFORM, ids.show("dom", domain.id), type="A", name="www", value=NEW[0],
            now=datetime.now(UTC),
        )  # fmt: skip
        return ids.show("rec", row.id)


def test_before_anybody_looked(line: Line) -> None:
    assert line.run().stdout == "Not checked yet.\n"
    told = json.loads(line.run("--json").stdout)
    assert (told["answers"], told["checked_at"], told["propagated"]) == ([], None, False)
    refused = json.loads(line.run("--check", "--json", expect=5).stdout)
    assert refused["error"]["code"] == "record_not_published"


def test_the_table_says_who_sees_it_and_for_how_long_not(line: Line) -> None:
    line.publish()
    table = line.run("--check")
    first, heading, hoster, cache = table.stdout.splitlines()
    assert first.startswith("www.example.com A: Seen by 1 of 1 authoritative servers. 127.0.0.1:")
    assert " has an old answer for " in first
    assert heading.split() == ["SERVER", "KIND", "SEES", "IT", "ANSWER", "TTL", "LEFT"]
    assert hoster.split() == [
        "ns1.example.com",
        "(127.0.0.1)",
        "authoritative",
        "yes",
        *NEW,
        "60",
        "s",
    ]
    assert cache.split()[1:4] == ["public", "no", *OLD]
    assert "Next check: " in table.stderr

    told = json.loads(line.run("--json").stdout)
    assert (told["seen"], told["asked"], told["public_seen"], told["public_asked"]) == (1, 1, 0, 1)
    assert told["propagated"]
    assert (told["zone"], told["name"], told["type"]) == ("example.com", "www.example.com", "A")
    authority, public = told["answers"]
    assert (authority["seen"], public["seen"]) == (True, False)
    assert 55 <= public["ttl_left"] <= public["ttl"] == 60
    assert told["checked_at"] < told["next_check_at"]
    assert line.run("-o", "id").stdout.strip() == line.record


def test_watching_ends_when_all_see_it(line: Line) -> None:
    line.publish()
    line.authority, line.cache = iter([OLD]), NEW
    watched = line.run("--watch", "--json")
    told = json.loads(watched.stdout)
    assert (told["seen"], told["public_seen"], told["propagated"]) == (1, 1, True)
    assert "[ ] ns1.example.com (127.0.0.1): waiting. 192.0.2.1" in watched.stderr
    assert "[x] ns1.example.com (127.0.0.1): done. 192.0.2.7" in watched.stderr


def test_watching_gives_up_with_its_own_code(line: Line) -> None:
    late = line.run("--watch", "--timeout", "0", expect=6)
    assert f"nameplate record propagation {line.record} --watch" in late.stderr
    line.publish()
    line.run("--watch", "--timeout", "0", expect=6)
