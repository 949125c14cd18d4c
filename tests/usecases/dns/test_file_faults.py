"""Zone files beside a domain's records: one fault passes one record set over, with its line."""

from datetime import UTC, datetime

import pytest
from tests.usecases.dns.zone_rig import APEX, NS, SOA, ZONE, given, made

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.records import Change, RRset
from nameplate.models import LedgerState
from nameplate.usecases.dns import records, transfers


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


KEY = f"v=DKIM1; p={'A' * 400}"
CUT = f'"{KEY[:100]}" "{KEY[100:250]}" "{KEY[250:]}"'
USUAL = f'"{KEY[:255]}" "{KEY[255:]}"'


def texts(rig):
    return rig.zone[f"k._domainkey.{APEX}", "TXT"].values


def test_a_text_that_is_cut_elsewhere_is_the_same_text(rig):
    """Today a second DKIM key is published beside the one that somebody put there."""
    theirs = RRset(f"k._domainkey.{APEX}", "TXT", 300, (CUT,))
    rig.provider.apply(ZONE, [Change(None, theirs)])
    content = f"k._domainkey 300 TXT {USUAL}\n"
    plan = rig.make(transfers.from_file("bind", content))
    assert plan.content.changes == []
    assert plan.content.foreign
    rig.apply(rig.make(transfers.from_file("bind", content, adopt=True)))
    assert texts(rig) == (CUT,)
    rig.work()
    assert texts(rig) == (CUT,)
    plan = rig.make(transfers.from_file("bind", content))
    assert plan.content.edits == plan.content.changes == plan.content.foreign == []


def test_a_provider_may_cut_our_texts_anew(rig):
    rig.want({"type": "TXT", "name": "k._domainkey", "value": KEY, "ttl": 300})
    assert texts(rig) == (USUAL,)
    was = rig.zone[f"k._domainkey.{APEX}", "TXT"]
    rig.provider.apply(ZONE, [Change(was, was._replace(values=(CUT,)))])
    rig.work()
    assert texts(rig) == (CUT,), "no second key"
    (row,) = rig.rows().values()
    assert (row.status.value, row.drifted_at) == ("active", None)
    assert [*rig.ledger().values()] == [LedgerState.PRESENT]
    rig.want(given("www", 1))
    rig.undo()
    rig.apply(rig.make(transfers.from_records([given("www", 1)], replace=True)), force=True)
    assert (f"k._domainkey.{APEX}", "TXT") not in rig.zone, "and it is ours to take away"


def test_a_file_with_one_text_twice_has_it_once(rig):
    edited, _ = imported(rig, f"k 300 TXT {CUT}\nk 300 TXT {USUAL}\n")
    assert len(edited) == 1
    rig.want({"type": "TXT", "name": "k", "value": USUAL, "ttl": 300})
    with rig.offline.sessions.begin(rig.actor) as session, pytest.raises(Conflict) as caught:
        records.add(
            session, rig.actor, rig.name, type="TXT", name="k", value=CUT, now=datetime.now(UTC)
        )
    assert caught.value.code == "record_exists"


def test_what_a_nested_zone_answers_for_is_not_put_into_its_parent(rig):
    """Today it goes into the parent, where nobody sees it."""
    nested = f"sub.{APEX}"
    zones = {APEX: [SOA, NS], nested: [], f"x{nested}": []}
    provider = MemoryDns(zones)
    rig.provider_is(provider)
    content = f"www.sub 300 A 192.0.2.1\nsub 300 A 192.0.2.1\nsub 300 NS ns1.{nested}.\n"
    content += "sub 300 DS 12345 13 2 " + "ab" * 32 + "\nxsub.a 300 A 192.0.2.1\n"
    plan = rig.make(transfers.from_file("bind", content))
    assert {(one[0], one[1], one[2]) for one in plan.content.blocked} == {
        (f"www.{nested}", "A", "zone_nested"),
        (nested, "A", "zone_nested"),
    }
    assert nested in plan.content.blocked[0][3]
    rig.apply(plan)
    rig.work()
    there = {rrset.key for rrset in provider.records(ZONE)}
    assert there >= {(nested, "NS"), (nested, "DS"), (f"xsub.a.{APEX}", "A")}
    assert not there & {(nested, "A"), (f"www.{nested}", "A")}
    row = rig.rows()["www.sub", "192.0.2.1"]
    assert (row.status.value, nested in row.error_message) == ("error", True)
