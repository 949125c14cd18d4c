"""Zone files of every format: what is written reads back the same; what is wrong has its place."""

import itertools
import json
import random
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.random_records import rrsets as random_records

from nameplate.core import formats, rdata
from nameplate.core.errors import Invalid
from nameplate.core.formats import entries
from nameplate.core.rdata import TYPES
from nameplate.core.records import RRset

ZONE = "example.com"
DATA = Path(__file__).parents[2] / "../shared/data/zones"

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


def test_a_type_that_only_some_providers_have_is_read_from_a_master_file():
    (rrset,) = formats.read("bind", "@ 60 IN ANAME Edge.example.net.\n", ZONE)
    assert rrset == RRset(ZONE, "ANAME", 60, ("edge.example.net.",))


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
        ("bind", "www IN LOC 51 30 12 N 0 7 39 W 0m\n", "line 1", "type_unknown"),
        ("csv", "name,type,ttl,value\nwww,A,300,300.1.1.1\n", "line 2/value", None),
        ("csv", "name,type,ttl,value\nwww,A,1h,192.0.2.1\n", "line 2/ttl", "ttl_invalid"),
        ("json", '[{"name": "www", "type": "A", "values": ["x"]}]', "/0/values/0/value", None),
        ("json", '[{"name": "www"}]', "/0", "shape"),
        ("octodns", "www:\n  type: A\n  value: nonsense\n", "/www/value", None),
        ("octodns", "www:\n  ttl: 60\n", "/www", "shape"),
        ("octodns", "www:\n  type: A\n  dynamic: {}\n", "/www", "dynamic"),
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


def test_an_export_is_safe_to_open_in_a_spreadsheet():
    rrsets = [RRset(f"a.{ZONE}", "TXT", 60, ('"x"',)), RRset(ZONE, "A", 60, ("192.0.2.1",))]
    assert "\n'@,A" in formats.write("csv", rrsets, ZONE)


ZONES = {
    "bind-masterfile/example.db": "example",
    "bind-masterfile/ttl1.db": "ttl1",
    "bind-masterfile/ttl2.db": "ttl2",
    "bind-masterfile/include.db": "include",
    "bind-masterfile/sub.db": "sub.test",
    "dnscontrol/apex.com.zone": "apex.com",
    "dnscontrol/apex.com.zone.zone": "apex.com",
    "dnscontrol/ds.com.zone": "ds.com",
    "dnscontrol/ds.com.zone.zone": "ds.com",
    "dnscontrol/example.org.zone": "example.org",
    "dnscontrol/example.org.zone.zone": "example.org",
    "dnscontrol/simple.com.zone": "simple.com",
    "dnscontrol/simple.com.zone.zone": "simple.com",
    **{f"dnspython/example{part}": "example" for part in ("", *(f"{n}.good" for n in range(1, 5)))},
    "dnspython/svcb_test_vectors.generic": "example",
    "dnspython/svcb_test_vectors.text": "example",
    **{
        f"{folder}/{name}": zone
        for folder in ("octodns", "octodns-bind")
        for name, zone in (
            ("2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa"),
            ("ext.unit.tests.extension", "ext.unit.tests"),
            ("invalid.records.tst", "invalid.records"),
            ("invalid.zone.tst", "invalid.zone"),
            ("unit.tests.tst", "unit.tests"),
        )
    },
    "octodns-bind/unit.tests.": "unit.tests",
}


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_every_real_zone_is_tried():
    files = {str(path.relative_to(DATA)) for path in DATA.rglob("*") if path.is_file()}
    assert {name for name in files if not name.endswith(".tsv")} == set(ZONES)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("path", ZONES)
def test_real_zones_are_read_or_refused_with_line_and_reason(path):
    zone = ZONES[path]
    text = (DATA / path).read_text(errors="replace")
    rrsets, problems = _outcome(text, zone)
    assert all(problem.pointer.startswith("line ") and problem.detail for problem in problems)
    assert bool(rrsets) is not bool(problems)
    if problems:
        return
    assert formats.read("bind", formats.write("bind", rrsets, zone), zone) == rrsets


def _outcome(text, zone):
    try:
        return formats.read("bind", text, zone), ()
    except Invalid as error:
        return [], error.problems


def test_json_is_a_list_of_record_sets():
    text = formats.write("json", [RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1", "192.0.2.2"))], ZONE)
    assert json.loads(text) == [
        {"name": "www", "type": "A", "ttl": 60, "values": ["192.0.2.1", "192.0.2.2"]}
    ]


@pytest.mark.parametrize(
    "line",
    [
        "$GENERATE (1-9999999999) h NSEC x.",
        "$GENERATE (1-9999999999) h$ NSEC x.",
        "$GENERATE (\n1-9999999999) h$ A 192.0.2.1",
    ],
)
def test_a_generator_that_is_written_otherwise_ends_too(line, monkeypatch):
    monkeypatch.setattr(formats, "Budget", partial(entries.Budget, records=1000))
    with pytest.raises(Invalid) as caught:
        formats.read("bind", f"a A 192.0.2.1\n{line}\n", ZONE)
    assert caught.value.code == "too_many_records"
    assert caught.value.problems[0].pointer.startswith("line ")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("bind", "a A 192.0.2.1\n" * 1000),
        ("bind", "a TXT (\n" + "x\n" * 1000),
        ("csv", "name,type,value\n" + "a,A,192.0.2.1\n" * 1000),
        ("json", json.dumps([{"name": "a", "type": "A", "values": ["192.0.2.1"] * 1000}])),
        ("octodns", "a: {type: A, values: [" + "192.0.2.1, " * 1000 + "]}"),
    ],
)
def test_every_reader_has_its_time(form, text):
    clock = itertools.count(0, entries.MAX_SECONDS / 10)
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE, clock.__next__)
    assert caught.value.code == "file_too_large"
    assert caught.value.problems[0].pointer


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", "[" + "{}," * 2_000_000 + "{}]"),
        ("json", "[" + "0," * 3_000_000 + "0]"),
        ("octodns", "a" * 9_000_000),
        ("csv", "x" * (formats.MAX_BYTES + 1)),
    ],
)
def test_every_reader_has_its_size(form, text):
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE)
    assert caught.value.code == "file_too_large"


LONG = " ".join(f'"{"x" * 255}"' for _ in range(257))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("bind", f"a A 192.0.2.1\nlong TXT {LONG}\n"),
        ("csv", "name,type,value\na,A,192.0.2.1\n" + f'long,TXT,"{LONG.replace(chr(34), chr(34) * 2)}"\n'),
        ("json", json.dumps([{"name": "long", "type": "TXT", "values": [LONG]}])),
        ("octodns", f"long: {{type: TXT, value: {'x' * 66_000}}}"),
    ],
)  # fmt: skip
def test_a_value_that_dns_cannot_carry_is_refused_with_its_place(form, text):
    with pytest.raises(Invalid) as caught:
        formats.read(form, text, ZONE)
    problem = caught.value.problems[0]
    assert problem.code in {"record_too_large", "text_too_long"}, problem
    assert problem.pointer.startswith(("line 2", "line 3/", "/0/values/0", "/long"))


def test_blank_lines_are_looked_at_once():
    started = time.process_time()
    with pytest.raises(Invalid):
        formats.read("bind", "a A (" + "\n" * 200_000, ZONE)
    assert time.process_time() - started < 10  # 100 when each is looked at from every one before
