"""Why the authoritative servers do not answer with a proof: one cause, the first that fits."""

from dataclasses import replace

from tests.core.diagnosis.seen import PROOF, VALUE, WELL, checks, data, look, none, silent

from nameplate.core.diagnosis.checks import diagnose
from nameplate.core.diagnosis.finding import Weight
from nameplate.core.diagnosis.observed import Expected, Signing
from nameplate.core.turns import Turn


def test_what_is_published_is_no_finding() -> None:
    assert checks() == []


def test_a_server_that_does_not_answer_changes_nothing() -> None:
    assert checks(proof=look("TXT", data(VALUE), silent("ns2.example.net"))) == []


def test_a_wildcard_that_answers_at_the_wrong_place_is_not_a_misplaced_record() -> None:
    wild = look("TXT", data(VALUE), name=f"{PROOF}.example.com")
    found = checks(proof=look("TXT", none()), probe=look("TXT", data(VALUE)), places=(wild,))
    assert found == ["proof_absent"]


def test_a_proof_that_is_gone_of_a_name_that_is_held_has_time() -> None:
    seen = replace(WELL, proof=look("TXT", none()), is_proved=True)
    (found,) = diagnose(seen)
    assert (found.check, found.weight, found.must_act) == ("proof_absent", Weight.RISK, True)


def test_one_name_has_one_alias() -> None:
    expected = Expected("CNAME", PROOF, "k7.proof.example.net")
    both = look(
        "CNAME", data("k7.proof.example.net."), data("a.example.", server="ns2.example.net")
    )
    assert checks(expected=expected, proof=both) == ["servers_disagree"]
    wrong = look("CNAME", data("a.example."), data("b.example.", server="ns2.example.net"))
    assert checks(expected=expected, proof=wrong) == ["proof_several_values"]
    assert checks(expected=expected, proof=look("CNAME", data("k7.proof.example.net."))) == []


def test_servers_of_two_hosts_are_told_from_one_that_is_behind() -> None:
    two = look("TXT", data(VALUE), none("ns2.other.net"))
    assert checks(proof=two) == ["servers_disagree"]
    alone = frozenset({"ns2.other.net"})
    assert checks(proof=two, alone=alone) == ["delegation_changed"]


def test_resolvers_that_fail_are_no_news_where_the_signatures_do_not_hold() -> None:
    failing = (silent("1.1.1.1", "servfail"),)
    assert checks(public=failing) == ["resolvers_fail"]
    signing = Signing(has_ds=True, has_keys=True, fault="expired")
    assert checks(public=failing, signing=signing) == ["dnssec_bogus"]


def test_an_old_answer_says_how_long_it_lasts() -> None:
    late = (replace(none("1.1.1.1"), ttl=42), replace(data("old", server="8.8.8.8"), ttl=7))
    (found,) = diagnose(replace(WELL, public=late))
    assert (found.check, found.wait, found.turn) == ("answer_cached", 42, Turn.NAMEPLATE)
    assert not found.must_act


def test_without_a_proof_in_dns_nothing_is_said_of_one() -> None:
    assert checks(expected=None, proof=None) == []
