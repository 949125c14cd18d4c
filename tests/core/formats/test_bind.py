"""Master files: real ones, their directives, and what is refused."""

from pathlib import Path

import pytest

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.records import RRset

ZONE = "example.com"


DATA = Path(__file__).parents[3] / "../shared/data/zones"


def test_a_type_that_only_some_providers_have_is_read_from_a_master_file():
    (rrset,) = formats.read("bind", "@ 60 IN ANAME Edge.example.net.\n", ZONE)
    assert rrset == RRset(ZONE, "ANAME", 60, ("edge.example.net.",))


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
