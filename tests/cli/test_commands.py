"""Commands of every noun, against an API in the same process."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import Api
from tests.cli.embedded import connection
from tests.proof import prove
from typer.testing import CliRunner

from nameplate.cli.root import build
from nameplate.cli.transport import ApiConnection
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.models import Domain

EMBEDDED = str(Path(__file__).with_name("embedded.py"))
API = {"api_url": "http://127.0.0.1:1"}  # nobody answers there
POWERDNS = (
    *("--kind", "dns", "--provider", "powerdns", "--organization", "acme"),
    *("--config", json.dumps(API), "--credential", "api_key=env:PATH"),  # any text
)


@dataclass
class Run:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Line:
    """A command line with its own database."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        self.connection = connection(url, home)

    def __call__(self, *arguments: str, expect: int = 0, stdin: str | None = None) -> Run:
        app = build(lambda: self.connection)
        result = CliRunner().invoke(app, arguments, input=stdin)
        assert result.exit_code == expect, (arguments, result.output, result.exception)
        return Run(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, EMBEDDED, self.url, str(self.home), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.fixture
def line(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    return Line(migrated_sqlite_url, tmp_path / "home")


@pytest.fixture
def acme(line: Line) -> Line:
    line("organization", "add", "Acme")
    return line


def test_from_claim_to_removal(acme: Line) -> None:
    made = acme("domain", "add", "shop.example.com", "--organization", "acme")
    heading, record, _, note = made.out.splitlines()
    assert heading.split() == ["TYPE", "HOST", "VALUE"]
    kind, host, value = record.split()
    assert (kind, host) == ("TXT", "_nameplate-challenge.shop.example.com")
    assert made.out.count(value) == 1  # it was printed four times
    assert "enter the host _nameplate-challenge.shop instead" in note
    assert "nameplate domain wait shop.example.com" in made.err
    assert "shop.example.com" in acme("domain", "list").out
    assert "[ ] ownership" in acme("domain", "show", "shop.example.com").out
    again = acme("domain", "instructions", "shop.example.com")
    assert again.out == made.out
    found = acme("domain", "update", "shop.example.com", "--notes", "x", "--no-hsts", "--json").json
    assert (found["notes"], found["hsts_enabled"]) == ("x", False)
    acme("domain", "check", "shop.example.com")
    acme("domain", "suspend", "shop.example.com", "--reason", "unpaid")
    acme("domain", "resume", "shop.example.com")
    removed = acme("domain", "rm", "shop.example.com", "--yes")
    assert removed.out == ""
    assert "Removed domain shop.example.com (dom_" in removed.err
    acme("domain", "restore", found["id"])
    assert acme("domain", "list", "-o", "id").out == f"{found['id']}\n"


def test_a_claim_prints_where_the_name_must_lead(acme: Line) -> None:
    proxy = json.dumps({"type": "caddy", "admin_url": "http://127.0.0.1:1"})
    acme("server", "add", "edge", "--address", "edge.example.net", "--proxy", proxy)
    made = acme("domain", "add", "shop.example.com", "--organization", "acme")
    heading, proof, routing, *_ = made.out.splitlines()
    assert [line.split()[0] for line in (heading, proof, routing)] == ["TYPE", "TXT", "CNAME"]
    assert routing.split()[1:] == ["shop.example.com", "edge.example.net"]
    assert "Publish this to prove ownership and to lead the name to its server" in made.err
    acme("server", "add", "two", "--address", "two.example.net", "--proxy", proxy)
    asked = acme("domain", "instructions", "shop.example.com").out
    assert "Several servers could serve shop.example.com" in asked
    assert asked.count("server: srv_") == 2
    named = acme("domain", "instructions", "shop.example.com", "--server", "two").out
    assert "two.example.net" in named


def test_with_an_account_nothing_is_left_to_publish(acme: Line) -> None:
    proxy = json.dumps({"type": "caddy", "admin_url": "http://127.0.0.1:1"})
    acme("server", "add", "edge", "--address", "edge.example.net", "--proxy", proxy)
    acme("account", "add", "pdns", *POWERDNS)
    made = acme("domain", "add", "example.com", "--organization", "acme", "--account", "pdns")
    assert "TXT   _nameplate-challenge.example.com  nameplate-verification=" in made.out
    assert "CNAME" not in made.out
    assert acme("domain", "instructions", "example.com").out == (
        "Nothing to publish: Nameplate publishes the TXT record at _nameplate-challenge.example.com "
        "with the DNS account.\n"
    )


def test_a_hosted_domain_prints_the_name_servers(acme: Line) -> None:
    hosted = {**API, "hosted": {"name_servers": ["ns1.platform.example"]}}
    new = ("domain", "add", "hosted.example.com", "--organization", "acme", "--hosted")
    assert "does not host zones" in acme(*new, expect=5).err
    acme(
        *("account", "add", "hosting", "--kind", "dns", "--provider", "powerdns"),
        *("--config", json.dumps(hosted), "--credential", "api_key=env:PATH"),
    )
    made = acme(*new).out
    assert "TXT   _nameplate-challenge.hosted.example.com  nameplate-verification=" in made
    assert "Set these name servers for hosted.example.com" in made
    assert "NS    hosted.example.com                       ns1.platform.example" in made
    assert "[ ] hosting" in acme("domain", "show", "hosted.example.com").out


def test_a_wrong_proxy_is_named_by_its_key(acme: Line) -> None:
    add = ("server", "add", "edge", "--address", "edge.example.net", "--proxy")
    wrong = {"type": "nginx", "listen_http": ["28443 ssl"]}
    assert "`proxy.listen_http.0`" in acme(*add, json.dumps(wrong), expect=2).err
    assert "There is no proxy" in acme(*add, json.dumps({"type": "apache"}), expect=2).err
    assert acme("server", "list", "-o", "id").out == ""


def test_the_other_nouns(acme: Line) -> None:
    acme("application", "add", "Shop", "--upstream", "127.0.0.1:8000", "--organization", "acme")
    proxy = json.dumps({"type": "caddy", "admin_url": "http://127.0.0.1:1"})
    acme("server", "add", "edge", "--address", "edge.example.net", "--proxy", proxy)
    acme("account", "add", "pdns", *POWERDNS)
    account = acme("account", "list", "-o", "id").out.strip()
    new = ("domain", "add", "example.com", "--organization", "acme", "--account", account)
    assert "Nameplate publishes this with the DNS account" in acme(*new).err
    record = acme(
        "record", "add", "example.com", "mx", "@", "mail.example.com.", "--priority", "10"
    )
    assert "MX" in record.out
    identity = acme("record", "list", "--domain", "example.com", "-o", "id").out.strip()
    assert acme("record", "update", identity, "--ttl", "300", "--json").json["ttl"] == 300
    acme("binding", "add", "example.com", "--application", "Shop")
    acme("binding", "update", "example.com", "--no-force-https")
    acme("binding", "check", "example.com")
    acme("certificate", "issue", "example.com")
    certificate = acme("certificate", "list", "-o", "id").out.strip()
    acme("certificate", "renew", certificate)
    acme("certificate", "revoke", certificate, "--yes", expect=5)
    acme("certificate", "renew", certificate, "--preferred-chain", "Root X1")
    assert "Root X1" in acme("certificate", "show", certificate).out
    acme("account", "rotate-key", account, expect=5)
    verification = acme("verification", "list", "-o", "id").out.strip()
    acme("verification", "check", verification)
    acme("verification", "add", "example.com", "--method", "file_upload")
    for noun, name in (("binding", "example.com"), ("application", "Shop"), ("server", "edge")):
        acme(noun, "show", name)
        acme(noun, "rm", name, "-y")
        acme(noun, "show", name, expect=3)
    failed = acme("account", "test", account, "--json", expect=1)
    assert failed.json["code"] == "provider_unreachable"


def test_a_name_is_claimed_and_served_with_one_command(acme: Line) -> None:
    """The production page had three commands for what a person wants once."""
    proxy = json.dumps({"type": "caddy", "admin_url": "http://127.0.0.1:1"})
    acme("server", "add", "edge", "--address", "192.0.2.1", "--proxy", proxy)
    add = ("domain", "add", "shop.example.com", "--organization", "acme", "--upstream")
    assert "HOST:PORT" in acme(*add, "8000", expect=2).err
    assert acme("domain", "list", "-o", "id").out == ""
    acme(*add, "127.0.0.1:8000", "--dry-run")
    assert acme("application", "list", "-o", "id").out == ""
    made = acme(*add, "127.0.0.1:8000", "--json").json
    assert (made["hostname"], made["status"]) == ("shop.example.com", "pending")
    application = acme("application", "show", "shop.example.com", "--json").json
    assert (application["id"], application["upstream_port"]) == (made["application"], 8000)
    assert application["organization"] == made["organization"]


def test_providers_are_listed_with_what_they_need(acme: Line) -> None:
    found = acme("account", "providers").out
    assert "powerdns (dns): PowerDNS Authoritative Server" in found
    assert "  config api_url (url, required, platform only): URL of the HTTP API" in found
    assert "    hosted.kind (Native | Master | Primary, default Native): Kind of new zones" in found
    assert "  credential tsig_secret (required with tsig_name)" in found
    assert "acme (ca): ACME" in found
    authorities = ["acme", "actalis", "google", "letsencrypt", "letsencrypt_staging"]
    authorities += ["local", "sslcom", "zerossl"]
    named = acme("account", "providers", "--kind", "ca", "-o", "id").out.split()
    assert named == authorities
    listed = acme("account", "providers", "--kind", "ca", "--json").json
    assert [one["name"] for one in listed["data"]] == authorities
    shown = acme("account", "providers", "--kind", "proxy", "-o", "id").out
    assert shown == "caddy\ncloudflare\nmemory\nnginx\ntraefik\n"
    acme("account", "providers", "--kind", "mail", expect=2)


def test_a_wrong_account_is_refused_with_each_place(acme: Line) -> None:
    wrong = ("--config", '{"api_url": "x", "odd": 1}', "--kind", "dns", "--provider", "powerdns")
    said = acme("account", "add", "x", *wrong, expect=2).err
    assert "/config/api_url: Expected an absolute URL" in said
    assert "/config/odd: Unknown setting `config.odd`" in said


def test_automatic_records_and_templates(acme: Line) -> None:
    acme("application", "add", "Shop", "--organization", "acme")
    acme("server", "add", "edge", "--address", "192.0.2.1", "--ip", "2001:db8::1")
    acme("account", "add", "zone", *POWERDNS)
    acme("domain", "add", "example.com", "--organization", "acme", "--account", "zone")
    served = ("--application", "Shop", "--server", "edge")
    binding = acme("binding", "add", "example.com", *served, "--json").json["id"]
    listed = acme("record", "list", "--domain", "example.com", "--json").json["data"]
    assert {row["value"]: row["made_for"] for row in listed} == {
        "192.0.2.1": binding,
        "2001:db8::1": binding,
    }
    acme("server", "update", "edge", "--ip", "2001:db8::2")
    assert "2001:db8::2" in acme("record", "list").out
    acme("record", "rm", listed[0]["id"], "--yes", expect=5)
    assert acme("record", "detach", listed[0]["id"], "--json").json["made_for"] is None
    acme("binding", "rm", binding, "--yes")
    acme("binding", "restore", binding)
    off = acme("domain", "update", "example.com", "--no-automatic-dns", "--json").json
    assert off["automatic_dns"] is False

    assert "dkim_key [optional]" in acme("record", "templates").out
    assert "no-mail" not in acme("record", "templates", "spf").out
    use = ("record", "template", "spf", "example.com", "--set", "include=_spf.example.net")
    tried = acme(*use, "--dry-run")
    assert tried.out == '+ @ 3600 TXT "v=spf1 include:_spf.example.net ~all"\n'
    assert "Dry run" in tried.err
    made = acme(*use, "-o", "id").out.strip()
    assert acme("record", "show", made, "--json").json["type"] == "TXT"
    acme(*use[:-1], "include=_spf.example.org")
    assert "_spf.example.org" in acme("record", "show", made).out
    assert acme(*use, "--set", "all=+all", expect=2).err


def test_tokens_are_printed_once(acme: Line) -> None:
    made = acme("token", "add", "ci", "--organization", "acme")
    assert made.out.startswith("np_")
    assert len(made.out.splitlines()) == 1
    tenant = replace(acme.connection, token=Secret(made.out.strip()))
    platform, acme.connection = acme.connection, tenant
    assert acme("organization", "list", "--json").json["data"][0]["slug"] == "acme"
    acme("organization", "add", "Other", expect=7)
    acme.connection = platform
    acme("token", "revoke", acme("token", "list", "-o", "id").out.strip(), "--yes")
    acme.connection = tenant
    refused = acme("domain", "list", expect=7)
    assert "[unauthenticated] (request req_" in refused.err
    assert made.out.strip() not in acme("domain", "list", expect=7).err


FAILURES: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("domain", "show", "nobody.example.org"), 3, "domain_not_found"),
    (("domain", "add", "x", "--organization", "acme"), 2, "name_single_label"),
    (("domain", "add", "a.example.org"), 2, "organization_required"),
    (("organization", "add", "Acme"), 5, "slug_taken"),
    (("organization", "rm", "acme", "--non-interactive"), 4, "confirmation_needed"),
    (("organization", "rm", "acme"), 4, "confirmation_needed"),
    (("application", "add", "x", "--upstream", "nowhere"), 2, "option_malformed"),
    (("server", "add", "x", "--address", "a.example", "--proxy", "{"), 2, "option_malformed"),
    (("server", "add", "x", "--address", "a.example", "--proxy", "@/no"), 2, "option_malformed"),
    (("account", "add", "x", "--kind", "dns", "--provider", "p", "--credential", "k=hunter2"), 2, "credential_in_argument"),
    (("account", "add", "x", "--kind", "dns", "--provider", "p", "--credential", "k=env:NO_SUCH"), 2, "credential_missing"),
    (("account", "add", "x", "--kind", "mail", "--provider", "p"), 2, "request_invalid"),
    (("domain", "list", "--metadata", "x"), 2, "option_malformed"),
)  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "slug"), FAILURES)
def test_failures(acme: Line, arguments: tuple[str, ...], code: int, slug: str) -> None:
    said = acme(*arguments, expect=code)
    assert said.out == ""
    assert f"[{slug}]" in said.err
    assert "hunter2" not in said.err
    document = acme(*arguments, "--json", expect=code).json
    assert document["error"]["code"] == slug
    assert document["error"]["detail"]


def test_usage_errors(line: Line) -> None:
    line("domain", "frobnicate", expect=2)
    line("frobnicate", expect=2)
    line("domain", "show", expect=2)
    line("domain", "list", "--limit", "0", expect=2)


def test_secrets_come_from_files_variables_and_standard_input(
    acme: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("A_SECRET", "from-variable")
    base = (
        *("account", "add", "x", "--kind", "dns", "--provider", "lexicon"),
        *("--config", '{"lexicon_provider": "netcup"}'),
    )
    options = (
        *("--credential", f"auth_api_key=@{tmp_path}/key"),
        *("--credential", "auth_api_password=env:A_SECRET"),
    )
    made = acme(
        *base, *options, "--credential", "auth_customer_id=-", "--json", stdin="from-stdin\n"
    )
    assert made.json["has_credentials"] is True
    for secret in ("from-file", "from-variable", "from-stdin"):
        assert secret not in made.out + made.err


def test_no_secret_in_the_process_list(acme: Line, tmp_path: Path) -> None:
    key = tmp_path / "key"
    os.mkfifo(key)
    arguments = ("account", "add", "x", "--kind", "dns", "--provider", "memory")
    process = acme.process(
        *arguments, "--credential", f"api_key=@{key}", env={**os.environ, "S": "x"}
    )
    writer = key.open("w")  # the command waits here, with its arguments in the process list
    listed = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    writer.write("hunter2")
    writer.close()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"hunter2" not in listed + out + err


def test_a_reader_that_leaves(acme: Line) -> None:
    transport: Any = acme.connection.transport
    api = Api(None, None, transport, "local")  # type: ignore[arg-type]  # neither is used
    for number in range(30):
        name = f"application {number} {'x' * 200}"
        api.post("/v1/applications", {"name": name, "organization": "acme"})
    process = acme.process("application", "list", "--json")
    assert process.stdout
    assert process.stderr
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(60)
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


def test_lists_are_whole_across_pages(acme: Line) -> None:
    transport: Any = acme.connection.transport
    api = Api(None, None, transport, "local")  # type: ignore[arg-type]  # neither is used
    for number in range(105):
        api.post("/v1/applications", {"name": f"a{number}", "organization": "acme"})
    assert len(acme("application", "list", "-o", "id").out.splitlines()) == 105
    assert len(acme("application", "list", "-o", "id", "--limit", "101").out.splitlines()) == 101
    assert len(acme("application", "list", "--limit", "3", "--json").json["data"]) == 3


def test_waiting_ends_when_it_is_done(acme: Line) -> None:
    acme("domain", "add", "example.com", "--organization", "acme")
    driven: list[float] = []

    def drive(seconds: float) -> None:
        driven.append(seconds)
        sessions = Sessions(engine(acme.url))
        with sessions.begin(PLATFORM) as session:
            for row in session.scalars(sa.select(Domain)):
                prove(session, row, row.created_at)
        sessions.dispose()

    acme.connection = replace(acme.connection, drive=drive)
    done = acme("domain", "wait", "example.com", "--for", "ownership", "--timeout", "20")
    assert driven
    assert "[ ] ownership: waiting" in done.err
    assert "[x] ownership: done" in done.err
    driven.clear()
    acme("domain", "wait", "example.com", "--for", "ownership")
    assert not driven  # already done: it returns at once


def test_waiting_in_vain(acme: Line) -> None:
    acme("domain", "add", "*.example.com", "--organization", "acme")
    waited = acme("domain", "wait", "*.example.com", "--timeout", "0", "--json", expect=6)
    assert waited.json["error"]["code"] == "wait_timeout"
    assert "nameplate domain wait '*.example.com' --for ready" in waited.err
    acme("domain", "suspend", "*.example.com")
    over = acme("domain", "wait", "*.example.com", expect=1)
    assert "suspended" in over.err


def test_an_interrupted_wait_says_how_to_go_on(acme: Line) -> None:
    acme("domain", "add", "example.com", "--organization", "acme")

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    acme.connection = replace(acme.connection, drive=interrupt)
    stopped = acme("domain", "wait", "example.com", expect=130)
    assert "run `nameplate domain wait example.com --for ready`." in stopped.err


def test_untrusted_text_cannot_move_the_cursor(acme: Line) -> None:
    acme("domain", "add", "example.com", "--organization", "acme", "--notes", "a\x1b[2Jb\u202ec")
    shown = acme("domain", "show", "example.com")
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out


class Lost:
    """A transport without anything at its other end."""

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        raise Unavailable("provider_unreachable", f"cannot {method} {path}")


def test_no_answer_and_nonsense(line: Line) -> None:
    line.connection = ApiConnection(Lost(), Secret("x"))
    assert (
        line("domain", "list", "--json", expect=1).json["error"]["code"] == "provider_unreachable"
    )
    malformed, away = "answer_malformed", "api_unreachable"
    answers = [(200, b"<html>", malformed), (502, b"bad", away), (200, b"[]", malformed)]
    for status, body, code in answers:
        line.connection = ApiConnection(_Fixed(status, body), Secret("x"))
        found = line("domain", "list", "--json", expect=1).json
        assert found["error"]["code"] == code


class _Fixed(Lost):
    def __init__(self, status: int, body: bytes) -> None:
        self.answer: tuple[int, Mapping[str, str], bytes] = (status, {}, body)

    def send(self, *_args: Any) -> tuple[int, Mapping[str, str], bytes]:
        return self.answer


def test_help_loads_nothing_heavy() -> None:
    code = "from nameplate.cli.root import build; build(lambda: 1 / 0)(['--help'])"
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "domain" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"sqlalchemy", "fastapi", "cryptography", "rich.console", "httpcore2", "dns.message"}
    assert not heavy & loaded


def test_a_worker_keeps_nothing_in_memory_that_it_does_not_use(migrated_sqlite_url: str) -> None:
    """It ends by itself because a setting is wrong, after everything was imported."""
    env = {**os.environ, "NAMEPLATE_DATABASE_URL": migrated_sqlite_url, "NAMEPLATE_PORT": "sekret"}
    command = [sys.executable, "-X", "importtime", "-m", "nameplate", "worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 2
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {
        "sqlalchemy",
        "nameplate.worker.loop",
        "nameplate.usecases.certificates.order",
    } <= loaded
    unused = {"pydantic", "fastapi", "rich", "structlog", "sqlalchemy.dialects.mysql"}
    assert not unused & loaded
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("nameplate: ")]
    assert said.endswith("[settings_invalid]")
    assert "sekret" not in said


def test_a_server_whose_address_does_not_resolve_is_said_when_it_is_written(acme: Line) -> None:
    lost = acme("server", "add", "edge", "--address", "edge.nowhere.invalid")
    assert "Warning: edge.nowhere.invalid does not resolve to an IP address." in lost.err
    tested = acme("server", "test", "edge", expect=1)
    assert "[ ] address: edge.nowhere.invalid does not resolve" in tested.out
    assert "Warning" not in acme("server", "update", "edge", "--address", "192.0.2.1").err
    assert "[x] address: 192.0.2.1 is an IP address." in acme("server", "test", "edge").out
