"""A zone at a real PowerDNS, changed from the command line: plan, import, apply, export, undo."""

import json
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest
from tests.cli.test_commands import Line, Run
from tests.proof import prove
from tests.servers.powerdns import PowerDns

from nameplate.adapters.dns.powerdns import PowerDns as Adapter
from nameplate.core.actor import PLATFORM
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions, engine
from nameplate.models import Domain
from nameplate.ports.dns import Zone

NAMES = [f"acme{number}.example.com" for number in range(8)]
FILE = """$TTL 300
@ IN SOA ns1.example.net. hostmaster.example.net. 1 2 3 4 5
www IN A 192.0.2.1
www IN A 192.0.2.2
mail IN MX 10 mx.example.net.
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with PowerDns(tmp_path_factory.mktemp("powerdns"), NAMES) as running:
        yield running


@pytest.fixture(scope="module")
def names():
    return iter(NAMES)


@dataclass
class Shell:
    """A command line, and the zone it works on."""

    line: Line
    server: PowerDns
    name: str

    def __call__(self, *arguments: str, expect: int = 0) -> Run:
        return self.line(*arguments, expect=expect)

    def answers(self, label: str, rdtype: str) -> list[str]:
        """Ask the server itself."""
        query = dns.message.make_query(f"{label}.{self.name}", rdtype)
        reply = dns.query.udp(query, self.server.address, 5, self.server.dns_port)
        return sorted(rdata.to_text() for rrset in reply.answer for rdata in rrset)


@pytest.fixture
def shell(migrated_sqlite_url, tmp_path, server, names):
    line = Line(migrated_sqlite_url, tmp_path / "home")
    name = next(names)
    secret = tmp_path / "key"
    secret.write_text(server.api_key.reveal())
    secret.chmod(0o600)
    line("organization", "add", "acme")
    line(
        "account", "add", "pdns", "--kind", "dns", "--provider", "powerdns", "--organization", "acme",
        "--config", json.dumps({"api_url": server.api_url}), "--credential", f"api_key=@{secret}",
    )  # fmt: skip
    line("domain", "add", name, "--organization", "acme", "--account", "pdns", "--zone", name)
    sessions = Sessions(engine(migrated_sqlite_url))
    with sessions.begin(PLATFORM) as session:
        row = session.scalars(Domain.visible(PLATFORM)).one()
        prove(session, row, row.created_at)
    sessions.dispose()
    return Shell(line, server, name)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "acme.zone"
    path.write_text(FILE)
    return str(path)


def test_a_plan_is_shown_and_changes_nothing(shell, file):
    shown = shell("record", "plan", shell.name, "--file", file, "--detailed-exitcode", expect=10)
    assert f"+ www.{shell.name} 300 A 192.0.2.1 | 192.0.2.2" in shown.out
    assert "nameplate plan apply plan_" in shown.err
    assert not shell.answers("www", "A")
    (again,) = shell("plan", "list", "-o", "id").out.split()
    drawn = shell("plan", "show", again)  # it was one line of JSON
    assert f"\n+ www.{shell.name} 300 A 192.0.2.1 | 192.0.2.2\n" in drawn.out
    assert "{" not in drawn.out
    assert f"nameplate plan apply {again}" in drawn.err
    assert (
        shell("record", "import", shell.name, file, "--dry-run", "--json").json["changes_total"]
        == 2
    )
    assert shell("record", "list", "--json").json["data"] == []


def test_import_apply_export_and_undo(shell, file):
    shell("record", "import", shell.name, file, "--non-interactive", expect=4)
    done = shell("record", "import", shell.name, file, "--yes", "--json").json
    assert (done["status"], done["outcomes"]) == ("applied", [])
    assert shell.answers("www", "A") == ["192.0.2.1", "192.0.2.2"]
    assert shell.answers("mail", "MX") == ["10 mx.example.net."]
    assert shell("record", "plan", shell.name, "--detailed-exitcode").code == 0
    exported = shell("record", "export", shell.name).out
    assert f"www.{shell.name}.\t300\tIN\tA\t192.0.2.1" in exported
    assert shell("record", "export", shell.name, "--live", "--json").json["records"] > 3
    Path(file).write_text(FILE.replace("192.0.2.2", "192.0.2.3"))
    changed = shell("record", "import", shell.name, file, "--replace", "--dry-run").out
    assert f"~ www.{shell.name} A\n    - 192.0.2.2\n    + 192.0.2.3\n" in changed
    undone = shell("record", "undo", shell.name, "--yes")
    assert f"- www.{shell.name}" in undone.out
    assert not shell.answers("www", "A")
    listed = shell("plan", "list", "--json").json["data"]
    assert {plan["status"] for plan in listed} == {"ready", "undone", "applied"}


def test_a_dangerous_plan_takes_force(shell, tmp_path):
    many = tmp_path / "many.csv"
    rows = [f"h{number},A,300,192.0.2.{number}" for number in range(12)]
    many.write_text("\n".join(["name,type,ttl,value", *rows]))
    shell("record", "import", shell.name, str(many), "--yes")
    many.write_text("name,type,ttl,value\nh0,A,300,192.0.2.0\n")
    refused = shell("record", "import", shell.name, str(many), "--replace", "--yes", expect=5)
    assert "11 of 15 record sets" in refused.err
    assert "--force" in refused.err
    shell("record", "import", shell.name, str(many), "--replace", "--yes", "--force")
    assert len(shell("record", "list", "--json").json["data"]) == 1


def test_a_plan_is_good_for_the_zone_it_saw(shell, file):
    plan = shell("record", "plan", shell.name, "--file", file, "--json").json["id"]
    somebody = Adapter(shell.server.api)
    there = RRset(f"else.{shell.name}", "A", 300, ("192.0.2.77",))
    somebody.apply(Zone(shell.name, f"{shell.name}."), [Change(None, there)])
    moved = shell("plan", "apply", plan, "--yes", expect=5)
    assert "zone_moved" in moved.err


@pytest.mark.parametrize(
    ("text", "place"),
    [("www IN A 1.2.3\n", "line 1"), ("$INCLUDE /etc/passwd\n", "line 1")],
)
def test_a_bad_file_is_refused_with_line_and_reason(shell, tmp_path, text, place):
    bad = tmp_path / "bad.zone"
    bad.write_text(text)
    assert place in shell("record", "import", shell.name, str(bad), "--yes", expect=2).err
    shell("record", "import", shell.name, str(tmp_path / "missing"), "--yes", expect=2)


def test_an_import_of_nothing_says_what_it_may_import(shell):
    said = shell("record", "import", shell.name, "--json", expect=2)
    assert "Specify a file, or `--from zone`" in said.err
