"""What an owner is told to publish, exactly, by each method and through API and command line."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import Api
from tests.api.conftest import World
from tests.models.world import NOW
from tests.proof import prove

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.cli import instructions as terminal
from nameplate.cli.output import OutputFormat, Printer
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.instructions import Instruction
from nameplate.core.secret import Secret
from nameplate.models import Domain, HoldingScope, Verification, VerificationMethodName

NAME = "shop.example.org"
RECORD = f"_nameplate-challenge.{NAME}"
URL = f"http://{NAME}/.well-known/nameplate-verification.txt"
TXT = {
    "purpose": "ownership",
    "done": False,
    "is_published": False,
    "kind": "dns_record",
    "sentence": f'Publish a TXT record at {RECORD} with the value "nameplate-verification=TOKEN".',
    "fields": [
        {"name": "type", "value": "TXT"},
        {"name": "name", "value": RECORD},
        {"name": "zone", "value": "example.org"},
        {"name": "relative_name", "value": "_nameplate-challenge.shop"},
        {"name": "value", "value": "nameplate-verification=TOKEN"},
    ],
    "type": "TXT",
    "name": RECORD,
    "zone": "example.org",
    "relative_name": "_nameplate-challenge.shop",
    "value": "nameplate-verification=TOKEN",
}
FILE = {
    "purpose": "ownership",
    "done": False,
    "is_published": False,
    "kind": "file",
    "sentence": f'Serve a file at {URL} that contains "TOKEN" and nothing else.',
    "fields": [
        {"name": "url", "value": URL},
        {"name": "path", "value": "/.well-known/nameplate-verification.txt"},
        {"name": "content", "value": "TOKEN"},
    ],
    "type": "file",
    "url": URL,
    "path": "/.well-known/nameplate-verification.txt",
    "content": "TOKEN",
}
PRINTED = {
    "dns_txt": f"""TYPE  HOST                                   VALUE
TXT   {RECORD}  nameplate-verification=TOKEN

If your DNS host appends example.org to names, enter the host _nameplate-challenge.shop instead of \
{RECORD}.
""",
    "file_upload": f"""{FILE["sentence"]}
  url: {URL}
  path: /.well-known/nameplate-verification.txt
  content: TOKEN
""",
}
MAIL = Instruction(
    "mail", (("to", "admin@shop.example.org"), ("code", "7")), "Answer the mail with the code 7."
)


def ownership_of(domain: dict[str, Any]) -> dict[str, Any]:
    """Return what proves a domain."""
    (one,) = [one for one in domain["instructions"] if one["purpose"] == "ownership"]
    found: dict[str, Any] = one
    return found


def told(api: Api, method: str) -> dict[str, Any]:
    """Claim a name by a method; return the instruction with the token as TOKEN."""
    made = api.post("/v1/domains", {"name": NAME, "verification_method": method})
    one = ownership_of(made)
    (proof,) = api.get(f"/v1/verifications?domain={NAME}")["data"]
    assert api.get(f"/v1/verifications/{proof['id']}")["instruction"] == one
    assert proof["instruction"] is None, "a list asks for no domain"
    (ownership,) = [step for step in made["conditions"] if step["type"] == "ownership"]
    assert ownership["fix"] == one["sentence"]
    assert ownership["expected"] == [one["fields"][-1]["value"]]
    token = one["fields"][-1]["value"].removeprefix("nameplate-verification=")
    found: dict[str, Any] = _replaced(one, token)
    return found


def _replaced(item: Any, token: str) -> Any:
    if isinstance(item, dict):
        return {key: _replaced(value, token) for key, value in item.items() if value is not None}
    if isinstance(item, list):
        return [_replaced(value, token) for value in item]
    return item.replace(token, "TOKEN") if isinstance(item, str) else item


@pytest.mark.parametrize(("method", "expected"), [("dns_txt", TXT), ("file_upload", FILE)])
def test_the_api_says_exactly_this(world: World, method: str, expected: dict[str, Any]) -> None:
    assert told(world.as_acme, method) == expected


@pytest.mark.parametrize("method", PRINTED)
def test_the_command_line_prints_exactly_this(world, method, capsys) -> None:
    one = told(world.as_acme, method)
    terminal.show(Printer(OutputFormat.TABLE, quiet=False), [one])
    assert capsys.readouterr().out == PRINTED[method]


class _Mail(MemoryMethod):
    def instruct(self, name: str, token: str) -> Instruction:
        return MAIL


def test_another_kind_needs_no_change_anywhere(api: Api, world: World, capsys) -> None:
    methods = {**api.tools.methods, VerificationMethodName.EMAIL: _Mail()}
    tools = replace(api.tools, methods=methods)
    app = create(api.sessions, tools, local_token=Secret("x"))
    acme = replace(world.as_acme, tools=tools, transport=InProcess(app))
    one = ownership_of(acme.post("/v1/domains", {"name": NAME, "verification_method": "email"}))
    assert (one["kind"], one["type"], one["sentence"]) == ("mail", "mail", MAIL.sentence)
    assert [(f["name"], f["value"]) for f in one["fields"]] == list(MAIL.fields)
    terminal.show(Printer(OutputFormat.TABLE, quiet=False), [one])
    assert capsys.readouterr().out == f"{MAIL.sentence}\n  to: admin@shop.example.org\n  code: 7\n"


def test_what_is_published_is_no_longer_to_be_published(world: World, capsys) -> None:
    acme = world.as_acme
    made = acme.post("/v1/domains", {"name": NAME})
    with acme.sessions.begin(PLATFORM) as session:
        (row,) = session.scalars(sa.select(Verification).where(
            Verification.organization_domain_id == ids.parse(made["id"], "dom")
        ))  # fmt: skip
        row.start()
        row.succeed(HoldingScope.SUBTREE, NOW)
    one = ownership_of(acme.get(f"/v1/domains/{NAME}"))
    assert (one["done"], one["is_published"], one["name"]) == (True, True, RECORD)
    assert one["sentence"].startswith("The proof is published. Keep it")
    printer = Printer(OutputFormat.TABLE, quiet=False)
    terminal.show(printer, [one])
    assert capsys.readouterr().out == f"{one['sentence']}\n"
    terminal.show(printer, [one], everything=True)
    assert one["value"] in capsys.readouterr().out


def test_a_claim_that_rests_on_another_proof_has_nothing_to_publish(world: World) -> None:
    acme = world.as_acme
    parent = acme.post("/v1/domains", {"name": "example.org"})
    with acme.sessions.begin(PLATFORM) as session:
        prove(session, session.get_one(Domain, ids.parse(parent["id"], "dom")), NOW)
    one = ownership_of(acme.post("/v1/domains", {"name": NAME}))
    assert (one["done"], one["is_published"]) == (True, False)
    assert "proved by the proof of example.org" in one["sentence"]


def test_a_method_that_is_not_available_is_refused_and_its_rows_can_be_read(api, world) -> None:
    acme = world.as_acme
    refused = acme.send("POST", "/v1/verifications", {"domain": "example.com", "method": "email"})
    assert (refused.status, refused.code) == (422, "method_not_available")
    assert "Use dns_txt or file_upload" in refused.body["detail"]
    methods = {**api.tools.methods, VerificationMethodName.DNS_TXT: api.tools.methods["email"]}
    tools = replace(api.tools, methods=methods)
    app = create(api.sessions, tools, local_token=Secret("x"))
    acme = replace(acme, tools=tools, transport=InProcess(app))
    found = acme.get("/v1/domains/example.com")
    assert found["instructions"] == []
    assert "not available" in found["conditions"][0]["fix"]
    assert acme.get(f"/v1/verifications/{world.ids['verifications']}")["instruction"] is None


def test_a_list_says_what_is_ready_and_is_filtered_by_it(world: World) -> None:
    acme = world.as_acme
    made = acme.post("/v1/domains", {"name": NAME})
    (one,) = acme.get(f"/v1/domains?name={NAME}&ready=false")["data"]
    assert (one["id"], one["ready"], one["conditions"]) == (made["id"], False, None)
    assert one["reason"] == made["reason"] == "pending_verification"
    assert acme.get(f"/v1/domains?name={NAME}&ready=true")["data"] == []
    owner = made["organization"]
    assert acme.get(f"/v1/domains?name={NAME}&organization={owner}")["data"] == [one]


def routing_of(domain: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the records that lead a domain to its server."""
    told = (one for one in domain["instructions"] if one["purpose"] == "routing")
    return [(one["type"], one["name"], one["value"]) for one in told]


def test_the_record_to_the_server_is_in_the_answer_of_the_claim(world: World) -> None:
    acme = world.as_acme
    made = acme.post("/v1/domains", {"name": NAME})
    assert [one["purpose"] for one in made["instructions"]] == ["ownership", "routing"]
    assert routing_of(made) == [("CNAME", NAME, "edge.example.net")]
    record = made["instructions"][1]
    assert (record["zone"], record["relative_name"], record["done"]) == (
        "example.org",
        "shop",
        False,
    )
    acme.post("/v1/bindings", {"domain": NAME, "application": "Shop"})
    assert acme.get(f"/v1/domains/{NAME}")["instructions"] == made["instructions"]


def test_of_several_servers_the_request_names_one(api: Api, world: World) -> None:
    proxy = {"type": "caddy", "admin_url": "http://127.0.0.1:1"}
    second = {"name": "second", "address": "two.example.net", "proxy": proxy}
    named = api.post("/v1/servers", second)["id"]
    acme = world.as_acme
    asked = acme.post("/v1/domains", {"name": NAME})["instructions"][1]
    assert (asked["purpose"], asked["kind"], asked["value"]) == ("routing", "undecided", None)
    assert named in [one["value"] for one in asked["fields"] if one["name"] == "server"]
    assert "Several servers could serve" in asked["sentence"]
    shown = acme.get(f"/v1/domains/{NAME}?server={named}")
    assert routing_of(shown) == [("CNAME", NAME, "two.example.net")]
    made = acme.post("/v1/domains", {"name": "b.example.org", "server": "second"})
    assert routing_of(made) == [("CNAME", "b.example.org", "two.example.net")]


def test_a_server_that_the_organization_cannot_use_is_not_found(api: Api, world: World) -> None:
    foreign = world.as_globex.post("/v1/servers", {"name": "g", "address": "g.example.net"})["id"]
    for caller in (world.as_acme, api):
        body = {"name": NAME, "server": foreign, "organization": world.acme["id"]}
        refused = caller.send("POST", "/v1/domains", body)
        assert (refused.status, refused.code) == (404, "server_not_found")
    shown = world.as_acme.send("GET", f"/v1/domains/example.com?server={foreign}")
    assert (shown.status, shown.code) == (404, "server_not_found")


def test_a_claim_prints_proof_and_routing_in_one_table(world: World, capsys) -> None:
    made = world.as_acme.post("/v1/domains", {"name": NAME})
    terminal.show(Printer(OutputFormat.TABLE, quiet=False), made["instructions"])
    heading, proof, routing, *_ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["TYPE", "HOST", "VALUE"]
    assert proof.split()[:2] == ["TXT", RECORD]
    assert routing.split() == ["CNAME", NAME, "edge.example.net"]
