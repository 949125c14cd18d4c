"""What is kept of answers, and how it is shown."""

from tests.core.diagnosis.seen import data, look, none, silent

from nameplate.core.diagnosis.observed import Expected, Said, shown


def test_the_values_of_all_servers_count_once() -> None:
    found = look("A", data("1", "2"), data("2", "3"), none(), silent())
    assert found.values == ("1", "2", "3")
    assert len(found.answered) == 3


def test_evidence_is_cut_and_escaped() -> None:
    many = data("a\x1b[2J", *("b" * 500, "c", "d", "e"))
    (line,) = shown("TXT", [many])
    assert "\x1b" not in line
    assert len(line) < 300
    assert line.endswith("and 2 more")
    assert shown("A", [data("192.0.2.1")]) == ("ns1.example.net (192.0.2.53): A 192.0.2.1",)
    assert shown("A", [Said("", "timeout")]) == ("no server: timeout",)


def test_an_alias_matches_with_its_final_dot() -> None:
    assert Expected("CNAME", "x.example", "y.example").matches("y.example.")
    assert not Expected("TXT", "x.example", "y.example").matches("y.example.")
