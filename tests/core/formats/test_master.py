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


def by_dnspython(text):
    """Return the records that dnspython reads; None when it refuses the zone."""
    try:
        zone = dns.zone.from_text(text, ZONE, relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError):
        return None
    return {
        (name.to_text(omit_final_dot=True).lower(), rdtype, presentation(rdata, rdtype), ttl)
        for name, ttl, rdata in zone.iterate_rdatas()
        if (rdtype := dns.rdatatype.to_text(rdata.rdtype)) != "SOA"
    }


def by_bind(text, folder):
    """Return the records that BIND's own compiler reads; None when it refuses the zone."""
    (folder / "zone").write_text(text)
    lax = [word for one in "imnkrS" for word in (f"-{one}", "none" if one == "i" else "ignore")]
    done = subprocess.run(
        [COMPILER, "-q", *lax, "-s", "full", "-o", "-", ZONE, folder / "zone"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return by_dnspython(done.stdout) if done.returncode == 0 else None


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
        others.append(by_bind(text, folder))
    for theirs in others:
        assert theirs is not None, text
        kept = {one for one in theirs if one[:2] not in reading.passed}
        is_settled = written.says_ttl or (written.soa_ttl and not reading.problems)
        if theirs is others[0] or is_settled:
            assert kept == ours, (text, kept ^ ours)
        else:  # BIND keeps to the SOA's minimum, or to the set's first TTL, where RFC 1035 goes on
            assert {one[:3] for one in kept} == {one[:3] for one in ours}


@pytest.mark.parametrize("seed", range(40))
def test_we_read_what_dnspython_and_bind_read(seed, tmp_path):
    agree(seed, tmp_path if Path(COMPILER).exists() else None)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(50))
def test_five_thousand_zones_are_read_as_dnspython_and_bind_read_them(seed, tmp_path):
    for number in range(100):
        agree(f"{seed}-{number}", tmp_path if Path(COMPILER).exists() else None)


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
