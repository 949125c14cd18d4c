"""What the two drafts publish, and why a record that stays does not prove a name."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nameplate.core import draft_challenges
from nameplate.core.caa_policy import Applicant, CaaVerdict, verdict
from nameplate.core.draft_challenges import PersistentProof
from nameplate.core.issuance import Present, next_step
from nameplate.core.orders import Challenge, Order, OrderStatus

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "https://example.com/acme/acct/ExampleAccount"
PROOF = PersistentProof("example.com", ("ca.example", "authority.example"), ACCOUNT, wildcard=False)
CHALLENGE = Challenge("c:1", "dns-01", "example.org", "token", "token.thumb", "pending")


def test_the_account_has_a_label_of_its_own() -> None:
    """The example of the draft."""
    assert draft_challenges.account_label(ACCOUNT) == "_ujmmovf2vn55tgye"
    one = replace(CHALLENGE, type="dns-account-01", account_url=ACCOUNT)
    assert one.record_name == "_ujmmovf2vn55tgye._acme-challenge.example.org"
    assert one.record_value == CHALLENGE.record_value


def test_the_record_that_stays_is_the_same_however_the_authority_orders_its_names() -> None:
    assert PROOF.text == f"authority.example; accounturi={ACCOUNT}"
    other = replace(PROOF, issuers=PROOF.issuers[::-1], wildcard=True)
    assert other.text == f"{PROOF.text}; policy=wildcard"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PROOF.text, None),
        (f"CA.example;accounturi={ACCOUNT} ; policy=other; unknown=1;", None),
        (f"ca.example; accounturi={ACCOUNT}; persistUntil=1893456000", None),
        (f"other.example; accounturi={ACCOUNT}", "persist_record_missing"),
        ("v=spf1 -all", "persist_record_missing"),
        ("ca.example; accounturi=https://example.com/acme/acct/2", "persist_record_elsewhere"),
        (f"ca.example; accounturi={ACCOUNT.upper()}", "persist_record_elsewhere"),
        ("ca.example", "persist_record_elsewhere"),
        (f"ca.example; accounturi={ACCOUNT}; persistUntil=1577836800", "persist_record_unfit"),
        (f"ca.example; accounturi={ACCOUNT}; persistUntil=1e12", "persist_record_unfit"),
        (f"ca.example; accounturi={ACCOUNT}; persistUntil={'9' * 5000}", None),
        (f"ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}", "persist_record_unfit"),
        (f"ca.example; {ACCOUNT}", "persist_record_unfit"),
    ],
)
def test_a_record_that_does_not_prove_a_name_is_explained(text: str, code: str | None) -> None:
    found = draft_challenges.explain(PROOF, [text], NOW)
    assert (found and found.code) == code
    assert found is None or PROOF.text in found.message


def test_one_record_that_does_is_enough_and_the_nearest_is_explained() -> None:
    foreign = "ca.example; accounturi=https://example.com/acme/acct/2"
    assert draft_challenges.explain(PROOF, [foreign, PROOF.text], NOW) is None
    wild = replace(PROOF, wildcard=True)
    found = draft_challenges.explain(wild, [foreign, PROOF.text], NOW)
    assert found is not None
    assert found.code == "persist_record_unfit"
    assert "policy=wildcard" in found.message


@pytest.mark.parametrize(
    "given",
    [None, [], "ca.example", ["ca.example"] * 11, ["Ca.example"], ["ca.example."], ["a; b"], [7],
     [".".join(["a" * 60] * 5)]],
)  # fmt: skip
def test_malformed_issuer_names_are_rejected(given: object) -> None:
    assert draft_challenges.issuers(given) == ()


def test_only_an_account_of_the_server_that_was_asked_is_named() -> None:
    """Otherwise a hostile server would have an account elsewhere prove our names."""
    directory = "https://ca.example/directory"
    can = draft_challenges.can_be_named
    assert can("https://ca.example/acct/1", directory)
    assert not can("https://other.example/acct/1", directory)
    assert not can("https://ca.example/acct/1; policy=wildcard", directory)


def test_dns_01_takes_the_place_of_a_draft_that_is_not_offered() -> None:
    order = Order("o:1", OrderStatus.PENDING, ("example.org",), (CHALLENGE,))
    for kind in draft_challenges.DRAFTS:
        step = next_step(order, kind=kind, now=NOW)
        assert step == Present((CHALLENGE,))
        strict = next_step(order, kind=kind, is_strict=True, now=NOW)
        assert getattr(strict, "code", None) == "challenge_not_offered"


@pytest.mark.parametrize("kind", draft_challenges.DRAFTS)
def test_caa_can_demand_a_draft_and_forbid_it(kind: str) -> None:
    applicant = Applicant(("ca.example",), kind, lambda: "")
    for methods, said in ((kind, CaaVerdict.PERMITTED), ("dns-01", CaaVerdict.METHOD)):
        value = f'0 issue "ca.example; validationmethods=http-01,{methods}"'
        assert verdict([value], applicant, wildcard=False) is said
