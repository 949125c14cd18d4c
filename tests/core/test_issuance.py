from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.issuance import (
    MAX_POLL,
    Download,
    Fail,
    Finalize,
    Present,
    Respond,
    Wait,
    choose_challenges,
    failure,
    next_step,
    patient,
)
from nameplate.core.orders import Challenge, Order, OrderStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def challenge(
    name: str, kind: str = "dns-01", number: int = 1, status: str = "pending"
) -> Challenge:
    url = f"https://ca.example/{number}/{kind}"
    return Challenge(url, kind, name, f"token{number}", f"token{number}.thumb", status)


APEX = [challenge("a.example", kind, 1) for kind in ("http-01", "dns-01", "tls-alpn-01")]
WILD = [challenge("a.example", "dns-01", 2)]
PENDING = Order(
    "https://ca.example/order",
    OrderStatus.PENDING,
    ("a.example", "*.a.example"),
    (*APEX, *WILD),
    expires_at=NOW + timedelta(days=1),
)


def step(order: Order, **known: object) -> object:
    return next_step(order, **{"kind": "dns-01", "now": NOW, **known})  # type: ignore[arg-type]  # a table of keyword arguments


def test_wildcard_and_apex_are_two_values_at_one_name() -> None:
    present = step(PENDING)
    assert present == Present((APEX[1], WILD[0]))
    assert {c.record_name for c in present.challenges} == {"_acme-challenge.a.example"}
    assert len({c.record_value for c in present.challenges}) == 2


def test_record_value_is_that_of_the_rfc() -> None:
    """The vector of certbot's tests: SHA-256 of the key authorization, base64url without padding."""
    one = replace(WILD[0], key_authorization="")
    assert one.record_value == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_nothing_is_answered_before_all_is_published() -> None:
    assert step(PENDING, presented={WILD[0].url}) == Present((APEX[1],))
    both = {WILD[0].url, APEX[1].url}
    assert step(PENDING, presented=both) == Respond((APEX[1], WILD[0]))
    assert step(PENDING, presented=both, responded={WILD[0].url}) == Respond((APEX[1],))
    assert step(PENDING, presented=both, responded=both) == Wait(NOW + timedelta(seconds=2))


def test_what_is_being_validated_is_left_alone() -> None:
    busy = replace(PENDING, challenges=(replace(WILD[0], status="processing"),))
    assert isinstance(step(busy), Wait)


def test_reused_proofs_go_straight_to_finalize() -> None:
    ready = replace(PENDING, status=OrderStatus.READY, challenges=())
    assert step(ready) == Finalize()
    assert isinstance(step(replace(PENDING, challenges=())), Wait)


def test_only_the_status_decides_after_a_lost_finalize() -> None:
    assert isinstance(step(replace(PENDING, status=OrderStatus.PROCESSING)), Wait)
    assert step(replace(PENDING, status=OrderStatus.VALID)) == Download()
    assert step(replace(PENDING, status=OrderStatus.READY)) == Finalize()


def test_failures_tell_what_the_authority_said() -> None:
    invalid = replace(PENDING, status=OrderStatus.INVALID, error="a.example: no TXT found")
    assert step(invalid) == Fail("order_invalid", "a.example: no TXT found", retry=True)
    bad = replace(challenge("a.example", status="invalid"), error="no TXT found")
    assert step(replace(PENDING, challenges=(bad,))) == Fail(
        "challenge_invalid", "no TXT found", retry=True, names=("a.example",)
    )


def test_a_connection_that_was_cut_off_is_no_other_failure() -> None:
    cut_off = replace(challenge("a.example", status="invalid"), is_cut_off=True)
    wrong = challenge("b.example", status="invalid")
    for found, expected in (((cut_off,), True), ((cut_off, wrong), False), ((wrong,), False)):
        order = replace(PENDING, status=OrderStatus.INVALID, challenges=found)
        failed = step(order)
        assert isinstance(failed, Fail)
        assert failed.is_cut_off is expected


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.READY, OrderStatus.PROCESSING])
def test_expired(status: OrderStatus) -> None:
    old = replace(PENDING, status=status, expires_at=NOW)
    failed = step(old)
    assert isinstance(failed, Fail)
    assert failed.code == "order_expired"


def test_issued_certificate_is_fetched_from_an_expired_order() -> None:
    assert step(replace(PENDING, status=OrderStatus.VALID, expires_at=NOW)) == Download()


@pytest.mark.parametrize(
    ("order", "kind", "code"),
    [
        (PENDING, "http-01", "wildcard_needs_dns"),
        (replace(PENDING, names=("a.example",)), "unknown-01", "challenge_not_offered"),
        (
            replace(PENDING, names=("a.example",), challenges=tuple(WILD)),
            "http-01",
            "challenge_not_offered",
        ),
    ],
)
def test_names_that_cannot_be_proved_so(order: Order, kind: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        choose_challenges(order, kind)
    assert caught.value.code == code
    failed = step(order, kind=kind)
    assert isinstance(failed, Fail)
    assert (failed.code, failed.retry) == (code, False)


@given(st.none() | st.timedeltas())
def test_waits_are_bounded(asked: timedelta | None) -> None:
    waiting = step(replace(PENDING, status=OrderStatus.PROCESSING, retry_after=asked))
    assert isinstance(waiting, Wait)
    assert NOW <= waiting.until <= NOW + MAX_POLL


@pytest.mark.parametrize(
    ("taken", "pause"), [(0, 2), (10, 2), (60, 6), (150, 15), (86_400, 15), (-60, 2)]
)
def test_looks_become_rarer_while_the_authority_takes_its_time(taken: int, pause: int) -> None:
    since, asked = NOW - timedelta(seconds=taken), NOW + timedelta(seconds=2)
    assert patient(asked, since, NOW) == NOW + timedelta(seconds=pause)
    assert patient(NOW + MAX_POLL, since, NOW) == NOW + MAX_POLL, "it asked for that"


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (Refused("acme_rejected_identifier", "policy"), False),
        (Refused("ca_account_missing", "add one"), False),
        (Refused("acme_caa", "CAA forbids it"), True),
        (Refused("acme_user_action_required", "agree to the terms"), True),
        (Invalid("names_differ", "another certificate"), True),
    ],
)
def test_a_refusal_is_hopeless_until_it_is_answered_in_nameplate(
    error: NameplateError, *, retry: bool
) -> None:
    assert failure(error) == Fail(error.code, error.detail, retry=retry)
