"""The names that are asked for in a zone without a list."""

from nameplate.core import rdata
from nameplate.core.usual_names import QUESTIONS
from nameplate.core.zone_rules import owner_name

ZONE = "example.com"


def test_every_name_can_stand_in_a_zone() -> None:
    for name in QUESTIONS:
        owner = owner_name(name, ZONE)
        assert rdata.parse("CNAME", f"{owner}.", origin="invalid").text == f"{owner}."
        assert name == name.lower()


def test_every_type_is_one_that_we_manage_and_asked_once() -> None:
    for name, types in QUESTIONS.items():
        assert set(types) <= rdata.TYPES, name
        assert len(set(types)) == len(types), name


def test_an_alias_is_asked_for_first_and_never_at_the_apex() -> None:
    assert "CNAME" not in QUESTIONS["@"]
    assert {"A", "AAAA", "MX", "TXT", "CAA"} <= set(QUESTIONS["@"])
    for name, types in QUESTIONS.items():
        if "CNAME" in types:
            assert types[0] == "CNAME", name


def test_services_are_asked_for_as_services() -> None:
    for name, types in QUESTIONS.items():
        is_service = name.startswith("_") and name.endswith(("._tcp", "._udp", "_sip._tls"))
        assert (types == ("SRV",)) == is_service, name
    assert "TXT" in QUESTIONS["_dmarc"]
    assert "A" in QUESTIONS["www"]
