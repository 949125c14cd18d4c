"""Legal transitions happen, illegal ones raise and change nothing."""

from itertools import product

import pytest
from tests.models.world import NOW

from nameplate.core import lifecycle
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import TRANSITIONS, CertificateStatus, DomainStatus, move
from nameplate.core.money import Money
from nameplate.models import (
    Binding,
    Certificate,
    ChangePlan,
    Domain,
    HoldingScope,
    Purchase,
    Record,
    RegisteredName,
    Verification,
)
from nameplate.models.orm import Model

STATUSES = (
    lifecycle.DomainStatus,
    lifecycle.RecordStatus,
    lifecycle.CertificateStatus,
    lifecycle.VerificationStatus,
    lifecycle.BindingStatus,
    lifecycle.PlanStatus,
    lifecycle.RegistrationStatus,
    lifecycle.PurchaseStatus,
)
ACTS = [
    (Domain, "verify", (NOW, NOW)),
    (Domain, "activate", ()),
    (Domain, "deactivate", ()),
    (Domain, "lapse", ("why",)),
    (Domain, "suspend", ("why", NOW)),
    (Domain, "resume", ()),
    (Domain, "expire", ("why",)),
    (Domain, "reopen", ()),
    (Domain, "fail", ("why",)),
    (Record, "want", ()),
    (Record, "sync", ()),
    (Record, "confirm", (NOW,)),
    (Record, "fail", ("why",)),
    (Record, "disable", ()),
    (Certificate, "begin", ("sealed",)),
    (Certificate, "activate", (NOW,)),
    (Certificate, "fail", ("code", "why", NOW)),
    (Certificate, "expire", ()),
    (Certificate, "revoke", (NOW,)),
    (Certificate, "let_go", ()),
    (Certificate, "hand_over", ()),
    (Verification, "start", ()),
    (Verification, "succeed", (HoldingScope.SUBTREE, NOW)),
    (Verification, "fail", ("why",)),
    (Verification, "expire", ("why",)),
    (Binding, "configure", ()),
    (Binding, "activate", (NOW,)),
    (Binding, "await_", ("why",)),
    (Binding, "fail", ("why",)),
    (Binding, "disable", ("why",)),
    (Binding, "enable", ()),
    (ChangePlan, "begin", (NOW, "who")),
    (ChangePlan, "conclude", ([], {})),
    (ChangePlan, "conclude", ([], {"a A": "why"})),
    (ChangePlan, "take_back", ()),
    (RegisteredName, "become", (lifecycle.RegistrationStatus.ACTIVE,)),
    (Purchase, "confirm", (Money(1250, "USD"), "who", NOW)),
    (Purchase, "hold", ("why",)),
    (Purchase, "approve", ("who", NOW)),
    (Purchase, "intend", (NOW,)),
    (Purchase, "send", (NOW,)),
    (Purchase, "unsend", ()),
    (Purchase, "repeat", ()),
    (Purchase, "doubt", ("code", "why")),
    (Purchase, "settle", (NOW,)),
    (Purchase, "fail", ("code", "why", NOW)),
    (Purchase, "cancel", ("why", NOW)),
]
KEYWORDS = {
    (Domain, "suspend"): {"by_platform": True},
    (Domain, "resume"): {"by_platform": True},
    (Purchase, "confirm"): {"accepts_premium": False},
}


def state(row):
    return {key: value for key, value in vars(row).items() if not key.startswith("_sa_")}


def fresh(kind, status):
    numbers = {
        Certificate: {"generation": 0, "renewal_attempts": 0},
        Verification: {"verification_attempts": 0},
        Purchase: {"sends": 1, "looks": 0},
    }
    return kind(status=status, **numbers.get(kind, {}))


def test_the_table_covers_every_status():
    assert set(TRANSITIONS) == set(STATUSES)
    for kind, table in TRANSITIONS.items():
        assert set(table) == set(kind)
        for current, targets in table.items():
            assert {type(target) for target in targets} <= {kind}
            assert current not in targets


@pytest.mark.parametrize("kind", STATUSES)
def test_move_admits_exactly_what_the_table_says(kind):
    for current, target in product(kind, kind):
        if target == current or target in TRANSITIONS[kind][current]:
            assert move(current, target) is target
        else:
            with pytest.raises(Conflict) as caught:
                move(current, target)
            assert caught.value.code == "illegal_transition"


@pytest.mark.parametrize(
    ("kind", "act", "arguments"), ACTS, ids=[f"{kind.__name__}.{act}" for kind, act, _ in ACTS]
)
def test_acts_move_legally_or_change_nothing(kind, act, arguments):
    for status in kind.__table__.c.status.type.enum_class:
        row = fresh(kind, status)
        before = state(row)
        try:
            getattr(row, act)(*arguments, **KEYWORDS.get((kind, act), {}))
        except Conflict:
            assert state(row) == before, (status, act)
        else:
            assert row.status == status or row.status in TRANSITIONS[type(status)][status]


def test_every_act_that_moves_is_tested():
    tested = {(kind, act) for kind, act, _ in ACTS}
    for mapper in Model.registry.mappers:
        for name, member in vars(mapper.class_).items():
            code = getattr(member, "__code__", None)
            if code is not None and "move" in code.co_names:
                assert (mapper.class_, name) in tested


def test_a_failed_renewal_takes_no_working_certificate_away():
    row = fresh(Certificate, CertificateStatus.ACTIVE)
    row.certificate = "PEM"
    row.begin("sealed")
    assert row.status is CertificateStatus.RENEWING
    row.fail("unreachable", "no answer", NOW)
    assert (row.status, row.certificate) == (CertificateStatus.ACTIVE, "PEM")


def test_a_domain_can_come_back_to_a_claim_from_every_status():
    back = {DomainStatus.PENDING_VERIFICATION, DomainStatus.SUSPENDED}
    for status in set(DomainStatus) - back:
        assert DomainStatus.PENDING_VERIFICATION in TRANSITIONS[DomainStatus][status]
