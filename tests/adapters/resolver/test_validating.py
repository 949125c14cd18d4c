"""DNSSEC set-ups on a real name server, below a root that only the test trusts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.rrset
import pytest
from tests.servers.signed_root import TOKEN, SignedInternet

from nameplate.adapters.resolver import trust_anchors
from nameplate.adapters.resolver.validating import DnssecValidator
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core.errors import Invalid
from nameplate.ports.resolver import AnswerKind
from nameplate.ports.validation import Security
from nameplate.testing.validation import ValidatorConformance

SECURE, INSECURE, BOGUS = Security.SECURE, Security.INSECURE, Security.BOGUS
PROOF = [
    ("good.test", SECURE, ""),
    ("nsec3.test", SECURE, ""),
    ("signed.example", SECURE, ""),
    ("plain.test", INSECURE, ""),
    ("optout.example", INSECURE, ""),
    ("island.test", INSECURE, ""),
    ("unknown.test", INSECURE, ""),
    ("tampered.test", BOGUS, "invalid"),
    ("expired.test", BOGUS, "expired"),
    ("future.test", BOGUS, "not_yet_valid"),
    ("digest.test", BOGUS, "ds_mismatch"),
    ("claims.test", BOGUS, "ds_mismatch"),
    ("stripped.test", BOGUS, "unsigned"),
    ("nokeys.test", BOGUS, "no_keys"),
    ("foreign.test", BOGUS, "wrong_key"),
    ("undenied.test", BOGUS, "ds_missing"),
    ("noproof.test", SECURE, ""),
]
"""Zones with what a proof in them comes to."""
ABSENT = [
    ("good.test", SECURE, ""),
    ("nsec3.test", SECURE, ""),
    ("noproof.test", BOGUS, "denial_missing"),
    ("noproof3.test", BOGUS, "unsigned"),
    ("expired.test", BOGUS, "expired"),
    ("optout.example", INSECURE, ""),
]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedInternet]:
    with SignedInternet(tmp_path_factory.mktemp("signed")) as made:
        yield made


class TestDnssecValidator(ValidatorConformance):
    @pytest.fixture
    def validator(self, net: SignedInternet) -> DnssecValidator:
        return net.validator()

    @pytest.fixture
    def signed(self) -> str:
        return "proof.good.test"

    @pytest.fixture
    def unsigned(self) -> str:
        return "proof.plain.test"

    @pytest.fixture
    def bogus(self) -> str:
        return "proof.tampered.test"


@pytest.mark.parametrize(("zone", "security", "fault"), PROOF)
def test_each_set_up_has_its_verdict(
    net: SignedInternet, zone: str, security: Security, fault: str
) -> None:
    found = net.validator().validate(f"proof.{zone}", "TXT")
    assert (found.security, found.fault) == (security, fault), found
    assert found.values == ((TOKEN,) if security is SECURE else ())
    assert (zone in found.detail) == (security is not SECURE), found.detail
    seen = net.resolver().authoritative(f"proof.{zone}", "TXT").answers
    assert [one.kind for one in seen] == [AnswerKind.DATA], "without validation all look alike"


@pytest.mark.parametrize(("zone", "security", "fault"), ABSENT)
@pytest.mark.parametrize("label", ["nothing", "empty", "deep.below.nothing"])
def test_what_is_absent_is_proved_to_be(
    net: SignedInternet, zone: str, security: Security, fault: str, label: str
) -> None:
    found = net.validator().validate(f"{label}.{zone}", "TXT")
    assert (found.security, found.fault, found.values) == (security, fault, ())


@pytest.mark.parametrize("zone", ["good.test", "nsec3.test", "signed.example"])
@pytest.mark.parametrize("label", ["x.wild", "x.y.wild", "alias"])
def test_wildcards_and_aliases_are_validated(net: SignedInternet, zone: str, label: str) -> None:
    found = net.validator().validate(f"{label}.{zone}", "TXT")
    assert (found.security, found.values) == (SECURE, (TOKEN,))


def test_a_wildcard_that_is_not_proved_to_apply_is_bogus(net: SignedInternet) -> None:
    assert net.validator().validate("x.wild.noproof.test", "TXT").fault == "denial_missing"


def test_the_clock_decides(net: SignedInternet) -> None:
    assert net.validator(days=2).validate("proof.good.test", "TXT").fault == "expired"
    late = net.validator(days=-3).validate("proof.good.test", "TXT")
    assert late.fault == "not_yet_valid"


def test_another_root_is_not_trusted(net: SignedInternet) -> None:
    found = net.validator(anchors=trust_anchors.read()).validate("proof.good.test", "TXT")
    assert (found.security, found.fault) == (BOGUS, "ds_mismatch")
    assert "20326, 38696" in found.detail


def test_keys_are_kept_and_asked_for_once(net: SignedInternet) -> None:
    validator = net.validator()
    validator.validate("proof.good.test", "TXT")
    before = len(net.recursor.queries)
    asked: list[str] = []
    signed = validator._servers.signed

    def counted(candidate: Any, name: Any, rdtype: str, zone: Any, budget: Any) -> Any:
        asked.append(rdtype)
        return signed(candidate, name, rdtype, zone, budget)

    validator._servers.signed = counted  # type: ignore[method-assign]  # to count
    assert validator.validate("alias.good.test", "TXT").security is SECURE
    assert asked == ["TXT"] * len(asked)
    assert len(net.recursor.queries) - before <= 8
    assert len(validator._kept) == 3


def test_keys_that_changed_are_asked_for_again(net: SignedInternet) -> None:
    validator = net.validator()
    validator.validate("proof.good.test", "TXT")
    validator.validate("proof.signed.example", "TXT")
    kept = {one.to_text(): found for one, found in validator._kept.items()}
    for name in list(validator._kept):
        if name.to_text() == "good.test.":
            validator._kept[name] = kept["signed.example."]
    assert validator.validate("proof.good.test", "TXT").security is SECURE
    assert validator.validate("proof.good.test", "TXT").security is SECURE


def test_silence_is_not_a_verdict(net: SignedInternet) -> None:
    validator = net.validator()
    validator._servers._port = 1
    assert validator.validate("proof.good.test", "TXT").security is Security.UNKNOWN
    assert DnsTxt(net.resolver()).scope


def test_the_shipped_anchors_are_those_of_the_root() -> None:
    found = trust_anchors.read()
    assert sorted(one.key_tag for one in found) == [20326, 38696]
    assert {one.digest_type for one in found} == {2}


@pytest.mark.parametrize("text", ["", "nonsense", "test. IN DS 1 13 2 00", ". IN A 192.0.2.1"])
def test_a_file_without_anchors_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anchors"
    path.write_text(text)
    with pytest.raises(Invalid):
        trust_anchors.read(path)
    with pytest.raises(Invalid):
        trust_anchors.read(tmp_path / "none")


def test_anchors_of_a_private_root_are_read(tmp_path: Path, net: SignedInternet) -> None:
    path = tmp_path / "anchors"
    path.write_text(f"; ours\n{net.anchors.to_text()}\n")
    found = trust_anchors.read(path)
    assert isinstance(found, dns.rrset.RRset)
    assert net.validator(anchors=found).validate("proof.good.test", "TXT").security is SECURE
