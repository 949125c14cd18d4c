"""Zone files beside a domain's records: one fault passes one record set over, with its line."""

import pytest
from tests.usecases.dns.zone_rig import APEX, given, made

from nameplate.core.errors import Invalid
from nameplate.usecases.dns import transfers


@pytest.fixture
def rig(sessions):
    return made(sessions)


def imported(rig, content, form="bind", **how):
    """Plan a file, and return what it edits and what it says."""
    plan = rig.make(transfers.from_file(form, content, **how))
    edited = [tuple((edit[1] or edit[0])[:3]) for edit in plan.content.edits]
    return sorted(edited), plan.content.warnings


FINE = "".join(f"h{n} 300 A 192.0.2.{n}\n" for n in range(1, 101))

FAULTS = [
    ("x 300 AFSDB 1 a.example.net.", "type_unknown", "manage"),
    ("ns.other.example. 300 A 192.0.2.1", "out_of_zone", "not in the zone"),
    ("x 300 A 192.0.2.1\nx 60 A 192.0.2.2", "ttl_differs", "share one TTL"),
    ("x 300 CNAME h1\nx 300 A 192.0.2.1", "cname_not_alone", "must be alone"),
    ("x 300 CNAME 192.0.2.1.", "target_is_address", "IP address"),
    ("x 300 CNAME x", "target_is_self", "point to itself"),
    (f"x 300 CNAME www.{APEX}.{APEX}.", "doubled_name", "twice"),
    (f"x.{APEX} 300 A 192.0.2.1", "doubled_name", "twice"),
    ("x 300 A 1.2.3", "syntax", "cannot be read"),
    ('x 300 TXT "open', "syntax", "double quote"),
    ("@ 300 CNAME h1", "cname_at_apex", "apex"),
]


@pytest.mark.parametrize(("line", "code", "said"), FAULTS, ids=[code for _, code, _ in FAULTS])
def test_one_fault_passes_one_set_over_with_its_line(rig, line, code, said):
    content = f"{FINE}{line}\n{FINE.replace('h', 'k')}"
    edited, warnings = imported(rig, content)
    good = [one for one in edited if one[1][0] in "hk"]
    assert len(good) == 200
    # Beside a CNAME that cannot be had, the other records of its name can.
    assert edited == [*good, *([("A", "x", "192.0.2.1")] if code == "cname_not_alone" else [])]
    (told,) = [text for text in warnings if said in text]
    assert told.startswith("line 10")
    assert int(told.split()[1].rstrip(":")) in {101, 102}
    with pytest.raises(Invalid) as caught:
        imported(rig, content, strict=True)
    assert [one.code for one in caught.value.problems] == [code]
    assert caught.value.problems[0].pointer == told.partition(": ")[0]


def test_a_set_that_is_passed_over_stays_as_it_is(rig):
    rig.want(given("www", 1), given("old", 2))
    edited, warnings = imported(rig, "www 300 A 1.2.3\nnew 300 A 192.0.2.3\n", replace=True)
    assert edited == [("A", "new", "192.0.2.3"), ("A", "old", "192.0.2.2")]
    assert [text.split(":")[0] for text in warnings] == ["line 1"]


def test_nothing_is_replaced_by_a_file_of_which_a_name_cannot_be_read(rig):
    rig.want(given("www", 1))
    with pytest.raises(Invalid) as caught:
        imported(rig, "w!w 300 A 192.0.2.1\nnew 300 A 192.0.2.3\n", replace=True)
    assert caught.value.problems[0].pointer == "line 1"


def test_a_rule_that_the_domains_other_records_would_break_names_the_files_line(rig):
    rig.want({"type": "MX", "name": "@", "value": f"10 mail.{APEX}.", "ttl": 300})
    content = "new 300 A 192.0.2.3\nmail 300 CNAME a.example.net.\n"
    edited, warnings = imported(rig, content)
    assert edited == [("A", "new", "192.0.2.3")]
    assert warnings[0].startswith("line 2: `mail.")


def test_a_file_of_nothing_but_faults_is_refused(rig):
    with pytest.raises(Invalid) as caught:
        imported(rig, '{"not": "a master file"}\n')
    assert caught.value.problems[0].pointer == "line 1"
