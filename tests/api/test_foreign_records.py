"""A record of somebody else stops no plan, and one that DNS cannot carry gets into none."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Api
from tests.api.conftest import World

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.rdata import canonical
from nameplate.core.records import RRset
from nameplate.core.secret import Secret
from nameplate.models import Record

FOREIGN = [
    ("afs", "AFSDB", "1 A.example.net."),
    ("_443._tcp", "TLSA", "3 1 1 abcd"),
    ("_444._tcp", "TLSA", r"\# 5 030101abcd"),
    ("s2", "SVCB", r"\# 10 00000000010003026832"),
    ("u", "URI", '10 1 ""'),
    ("ds", "DS", "0 0 0 00"),
    ("o", "TYPE65280", r"\# 4 0a000001"),
]
PLAN = "/v1/domains/example.com/records:plan"


@pytest.fixture
def beside(api: Api, world: World) -> Api:
    """Return the API as acme calls it, over a zone with such records."""
    live = [
        RRset(f"{name}.example.com", rdtype, 300, (canonical(rdtype, text),))
        for name, rdtype, text in FOREIGN
    ]
    tools = replace(api.tools, dns_provider=lambda _account: MemoryDns({"example.com": live}))
    app = create(api.sessions, tools, local_token=Secret(LOCAL))
    return replace(world.as_acme, tools=tools, transport=InProcess(app))


def test_a_plan_is_made_beside_them(beside: Api) -> None:
    made = beside.post(PLAN)
    assert made["object"] == "plan"
    assert "AFSDB" not in str(made["changes"])


def test_a_record_that_no_message_carries_is_named(beside: Api) -> None:
    text = " ".join(['"' + "x" * 255 + '"'] * 257)
    file = {"file": {"format": "bind", "content": f"big TXT {text}\n"}}
    answer = beside.send("POST", PLAN, file)
    assert answer.status == 422, answer.raw
    assert answer.body["detail"].startswith("line 1: The text needs 65792 octets")


def test_one_that_was_kept_before_is_held_back_with_its_name(beside: Api) -> None:
    value = {"domain": "example.com", "type": "TXT", "name": "big", "value": "x"}
    beside.post("/v1/records", value)
    with beside.sessions.begin(PLATFORM) as session:
        kept = sa.update(Record).where(Record.name == "big")
        session.execute(kept.values(value=" ".join(['"' + "x" * 255 + '"'] * 257)))
    made = beside.post(PLAN)
    assert "big.example.com" not in str(made["changes"])
    assert any("A value of big.example.com TXT has" in one["detail"] for one in made["blocked"])
