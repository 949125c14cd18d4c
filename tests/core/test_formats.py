"""Zone files of every format: what is written reads back the same; what is wrong has its place."""

import base64
import csv
import json
import random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.random_records import rrsets as random_records

from nameplate.core import formats, rdata
from nameplate.core.errors import Invalid
from nameplate.core.rdata import TYPES
from nameplate.core.rdata.text import quoted
from nameplate.core.records import RRset

ZONE = "example.com"

_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda label: "--" not in label
)
_host = st.builds(lambda a, b: f"{a}.{b}.net.", _label, _label)
_octet = st.integers(0, 255)
_hex = st.binary(min_size=32, max_size=32).map(bytes.hex)
_values = {
    "A": st.builds(lambda a, b: f"192.0.{a}.{b}", _octet, _octet),
    "AAAA": st.builds(lambda a: f"2001:db8::{a:x}", st.integers(1, 65535)),
    "MX": st.builds(lambda p, h: f"{p} {h}", st.integers(0, 65535), _host),
    "TXT": st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=600),
    "SRV": st.builds(lambda p, h: f"{p} 5 443 {h}", st.integers(0, 9), _host),
    "CAA": st.builds(lambda h: f'0 issue "{h[:-1]}"', _host),
    "NS": _host,
    "DS": st.builds(lambda d: f"12345 13 2 {d}", _hex),
    "TLSA": st.builds(lambda d: f"3 1 1 {d}", _hex),
    "SSHFP": st.builds(lambda d: f"4 2 {d}", _hex),
    "HTTPS": st.builds(lambda h: f'1 {h} alpn="h2,h3" port="8443"', _host),
    "PTR": _host,
    "DNAME": _host,
    "LOC": st.builds(
        lambda d, arc, h, s: f"{d} 59 {arc / 1000} N 1 W {h / 100:.2f}m {s}m",
        *(st.integers(0, 89), st.integers(0, 59_999), st.integers(-999_999, 9_999_999)),
        st.integers(0, 90_000_000),
    ),
    "NAPTR": st.builds(
        lambda t, h: f'1 2 "s" {quoted([t])} "" {h}', st.binary(max_size=255), _host
    ),
    "OPENPGPKEY": st.binary(min_size=1, max_size=900).map(lambda k: base64.b64encode(k).decode()),
    "RP": st.builds(lambda a, b: f"{a} {b}", _host, _host),
    "SMIMEA": st.builds(lambda d: f"3 1 1 {d}", _hex),
    "URI": st.binary(min_size=1, max_size=600).map(lambda target: f"1 2 {quoted([target])}"),
}


@st.composite
def _rrsets(draw):
    found = {}
    for number in range(draw(st.integers(1, 12))):
        rdtype = draw(st.sampled_from(sorted(_values)))
        name = f"{draw(_label)}{number}.{ZONE}"
        texts = draw(st.lists(_values[rdtype], min_size=1, max_size=3, unique=True))
        values = {rdata.parse(rdtype, text, origin=ZONE, owner=name).text for text in texts}
        found[name, rdtype] = RRset(
            name, rdtype, draw(st.integers(30, 86400)), tuple(sorted(values))
        )
    return sorted(found.values())


@pytest.mark.parametrize("form", sorted(formats.FORMATS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rrsets=_rrsets())
def test_what_is_written_reads_back_the_same(form, rrsets):
    assert formats.read(form, formats.write(form, rrsets, ZONE), ZONE) == rrsets


@pytest.mark.parametrize("form", sorted(formats.FORMATS))
def test_records_of_all_types_come_back_equal(form):
    come_back(form, 500)


@pytest.mark.torture
@pytest.mark.parametrize("form", sorted(formats.FORMATS))
def test_ten_thousand_records_of_all_types_come_back_equal(form):
    come_back(form, 10_000)


def come_back(form, count):
    wanted = {rrset.key: rrset for rrset in random_records(random.Random(form), count, ZONE)}
    assert {rdtype for _, rdtype in wanted} == TYPES - {"ANAME", "SOA"}
    found = formats.read(form, formats.write(form, [*wanted.values()], ZONE), ZONE)
    for rrset in found:
        assert wanted.pop(rrset.key, None) == rrset
    assert not wanted


@pytest.mark.parametrize(
    ("form", "text", "place", "code"),
    [
        ("bind", "www IN A 1.2.3.4\n$INCLUDE /etc/passwd\n", "line 2", "include_refused"),
        ("bind", "$GENERATE 1-999999999 a$ A 1.2.3.4\n", "line 1", "generate_too_large"),
        ("bind", "www IN A 1.2.3.4\nbad IN A 1.2.3\n", "line 2", "syntax"),
        ("bind", "www 300 IN A 192.0.2.1\nwww 60 IN A 192.0.2.2\n", "line 2", "ttl_differs"),
        ("bind", "www.other.org. IN A 192.0.2.1\n", "line 1", "out_of_zone"),
        ("bind", "www IN WHAT 51\n", "line 1", "type_unknown"),
        ("csv", "name,type,ttl,value\nwww,A,300,300.1.1.1\n", "line 2/value", None),
        ("csv", "name,type,ttl,value\nwww,A,soon,192.0.2.1\n", "line 2/ttl", "ttl_invalid"),
        ("json", '[\n{"name": "www", "type": "A", "values": ["x"]}]', "line 2/value", None),
        ("json", '[{},\n{"name": "www", "type": "A"}]', "line 1/name", "shape"),
        ("octodns", "\nwww:\n  type: A\n  value: nonsense\n", "line 2/value", None),
        ("octodns", "\nwww:\n  ttl: 60\n", "line 2", "shape"),
        ("octodns", "\nwww:\n  type: A\n  dynamic: {}\n", "line 2", "dynamic"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(form, text, place, code):
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE)
    problem = caught.value.problems[0]
    assert problem.pointer == place
    assert code is None or problem.code == code
    assert problem.detail


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", "{"),
        ("json", "[" * 100_000),
        ("json", "{}"),
        ("csv", "a,b\n1,2\n"),
        ("octodns", "- a\n- b\n"),
        ("octodns", "a: &x [1]\nb: *x\n"),
        ("octodns", "a: !!python/object/apply:os.system [id]\n"),
        ("octodns", "{" * 5000),
        ("nothing", ""),
    ],
)
def test_what_is_no_such_file_is_refused(form, text):
    with pytest.raises(Invalid):
        formats.read(form, text, ZONE)


_texts = st.text(max_size=12)
_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(_texts, some, max_size=3),
    max_leaves=6,
)
_fields = [
    "name",
    "type",
    "ttl",
    "value",
    "values",
    "proxied",
    "content",
    "octodns",
    "Name",
    "Type",
]
_fields += ["TTL", "ResourceRecords", "result", "ResourceRecordSets", "svcparams", "", "www"]
_wild = st.recursive(
    _odd | st.sampled_from(["A", "TXT", "MX", "HTTPS", "LOC", "CAA", "192.0.2.1", "10 mx."]),
    lambda some: (
        st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(_fields), some, max_size=6)
    ),
    max_leaves=20,
)


def read_or_refused(form, text):
    """Read anything: what is wrong is refused, with a line, and nothing else is raised."""
    try:
        reading = formats.survey(form, text, ZONE)
    except Invalid:
        return
    for problem in reading.problems:
        assert problem.pointer.startswith("line "), problem
    kept = [rrset for rrset in reading.rrsets if form != "octodns" or rrset.type != "SOA"]
    assert formats.read(form, formats.write(form, kept, ZONE), ZONE) == kept


@settings(max_examples=150, deadline=None)
@given(document=_wild)
def test_any_json_is_read_or_refused(document):
    read_or_refused("json", json.dumps(document))
    read_or_refused("json", json.dumps([document, document]))


@settings(max_examples=150, deadline=None)
@given(document=_wild)
def test_any_yaml_is_read_or_refused(document):
    read_or_refused("octodns", yaml.safe_dump(document))
    read_or_refused("octodns", yaml.safe_dump({"www": document, "": [document]}))


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([*_fields, "A", "TXT", "192.0.2.1"]) | _texts, max_size=5)
    )
)
def test_any_table_is_read_or_refused(rows):
    text = _RowText()
    csv.writer(text).writerows([["Name", "type", "content", "TTL"], *rows])
    read_or_refused("csv", "".join(text))


class _RowText(list[str]):
    write = list.append


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("ab.@*\\\"();$ \t\n019:,{}[]-'#\x00é"), max_size=60))
@pytest.mark.parametrize("form", sorted(formats.FORMATS))
def test_any_text_is_read_or_refused(form, text):
    read_or_refused(form, text)
    read_or_refused(
        form, f"a 60 A 192.0.2.1\n{text}" if form == "bind" else f"name,type,value\n{text}"
    )


@settings(max_examples=100, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("form", ["csv", "json", "octodns"])
def test_what_goes_in_comes_out_whatever_stands_beside(form, data):
    """A fault takes its own set with it and no other."""
    rrsets = data.draw(_rrsets())
    wrong = RRset(
        f"wrong.{ZONE}", "A", 60, (data.draw(st.sampled_from(["x", "1.2.3", "", "::1"])),)
    )
    at = data.draw(st.integers(0, len(rrsets)))
    text = formats.write(form, [*rrsets[:at], wrong, *rrsets[at:]], ZONE)
    reading = formats.survey(form, text, ZONE)
    assert reading.rrsets == rrsets
    assert [problem.pointer.partition("/")[0][:5] for problem in reading.problems] == ["line "]
    assert reading.passed <= {wrong.key}
