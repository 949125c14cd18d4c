"""What commands print for a person, at 80 columns: diffs, records to publish, certificates, times."""

import re

import pytest
from tests.cli.program import Program
from tests.cli.screen import Screen

VALUE = re.compile(r"nameplate-verification=[a-z0-9]{40}")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("home"))
    program("db", "upgrade")
    program("db", "seed")
    program("organization", "add", "Acme")
    return program


def shown(program: Program, *words: str) -> list[str]:
    """Return the rows of a terminal of 80 columns after a command."""
    screen = Screen(list(words), program.environment)
    try:
        assert screen.ended() == 0, screen.rows()
        return screen.rows()
    finally:
        screen.close()


def test_a_claim_prints_each_record_once_and_the_next_command(seeded: Program) -> None:
    """The value was printed four times, cut by the edge of the terminal."""
    rows = shown(seeded, "domain", "add", "shop.example.net", "--organization", "acme")
    found = [row for row in rows if VALUE.search(row)]
    assert len(found) == 1, rows
    assert found[0].startswith("VALUE")
    assert "HOST   _nameplate-challenge.shop.example.net" in rows
    assert "TYPE   TXT" in rows
    assert rows[rows.index("Next:") + 1 :][:1] == [
        "  nameplate domain wait shop.example.net --for ownership"
    ]
    assert all(len(row) <= 80 for row in rows)


def test_a_wide_terminal_has_the_records_in_a_table(seeded: Program) -> None:
    made = seeded("domain", "add", "wide.example.net", "--organization", "acme").out
    assert made.splitlines()[0].split() == ["TYPE", "HOST", "VALUE"]
    assert len(VALUE.findall(made)) == 1


def test_a_domain_is_shown_with_its_value_once(seeded: Program) -> None:
    seeded("domain", "add", "once.example.net", "--organization", "acme")
    rows = shown(seeded, "domain", "show", "once.example.net")
    assert sum(bool(VALUE.search(row)) for row in rows) == 1
    assert "    turn:       yours" in rows
    assert any(re.search(r"created_at +20.* UTC \((now|\d+ seconds ago)\)", row) for row in rows)


def test_a_list_has_relative_times(seeded: Program) -> None:
    listed = seeded("domain", "list").out
    assert re.search(r"(now|\d+ (seconds|minutes|hours|days) ago)$", listed, re.MULTILINE)
    assert "T00:" not in listed


def test_records_are_listed_with_their_priority(seeded: Program) -> None:
    account = ("--kind", "dns", "--provider", "memory", "--organization", "acme")
    seeded("account", "add", "zone", *account)
    domain = "mx.example.net"
    seeded("domain", "add", domain, "--organization", "acme", "--account", "zone")
    words = ("record", "add", domain, "MX", "mx-test", "mail.example.net.", "--priority", "17")
    seeded(*words)
    heading, *rows = seeded("record", "list", "--domain", domain, "--type", "MX").out.splitlines()
    assert "PRIORITY" in heading
    at = heading.index("PRIORITY")
    (row,) = [row for row in rows if "mx-test" in row]
    assert row[at:].split()[0] == "17"
    seeded("record", "add", domain, "A", "plain-test", "192.0.2.9")
    listed = seeded("record", "list", "--domain", domain, "--type", "A").out
    assert "PRIORITY" not in listed.splitlines()[0]


def test_a_certificate_is_decoded(seeded: Program) -> None:
    """It was printed as PEM on one line."""
    listed = seeded("certificate", "list", "--status", "active", "--json").json["data"][0]
    said = seeded("certificate", "show", listed["id"]).out
    assert "BEGIN CERTIFICATE" not in said
    assert re.search(r"^leaf$", said, re.MULTILINE)
    assert re.search(rf"^  names +.*{re.escape(listed['names'][0])}", said, re.MULTILINE)
    assert re.search(r"^  valid until +\d{4}-\d\d-\d\d .* UTC \(in \d+ days\)$", said, re.MULTILINE)
    assert re.search(r"^  key +ec256$", said, re.MULTILINE)
    assert listed["fingerprint"] in said
    pem = seeded("certificate", "show", listed["id"], "--pem").out
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")


def test_the_types_of_records_are_listed_with_their_form(seeded: Program) -> None:
    rows = shown(seeded, "record", "types")
    assert any(row.startswith("LOC ") and "52 22 23 N" in row for row in rows), rows
    assert not any(row.startswith("SOA ") for row in rows)
