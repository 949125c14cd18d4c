"""Master files: real ones, their directives, and what is refused."""

from functools import partial
from pathlib import Path

import pytest
from tests.core.formats.real_zones import DATA, ZONES

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.formats.entries import ReadingBudget
from nameplate.core.records import RRset

ZONE = "example.com"


def test_a_type_that_only_some_providers_have_is_read_from_a_master_file():
    (rrset,) = formats.read("bind", "@ 60 IN ANAME Edge.example.net.\n", ZONE)
    assert rrset == RRset(ZONE, "ANAME", 60, ("edge.example.net.",))


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
    assert rrsets or problems
    for form in formats.FORMATS:  # octoDNS has no SOA
        kept = [rrset for rrset in rrsets if form != "octodns" or rrset.type != "SOA"]
        assert formats.read(form, formats.write(form, kept, zone), zone) == kept


def _outcome(text, zone):
    try:
        reading = formats.survey("bind", text, zone)
    except Invalid as error:
        return [], error.problems
    return reading.rrsets, reading.problems


def test_names_without_a_dot_are_completed_by_the_origin():
    text = "$ORIGIN sub.example.com.\n$TTL 60\nwww A 192.0.2.1\n@ MX 10 mail\n"
    assert formats.read("bind", text, ZONE) == [
        RRset("sub.example.com", "MX", 60, ("10 mail.sub.example.com.",)),
        RRset("www.sub.example.com", "A", 60, ("192.0.2.1",)),
    ]


def test_ranges_are_written_out_up_to_a_bound():
    found = formats.read("bind", "$TTL 60\n$GENERATE 1-3 h$ A 192.0.2.$\n", ZONE)
    assert [rrset.name for rrset in found] == [f"h{n}.{ZONE}" for n in (1, 2, 3)]
    with pytest.raises(Invalid) as caught:
        formats.read("bind", "www A 192.0.2.1\n$GENERATE 1-99999999 h$ A 192.0.2.1\n", ZONE)
    assert caught.value.problems[0].pointer == "line 2"


def test_signatures_are_left_to_whoever_signs():
    text = "www 60 A 192.0.2.1\nwww 60 NSEC x.example.com. A\n"
    assert formats.read("bind", text, ZONE) == [RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1",))]


def test_what_is_written_begins_with_the_zone_and_its_soa():
    soa = RRset(ZONE, "SOA", 60, ("ns. host. 1 2 3 4 5",))
    text = formats.write("bind", [RRset(f"a.{ZONE}", "A", 60, ("192.0.2.1",)), soa], ZONE)
    origin, first, second = text.splitlines()
    assert origin == f"$ORIGIN {ZONE}."
    assert first.split("\t")[:4] == [f"{ZONE}.", "60", "IN", "SOA"]
    assert second == f"a.{ZONE}.\t60\tIN\tA\t192.0.2.1"


def ttls(text):
    return {rrset.name.partition(".")[0]: rrset.ttl for rrset in formats.read("bind", text, ZONE)}


SOA = "@ SOA ns1.example.net. hostmaster.example.net. 1 7200 3600 1209600 900\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SOA}a A 192.0.2.1\n", {"a": 900}),
        (f"a A 192.0.2.1\n{SOA}", {"a": 900}),
        (f"{SOA}a A 192.0.2.1\nb 300 A 192.0.2.1\nc A 192.0.2.1\n", {"a": 900, "b": 300, "c": 300}),
        (f"{SOA}b IN 300 A 192.0.2.1\n  A 192.0.2.2\n", {"b": 300}),
        (f"$TTL 1h\n{SOA}a A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n",
         {"a": 3600, "b": 60, "c": 3600}),
        (f"{SOA}a 60 A 192.0.2.1\n$TTL 2h\nb A 192.0.2.1\n", {"a": 60, "b": 7200}),
        (f"{SOA}b 60 A 1.2.3\nc A 192.0.2.1\n", None),
        ("a A 192.0.2.1\n", {"a": 3600}),
    ],
)  # fmt: skip
def test_an_omitted_ttl_is_what_the_file_says(text, expected):
    """`$TTL` (RFC 2308), else the last one stated (RFC 1035), else the SOA's; today 3600."""
    if expected is None:
        reading = formats.survey("bind", text, ZONE)
        assert {rrset.name: rrset.ttl for rrset in reading.rrsets}["c.example.com"] == 60
        return
    found = ttls(text)
    assert {name: found[name] for name in expected} == expected


CASES = Path(__file__).with_name("cases")


def test_the_case_of_omitted_ttls():
    found = ttls((CASES / "bind-ttl.zone").read_text())
    assert found == {"example": 900, "a": 900, "www": 300, "b": 300}


EXPORT = """;;
;; Domain:     example.com.
;; Exported:   2026-06-11 12:51:10
;;
example.com\t3600\tIN\tSOA\tada.ns.example.net. dns.example.net. 2050000001 10000 2400 604800 3600

;; A Records
api.example.com.\t1\tIN\tA\t192.0.2.7 ; cf_tags=cf-proxied:false
auth.example.com.\t1\tIN\tA\t192.0.2.7 ; of a dash cf_tags=cf-proxied:true,team:dns
t.example.com.\t1\tIN\tTXT\t"a; cf_tags=cf-proxied:true"
"""


def test_the_comments_of_cloudflare_have_a_meaning():
    """The proxy, the automatic TTL, and the SOA that has lost its dot; today all three are wrong."""
    reading = formats.survey("bind", EXPORT, ZONE)
    assert not reading.problems
    soa, *others = sorted(reading.rrsets, key=lambda rrset: (rrset.type != "SOA", rrset))
    assert (soa.name, soa.ttl) == (ZONE, 3600)
    assert others == [
        RRset("api.example.com", "A", 300, ("192.0.2.7",)),
        RRset("auth.example.com", "A", 300, ("192.0.2.7",), proxied=True),
        RRset("t.example.com", "TXT", 300, ('"a; cf_tags=cf-proxied:true"',)),
    ]
    assert reading.notes == ["The tag team:dns was left out (line 9)."]
    assert ttls("a 1 A 192.0.2.1\n") == {"a": 1}, "elsewhere a second is a second"


@pytest.mark.parametrize("name", ["cloudflare-export.txt", "cloudflare-export-flattened.txt"])
def test_the_cases_of_cloudflare(name):
    rrsets = formats.read("bind", (CASES / name).read_text(), ZONE)
    assert len(rrsets) == 13
    assert {rrset.name.partition(".")[0] for rrset in rrsets if rrset.proxied} == {
        "app",
        "auth",
        "example",
        "www",
    }
    assert {rrset.ttl for rrset in rrsets} == {300, 3600, 86_400}
    for form in formats.FORMATS:
        kept = [rrset for rrset in rrsets if form != "octodns" or rrset.type != "SOA"]
        assert formats.read(form, formats.write(form, kept, ZONE), ZONE) == kept


def test_odd_records_are_carried_as_they_are():
    reading = formats.survey("bind", (CASES / "odd-foreign.zone").read_text(), ZONE)
    found = {rrset.key: rrset.values for rrset in reading.rrsets}
    assert found["afs.example.com", "AFSDB"] == ("1 a.example.net.",)
    assert found["o.example.com", "TYPE65280"] == ("\\# 4 0a000001",)
    assert {"NAPTR", "LOC", "DNAME", "A"} <= {rdtype for _, rdtype in found}
    told = {one.pointer for one in reading.problems}
    assert all(pointer.startswith("line ") for pointer in told)
    for form in formats.FORMATS:
        text = formats.write(form, reading.rrsets, ZONE)
        assert formats.read(form, text, ZONE) == reading.rrsets


@pytest.mark.parametrize(
    "text",
    [
        'x TXT (\n  "a" ; one\n  "b;c" )\n',
        'x ( TXT\n"a" "b;c" )\n',
        '(x TXT) ( "a" ) "b;c"\n',
        'x\tIN\tTXT\t"a"\t"b\\;c" ; said\n',
        "x TXT a b\\;c\r\n",
        "x CLASS1 TYPE16 \\# 6 016103623b63\n",
    ],
)
def test_one_record_in_many_writings(text):
    (rrset,) = formats.read("bind", text, ZONE)
    assert (rrset.name, rrset.type, rrset.values) == ("x.example.com", "TXT", ('"a" "b;c"',))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("w!w A 192.0.2.1", "name_character"),
        ("x A 1.2.3", "syntax"),
        ("x CH A 192.0.2.1", "syntax"),
        ("x 1hour A 192.0.2.1", "syntax"),
        ("x 60 60 A 192.0.2.1", "type_unknown"),
        ("x", "syntax"),
        ("x A", "syntax"),
        ("x A 192.0.2.1 extra", "syntax"),
        ('x TXT "open', "syntax"),
        ('x TXT ( "open\n)', "syntax"),
        ("x A 192.0.2.1 )", "syntax"),
        ("x ANY 1", "syntax"),
        ("x AXFR 1", "type_unknown"),
        ("www.example.com A 192.0.2.1", "doubled_name"),
        ("x CNAME www.example.com", "doubled_name"),
        ("x CNAME x", "target_is_self"),
        ("x CNAME m\u00fcnchen", "syntax"),
        ("x TLSA 3 1 1 abcd", "syntax"),
        ("$UNKNOWN 1", None),
        ("$TTL never", None),
        ("$ORIGIN", None),
        ('x TXT ( "never closed"', None),
    ],
)
def test_a_fault_ends_with_its_own_entry(wrong, code):
    """What stands before and after is read; without a code the rest could not be understood."""
    text = f"a 60 A 192.0.2.1\n{wrong}\nb 60 A 192.0.2.2\n"
    if code is None:
        with pytest.raises(Invalid) as caught:
            formats.survey("bind", text, ZONE)
        assert caught.value.problems[0].pointer == "line 2"
        return
    reading = formats.survey("bind", text, ZONE)
    assert [rrset.name for rrset in reading.rrsets] == ["a.example.com", "b.example.com"]
    assert [(one.pointer, one.code) for one in reading.problems] == [("line 2", code)]


def test_nobody_inherits_an_owner_that_cannot_be_read():
    text = "a 60 A 192.0.2.1\nb!b A 192.0.2.2\n   A 192.0.2.3\n"
    reading = formats.survey("bind", text, ZONE)
    assert reading.rrsets == [RRset("a.example.com", "A", 60, ("192.0.2.1",))]
    assert [one.pointer for one in reading.problems] == ["line 2", "line 3"]


def test_a_set_is_whole_or_passed_over():
    reading = formats.survey("bind", "a 60 A 192.0.2.1\na A 1.2.3\nb 60 A 192.0.2.2\n", ZONE)
    assert [rrset.name for rrset in reading.rrsets] == ["b.example.com"]
    assert reading.passed == {("a.example.com", "A")}


def test_generated_records_count(monkeypatch):
    monkeypatch.setattr(formats, "ReadingBudget", partial(ReadingBudget, records=1000))
    with pytest.raises(Invalid) as caught:
        formats.read("bind", "$GENERATE 1-5000 h$ NSEC x.\n", ZONE)
    assert caught.value.code == "too_many_records"
