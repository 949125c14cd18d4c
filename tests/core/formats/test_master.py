"""Entries of master files; and what dnspython and BIND read of whole ones."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.zone
import pytest
from tests.core.formats.real_zones import DATA, ZONES
from tests.fakes.random_zones import RandomZone

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.formats import master
from nameplate.core.formats.entries import ReadingBudget
from nameplate.core.rdata import presentation

ZONE = "example.com"
SIGNED = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"}


def read(text):
    return [
        (one.line, one.text.split(), one.comment)
        for one in master.entries(text, ReadingBudget(None))
    ]


def test_entries_know_where_they_begin():
    text = 'a 1\n\n; only a comment\nb (\n 2 ; two\n 3 )\r\nc "x;y(" z ;end\rd\n'
    assert read(text) == [
        (1, ["a", "1"], ""),
        (4, ["b", "2", "3"], " two"),
        (7, ["c", '"x;y("', "z"], "end"),
        (8, ["d"], ""),
    ]


def test_what_is_never_closed_has_the_line_where_it_was_opened():
    with pytest.raises(Invalid) as caught:
        read("a 1\nb ( 2\nc 3\n")
    assert caught.value.problems[0].pointer == "line 2"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("1h", 3600), ("1H30m", 5400), ("1w2d", 777_600), ("0", 0), ("h", None),
     ("1h30", None), ("", None), ("-1", None), ("1y", None), ("99999999999", None)],
)  # fmt: skip
def test_seconds(text, seconds):
    assert master.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1-3", [1, 2, 3]), ("0-4/2", [0, 2, 4]), ("3-1", None), ("1-2/0", None), ("1", None)],
)
def test_ranges(text, numbers):
    found = master.count(text)
    assert (found and [*found]) == numbers


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("h$", "h7"),
        ("h$x$", "h7x7"),
        ("h\\$", "h\\$"),
        ("h$$", "h$"),
        ("h${0,3}", "h007"),
        ("h${-2,2,d}", "h05"),
        ("h${10,4,x}", "h0011"),
        ("h${8,0,X}", "hF"),
        ("h${1,0,o}", "h10"),
        ("${0,7,n}.x", "7.0.0.0.x"),
    ],
)
def test_numbers_in_templates(template, text):
    assert master.generated(template, 7) == text


@pytest.mark.parametrize("template", ["${x}", "${0,999}", "${-9,1,n}"])
def test_what_is_no_template(template):
    with pytest.raises(ValueError, match="modifier"):
        master.generated(template, 7)


def records(rrsets):
    return {(one.name, one.type, value, one.ttl) for one in rrsets for value in one.values}


def by_dnspython(text, origin=ZONE):
    """Return the records that dnspython reads; None when it refuses the zone."""
    try:
        zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError):
        return None
    return {
        (name.to_text(omit_final_dot=True).lower(), rdtype, presentation(rdata, rdtype), ttl)
        for name, ttl, rdata in zone.iterate_rdatas()
        if (rdtype := dns.rdatatype.to_text(rdata.rdtype)) != "SOA"
    }


def by_bind(text, folder, origin=ZONE):
    """Return the records that BIND's own compiler reads; None when it refuses the zone."""
    (folder / "zone").write_text(text)
    lax = [word for one in "imnkrS" for word in (f"-{one}", "none" if one == "i" else "ignore")]
    done = subprocess.run(
        [COMPILER, "-q", *lax, "-s", "full", "-o", "-", origin, folder / "zone"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return by_dnspython(done.stdout, origin) if done.returncode == 0 else None


def by_knot(text, folder):
    """Return what Knot says of a zone that it cannot read; empty when it can.

    It has no $GENERATE, no CLASS1, no relative $ORIGIN and no text beyond ASCII.
    """
    for pattern, instead in (
        (r"(?m)^\$GENERATE.*$", ""),
        (r"(?m)^\$ORIGIN sub$", "$ORIGIN sub.example.com."),
        (r"\bCLASS1\b", "IN"),
        ("é", "\\\\195\\\\169"),
    ):
        text = re.sub(pattern, instead, text)
    (folder / "knot").write_text(text)
    done = subprocess.run(
        [CHECKER, "-o", ZONE, folder / "knot"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    said = done.stdout + done.stderr
    return said if done.returncode and NOT_READ in said else ""


NOT_READ = "failed to"
CHECKER = shutil.which("kzonecheck") or "/usr/bin/kzonecheck"
COMPILER = shutil.which("named-compilezone") or "/usr/sbin/named-compilezone"


def agree(seed, folder):
    """Compare what three readers make of one random zone."""
    written = RandomZone(random.Random(seed))
    text = written.text()
    reading = formats.survey("bind", text, ZONE)
    ours = {one for one in records(reading.rrsets) if one[1] != "SOA"}
    assert all(one.code == "ttl_differs" for one in reading.problems), (text, reading.problems)
    others = [by_dnspython(text)]
    if folder is not None:
        others += [by_bind(text, folder)] if Path(COMPILER).exists() else []
        if Path(CHECKER).exists():
            assert not by_knot(text, folder), text
    for theirs in others:
        assert theirs is not None, text
        kept = {one for one in theirs if one[:2] not in reading.passed}
        is_settled = written.says_ttl or (written.soa_ttl and not reading.problems)
        if theirs is others[0] or is_settled:
            assert kept == ours, (text, kept ^ ours)
        else:  # BIND keeps to the SOA's minimum, or to the set's first TTL, where RFC 1035 goes on
            assert {one[:3] for one in kept} == {one[:3] for one in ours}


@pytest.mark.parametrize("seed", range(40))
def test_we_read_what_dnspython_bind_and_knot_read(seed, tmp_path):
    agree(seed, tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(50))
def test_five_thousand_zones_are_read_as_others_read_them(seed, tmp_path):
    for number in range(100):
        agree(f"{seed}-{number}", tmp_path)


HOSTILE = {
    "LOC version 1": r"LOC \# 16 01121613000000000000000000000000",
    "LOC without numbers": "LOC version 1",
    "LOC beyond the pole": "LOC 90 0 0.001 N 4 E 1m",
    "LOC too high": "LOC 52 N 4 E 42849672.96m",
    "URI without target": 'URI 10 1 ""',
    "URI in two strings": 'URI 10 1 "a" "b"',
    "base64 of another alphabet": "OPENPGPKEY A_-_",
    "base64 without its end": "OPENPGPKEY AQ",
    "base64 with bits left over": "OPENPGPKEY AB==",
    "no key": "OPENPGPKEY",
    "NAPTR of a long string": f'NAPTR 1 1 "s" "{"x" * 256}" "" .',
    "NAPTR of both": 'NAPTR 1 1 "u" "x" "!a!b!" x.net.',
    "NAPTR without a group": r'NAPTR 1 1 "u" "x" "!a!\\1!" .',
    "SMIMEA of half a digit": "SMIMEA 3 1 1 abc",
    "DNAME to itself": "DNAME x",
    "DNAME below itself": "DNAME a.x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_refused_with_its_line_and_stops_no_other(name):
    text = f"$ORIGIN {ZONE}.\n@ 60 SOA a. b. 1 2 3 4 5\nx 60 IN {HOSTILE[name]}\ny 60 A 192.0.2.1\n"
    reading = formats.survey("bind", text, ZONE)
    assert [one.pointer for one in reading.problems] == ["line 3"]
    assert [rrset.name for rrset in reading.rrsets] == [ZONE, f"y.{ZONE}"]


def disturbed(seed):
    """Return a random zone in which some characters are others."""
    chance = random.Random(f"disturbed {seed}")
    text = [*RandomZone(chance).text(8)]
    for _ in range(chance.randint(1, 3)):
        text[chance.randrange(len(text))] = chance.choice('();"\\\n\t $@.*a1')
    return "".join(text)


@pytest.mark.parametrize("seed", range(200))
def test_nothing_is_lost_of_a_disturbed_zone_and_nothing_invented(seed):
    """Equal to dnspython, or refused by both, or refused by us with the line."""
    text = disturbed(seed)
    try:
        reading = formats.survey("bind", text, ZONE)
    except Invalid as error:
        reading = formats.Reading([], problems=list(error.problems), is_vague=True)
    assert all(re.fullmatch(r"line \d+", one.pointer) for one in reading.problems)
    theirs = by_dnspython(text)
    if (
        theirs is not None
        and not reading.problems
        and "SOA" in {one.type for one in reading.rrsets}
    ):
        assert {one for one in records(reading.rrsets) if one[1] != "SOA"} == theirs, text


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("path", ZONES)
def test_real_zones_are_read_as_dnspython_reads_them(path):
    text, zone = (DATA / path).read_text(errors="replace"), ZONES[path]
    try:
        reading = formats.survey("bind", text, zone)
        theirs = dns.zone.from_text(text, zone, relativize=False, check_origin=False)
    except (Invalid, dns.exception.DNSException):
        return
    have = {
        (name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(rdata.rdtype), ttl)
        for name, ttl, rdata in theirs.iterate_rdatas()
    }
    ours = {(one.name, one.type, one.ttl) for one in reading.rrsets}
    assert ours <= have
    lost = {one[:2] for one in have - ours} - reading.passed
    assert {rdtype for _, rdtype in lost} <= SIGNED or reading.is_vague, lost


CASES = DATA.parent.parent / "cases"
OF_OTHERS = {
    **{DATA / path: zone for path, zone in ZONES.items()},
    **dict.fromkeys((CASES / "bind-ttl.zone", CASES / "cloudflare-export.txt"), "example.com"),
    CASES / "odd-foreign.zone": "other.test",
}


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
@pytest.mark.skipif(not Path(COMPILER).exists(), reason="needs named-compilezone")
@pytest.mark.parametrize("path", OF_OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_zones_are_read_as_bind_reads_them(path, tmp_path):
    """Record by record, but for what is said to be passed over, and what a signer makes anew."""
    text, zone = path.read_text(errors="replace"), OF_OTHERS[path]
    try:
        reading = formats.survey("bind", text, zone)
    except Invalid:  # refused, with its line, as other tests show
        return
    theirs = by_bind(text, tmp_path, zone)
    if theirs is None or reading.is_vague:
        return
    kept = {one[:3] for one in theirs if one[:2] not in reading.passed and one[1] not in SIGNED}
    assert {one[:3] for one in records(reading.rrsets) if one[1] != "SOA"} == kept
