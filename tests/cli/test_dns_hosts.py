"""`nameplate domain dns-host` and `connect`, and the operator's `domain-connect template`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import Line
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.api.domain_connect import OfferShape
from nameplate.cli.entries import print_advice, print_offer
from nameplate.cli.output import OutputFormat, Printer
from nameplate.core import keys

RECORDS = {("example.com", "NS"): ["ns1.dnsimple.com.", "ns2.dnsimple-edge.net."]}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "domain-connect.pem"
    path.write_text(keys.new_key("rsa2048").reveal())
    path.chmod(0o600)
    return path


@pytest.fixture
def line(
    monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, tmp_path: Path, key_file: Path
) -> Iterator[Line]:
    with ScriptedDns(replies(RECORDS)) as server:
        place = {"example.com": [f"127.0.0.1:{server.port}"]}
        monkeypatch.setenv("NAMEPLATE_DNS_SERVERS", json.dumps(place))
        monkeypatch.setenv("NAMEPLATE_DOMAIN_CONNECT_PROVIDER_ID", "platform.example")
        monkeypatch.setenv("NAMEPLATE_DOMAIN_CONNECT_KEY_FILE", str(key_file))
        made = Line(migrated_sqlite_url, tmp_path / "home")
        made("organization", "add", "Acme")
        made("domain", "add", "example.com", "--organization", "acme")
        yield made


def test_what_to_enter_is_printed(line: Line) -> None:
    run = line("domain", "dns-host", "example.com")
    shown = run.out
    assert "an account of provider `lexicon`" in run.err
    assert "belong to DNSimple" in shown
    assert "https://dnsimple.com/dashboard" in shown
    assert "  1. Choose the domain" in shown
    assert "TXT   _nameplate-challenge  nameplate-verification=" in shown
    assert "* The panel appends .example.com automatically" in shown
    found = line("domain", "dns-host", "example.com", "--json").json
    assert found["host"]["slug"] == "dnsimple"


def test_only_what_is_not_published_is_to_be_entered(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"type": "A", "value": "192.0.2.1", "ttl": 60, "purpose": "routing", "remarks": []}
    found: dict[str, Any] = {"message": "Hi.", "host": None, "steps": [], "obstacles": []}
    entries = [
        {**entry, "host": "a", "is_published": True},
        {**entry, "host": "b", "is_published": False},
    ]
    printer = Printer(OutputFormat.TABLE, quiet=False)
    print_advice(printer, {**found, "entries": entries})
    shown = capsys.readouterr().out
    assert "A     b" in shown
    assert "A     a" not in shown
    assert "Published already: 1 of 2 records." in shown
    print_advice(printer, {**found, "entries": entries[:1]})
    assert "no records to enter" not in capsys.readouterr().out


def test_a_host_without_domain_connect(line: Line) -> None:
    run = line("domain", "connect", "example.com", expect=1)
    assert "does not offer Domain Connect" in run.out
    found = line("domain", "connect", "example.com", "--json", expect=1).json
    assert (found["supported"], found["reason"]) == (False, "not_offered")


def test_a_link_is_printed_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    example = dict(OfferShape.model_config)["json_schema_extra"]
    assert isinstance(example, dict)
    examples = example["examples"]
    assert isinstance(examples, list)
    found = dict(examples[0])
    entry = {"type": "A", "host": "", "value": "192.0.2.1", "ttl": 60, "purpose": "routing"}
    found |= {"stale": True, "obstacles": [], "by_hand": [{**entry, "remarks": ["Mind the gap."]}]}
    print_offer(Printer(OutputFormat.TABLE, quiet=False), found)
    lines = capsys.readouterr().out.splitlines()
    assert found["apply_url"] in lines
    assert "publishes: CNAME shop.example.com edge.platform.example" in lines
    assert any(text.startswith("A     (empty)") for text in lines)
    assert "* Mind the gap." in lines
    assert any("former DNS host" in text for text in lines)


def test_the_template_is_all_that_stdout_has(line: Line) -> None:
    run = line("domain-connect", "template")
    assert run.json["providerId"] == run.json["syncPubKeyDomain"] == "platform.example"
    assert "platform.example.custom-domain.json" in run.err
    assert '_dcpubkeyv1.platform.example. TXT "p=1,a=RS256,d=' in run.err


def test_without_settings_there_is_no_template(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NAMEPLATE_DOMAIN_CONNECT_PROVIDER_ID")
    other = Line(line.url, tmp_path / "home")
    assert "NAMEPLATE_DOMAIN_CONNECT_KEY_FILE" in other("domain-connect", "template", expect=1).err
