"""JSON: our own lists, and what the APIs of Route 53 and Cloudflare answer."""

import json
from pathlib import Path

import pytest

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.formats import entries
from nameplate.core.records import RRset

ZONE = "example.com"
CASES = Path(__file__).with_name("cases")


def test_json_is_a_list_of_record_sets():
    text = formats.write("json", [RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1", "192.0.2.2"))], ZONE)
    assert json.loads(text) == [
        {"name": "www", "type": "A", "ttl": 60, "values": ["192.0.2.1", "192.0.2.2"]}
    ]


def test_seconds_may_be_left_out_and_the_proxy_survives():
    (found,) = formats.read("json", '[{"name": "www", "type": "a", "values": ["192.0.2.1"]}]', ZONE)
    assert found == RRset(f"www.{ZONE}", "A", 3600, ("192.0.2.1",))
    proxied = found._replace(proxied=True)
    assert formats.read("json", formats.write("json", [proxied], ZONE), ZONE) == [proxied]


def one(**fields):
    return "[\n" + json.dumps({"name": "www", "type": "A", "values": ["192.0.2.1"], **fields}) + "]"


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ('[\n{"name": "a",\n "name": "b", "type": "A", "values": []}]', "line 3", "key_twice"),
        ('[{"name": "a", "type": "A", "values": ["192.0.2.1"]},\n{"a": {"b": 1,\n"b": 2}}]',
         "line 3", "key_twice"),
        ('[\n"www"]', "line 1", "shape"),
        (one(name=None), "line 2/name", "shape"),
        (one(type=5), "line 2/type", "shape"),
        (one(values="192.0.2.1"), "line 2/values", "shape"),
        (one(values=[None]), "line 2/values", "shape"),
        (one(values=[1]), "line 2/values", "shape"),
        (one(values=[["192.0.2.1"]]), "line 2/values", "shape"),
        (one(ttl=None), "line 2/ttl", "ttl_invalid"),
        (one(ttl="soon"), "line 2/ttl", "ttl_invalid"),
        (one(ttl=True), "line 2/ttl", "ttl_invalid"),
        (one(ttl=[]), "line 2/ttl", "ttl_invalid"),
        (one(proxied="true"), "line 2/proxied", "shape"),
        ('[\n{"name": "www"\n "type": "A"}]', "line 3", "syntax"),
        ("{}", "line 1", "shape"),
        ("null", "line 1", "shape"),
        ("5", "line 1", "shape"),
    ],
)  # fmt: skip
def test_odd_shapes_have_their_line(text, place, code):
    """Today the second of two keys wins, null is the text `None`, and pointers are indexes."""
    with pytest.raises(Invalid) as caught:
        formats.read("json", text, ZONE)
    problem = caught.value.problems[0]
    assert (problem.pointer, problem.code) == (place, code)


def test_what_no_record_has_is_named():
    reading = formats.survey("json", one(comment="mine"), ZONE)
    assert reading.notes == ["The field comment was left out (line 2)."]


ROUTE53 = r"""{"ResourceRecordSets": [
 {"Name": "example.com.", "Type": "A", "AliasTarget": {"DNSName": "d1.cloudfront.net."}},
 {"Name": "www.example.com.", "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": "example.com"}]},
 {"Name": "\\052.example.com.", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": "\"a\\303\\251\" \"b\""}]},
 {"Name": "w.example.com.", "Type": "A", "SetIdentifier": "one", "Weight": 70, "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
 {"Name": "n.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [null]}
]}"""


def test_the_answer_of_route_53_is_read_and_what_is_no_dns_is_named():
    reading = formats.survey("json", ROUTE53, ZONE)
    assert reading.rrsets == [
        RRset("*.example.com", "TXT", 60, ('"a\\195\\169" "b"',)),
        RRset("www.example.com", "CNAME", 300, ("example.com.",)),
    ]
    assert [(one.pointer, one.code) for one in reading.problems] == [
        ("line 2", "dynamic"),
        ("line 5", "dynamic"),
        ("line 6/ResourceRecords", "shape"),
    ]
    assert "AliasTarget" in reading.problems[0].detail
    assert "SetIdentifier, Weight" in reading.problems[1].detail


def test_the_case_of_route_53():
    reading = formats.survey("json", (CASES / "route53.json").read_text(), ZONE)
    assert [rrset.key for rrset in reading.rrsets] == [
        ("*.example.com", "TXT"),
        ("www.example.com", "CNAME"),
    ]
    assert [one.pointer for one in reading.problems] == ["line 2", "line 5"]


def cloudflare(**fields):
    return {"id": "1", "name": "www.example.com", "ttl": 1, "proxied": False, **fields}


CLOUDFLARE = [
    cloudflare(type="CNAME", content="example.com", proxied=True, tags=["team:dns"]),
    cloudflare(name="example.com", type="MX", content="mx.example.net", priority=10, ttl=600),
    cloudflare(name="_s.example.com", type="SRV", content="5 443 a.example.net", priority=1),
    cloudflare(name="example.com", type="TXT", content="v=spf1 -all"),
    cloudflare(name="example.com", type="TXT", content='"a" "b"'),
    cloudflare(name="example.com", type="CAA", content='0 issue "ca.example"'),
    cloudflare(
        name="l.example.com", type="LOC", content="IN LOC 31 58 52.1 S 115 49 11.7 E 20m 10m 10m 2m"
    ),
    cloudflare(name="u.example.com", type="URI", content='1 "https://example.net"', priority=10),
    cloudflare(name="v.example.com", type="URI", content='10 1 "https://example.net"', priority=10),
    cloudflare(
        name="n.example.com", type="NAPTR", content='30 100 "S" "SIP+D2T" "" _sip._tls.example.net.'
    ),
]


@pytest.mark.parametrize(
    "wrap", [lambda rows: {"result": rows, "success": True}, lambda rows: rows]
)
def test_the_answer_of_cloudflare_is_read(wrap):
    reading = formats.survey("json", json.dumps(wrap(CLOUDFLARE), indent=1), ZONE)
    assert not reading.problems
    assert reading.rrsets == sorted(
        [
            RRset("www.example.com", "CNAME", 300, ("example.com.",), proxied=True),
            RRset("example.com", "MX", 600, ("10 mx.example.net.",)),
            RRset("_s.example.com", "SRV", 300, ("1 5 443 a.example.net.",)),
            RRset("example.com", "TXT", 300, ('"a" "b"', '"v=spf1 -all"')),
            RRset("example.com", "CAA", 300, ('0 issue "ca.example"',)),
            RRset(
                "l.example.com",
                "LOC",
                300,
                ("31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m",),
            ),
            RRset("u.example.com", "URI", 300, ('10 1 "https://example.net"',)),
            RRset("v.example.com", "URI", 300, ('10 1 "https://example.net"',)),
            RRset(
                "n.example.com", "NAPTR", 300, ('30 100 "S" "SIP+D2T" "" _sip._tls.example.net.',)
            ),
        ]
    )
    (note,) = reading.notes
    assert note.startswith("The field tags was left out (line ")


def test_an_answer_of_cloudflare_with_null_is_told():
    text = json.dumps({"result": [cloudflare(type="A", content=None)]})
    with pytest.raises(Invalid) as caught:
        formats.read("json", text, ZONE)
    assert caught.value.problems[0].pointer == "line 1/content"


def test_many_objects_keep_their_lines():
    rows = [{"name": f"n{n}", "type": "A", "values": ["x"]} for n in range(300)]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "]"
    with pytest.raises(Invalid) as caught:
        formats.read("json", text, ZONE)
    assert len(caught.value.problems) == entries.MAX_PROBLEMS
    assert [one.pointer for one in caught.value.problems[:3]] == [
        f"line {n}/value" for n in (2, 3, 4)
    ]
