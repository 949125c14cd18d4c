"""`GET /v1/domains/{domain}/diagnosis` over a name server that answers from a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.api.client import LOCAL, Api
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.egress import EgressPolicy
from nameplate.core.secret import Secret

ZONE = "example.com"
PROOF = f"_nameplate-challenge.{ZONE}"
Seen = Callable[[Mapping[tuple[str, str], Sequence[str]]], Api]


@pytest.fixture
def seen(api: Api) -> Iterator[Seen]:
    """Return the API in a DNS that answers from a table."""
    with ExitStack() as servers:

        def make(records: Mapping[tuple[str, str], Sequence[str]]) -> Api:
            table = {(ZONE, "NS"): ["ns1.example.com."], **{k: list(v) for k, v in records.items()}}
            server = servers.enter_context(ScriptedDns(replies(table)))
            resolver = AuthoritativeResolver(
                EgressPolicy(allow=(ip_network("127.0.0.1/32"),)),
                overrides={ZONE: [("ns1.example.com", "127.0.0.1", server.port)]},
                recursor=("127.0.0.1", server.port),
            )
            methods = dict.fromkeys(api.tools.methods, DnsTxt(resolver))
            tools = replace(api.tools, resolver=resolver, methods=methods, signatures=None)
            app = create(api.sessions, tools, local_token=Secret(LOCAL))
            return replace(api, tools=tools, transport=InProcess(app))

        yield make


def claimed(api: Api) -> str:
    """Claim the name and return the value of its proof."""
    api.post("/v1/organizations", {"name": "Acme"})
    api.post("/v1/domains", {"name": ZONE, "organization": "acme"})
    value: str = api.get(f"/v1/domains/{ZONE}")["instructions"][0]["value"]
    return value


def test_a_finding_has_its_evidence_and_its_record(api: Api, seen: Seen) -> None:
    value = claimed(api)
    there = seen({(PROOF, "TXT"): [f'" {value}"']})
    found = there.get(f"/v1/domains/{ZONE}/diagnosis")
    assert (found["object"], found["name"], found["zone"]) == ("diagnosis", ZONE, ZONE)
    assert found["ok"] is False
    assert found["domain"].startswith("dom_")
    first = found["findings"][0]
    assert (first["check"], first["weight"], first["turn"]) == ("value_quoted", "blocks", "you")
    assert first["evidence"] == [f"ns1.example.com (127.0.0.1): TXT ' {value}'"]
    assert first["records"] == [
        {"action": "remove", "type": "TXT", "name": PROOF, "value": f" {value}"},
        {"action": "add", "type": "TXT", "name": PROOF, "value": value},
    ]
    assert first["next_check_at"]
    assert there.get(f"/v1/domains/{found['domain']}/diagnosis")["findings"][0] == first


def test_a_name_without_a_claim(seen: Seen) -> None:
    found = seen({(ZONE, "A"): ["10.0.0.1"]}).get(f"/v1/domains/{ZONE}/diagnosis")
    assert found["domain"] is None
    assert [one["check"] for one in found["findings"]] == ["address_private"]
    assert seen({}).get(f"/v1/domains/{ZONE}/diagnosis")["ok"] is True


def test_what_cannot_be_a_name(seen: Seen) -> None:
    there = seen({})
    wrong = there.send("GET", "/v1/domains/10.0.0.1/diagnosis")
    assert (wrong.status, wrong.code) == (422, "name_address")
    missing = there.send("GET", "/v1/domains/dom_zzzzzzzzzzzzzz/diagnosis")
    assert (missing.status, missing.code) == (404, "domain_not_found")
