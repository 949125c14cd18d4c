"""The table of transitions: complete, without dead ends that nobody meant."""

import pytest

from nameplate.core import lifecycle
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import (
    TRANSITIONS,
    BindingStatus,
    CertificateStatus,
    DomainStatus,
    PlanStatus,
    PurchaseStatus,
    RecordStatus,
    RegistrationStatus,
    VerificationStatus,
)

FINAL = {
    VerificationStatus: {"expired"},
    PlanStatus: {"undone"},
    RegistrationStatus: {"cancelled"},
    PurchaseStatus: {"settled", "failed", "cancelled"},
}
"""States that nothing follows: a new row is made instead."""


BEGUN = {RegistrationStatus: {RegistrationStatus.PENDING, RegistrationStatus.TRANSFERRING_IN}}
"""States in which rows are made, where that is not the first alone."""


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_every_state_has_its_line(kind) -> None:
    table = TRANSITIONS[kind]
    assert set(table) == set(kind)
    assert all(type(state) is kind for after in table.values() for state in after)
    assert {state.value for state in kind if not table[state]} == FINAL.get(kind, set())


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_every_state_can_be_reached_from_the_first(kind) -> None:
    first = BEGUN.get(kind, {next(iter(kind))})
    reached, new = set(first), set(first)
    while new:
        new = {after for state in new for after in TRANSITIONS[kind][state]} - reached
        reached |= new
    assert reached == set(kind)


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_staying_is_always_allowed(kind) -> None:
    assert all(lifecycle.move(state, state) is state for state in kind)


def test_what_may_follow_is_returned_and_the_rest_refused() -> None:
    target = lifecycle.move(DomainStatus.PENDING_VERIFICATION, DomainStatus.VERIFIED)
    assert target is DomainStatus.VERIFIED
    with pytest.raises(Conflict) as caught:
        lifecycle.move(DomainStatus.EXPIRED, DomainStatus.ACTIVE)
    assert caught.value.code == "illegal_transition"
    assert "from expired to active" in caught.value.detail


@pytest.mark.parametrize("kind", [RecordStatus, CertificateStatus, BindingStatus])
def test_states_before_are_those_that_lead_there(kind) -> None:
    for target in kind:
        found = lifecycle.before(target)
        assert target in found
        for state in kind:
            leads = target in TRANSITIONS[kind][state] or state is target
            assert (state in found) == leads


def test_nothing_becomes_active_again_without_a_proof() -> None:
    assert DomainStatus.EXPIRED not in lifecycle.before(DomainStatus.ACTIVE)
    assert DomainStatus.PENDING_VERIFICATION not in lifecycle.before(DomainStatus.ACTIVE)
