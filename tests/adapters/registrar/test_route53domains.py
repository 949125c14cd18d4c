"""Route 53 Domains: the conformance classes over a fake held against botocore's model, and its traps."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.route53domains import NOW, FakeRoute53Domains
from tests.servers.moto import Moto

from nameplate.adapters.registrar.route53domains import Route53Domains, _people
from nameplate.adapters.vendors import aws
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.registrar import (
    Act,
    Availability,
    OperationState,
    Quote,
    Reactivator,
    RegistrationOrder,
    RegistrationState,
)
from nameplate.testing.registrar import CONTACT, OperationReaderConformance, RenewerConformance
from nameplate.testing.registrar_abilities import (
    AutoRenewerConformance,
    ContactKeeperConformance,
    LockerConformance,
    PrivacyGuardConformance,
    SuggesterConformance,
    TransferCodesConformance,
    TransferrerConformance,
)

OWN = "own.com"


@pytest.fixture
def fake() -> FakeRoute53Domains:
    made = FakeRoute53Domains()
    made.own(OWN)
    return made


@pytest.fixture
def registrar(fake: FakeRoute53Domains) -> Route53Domains:
    return Route53Domains(fake.client, lambda: fake.now)


class TestRoute53Domains(
    RenewerConformance,
    OperationReaderConformance,
    LockerConformance,
    PrivacyGuardConformance,
    AutoRenewerConformance,
    ContactKeeperConformance,
    SuggesterConformance,
    TransferCodesConformance,
    TransferrerConformance,
):
    numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def served(self, fake: FakeRoute53Domains) -> None:
        self.fake = fake

    def make_registrar(self) -> Route53Domains:
        return Route53Domains(self.fake.client, lambda: self.fake.now)

    def free(self) -> str:
        return f"free{next(self.numbers)}.com"

    def taken(self) -> str:
        return "taken.com"

    def owned(self) -> str:
        return OWN

    def settle(self) -> None:
        self.fake.settle()

    def transfer_code(self, name: str) -> Secret:
        del name
        return Secret("right-code")


def order(registrar: Route53Domains, name: str, act: Act = Act.REGISTER) -> RegistrationOrder:
    return RegistrationOrder(name, 1, CONTACT, registrar.quote(act, name, 1))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("AVAILABLE", Availability.AVAILABLE), ("AVAILABLE_RESERVED", Availability.RESERVED),
        ("AVAILABLE_PREORDER", Availability.PREORDER), ("UNAVAILABLE", Availability.TAKEN),
        ("UNAVAILABLE_PREMIUM", Availability.RESTRICTED), ("UNAVAILABLE_RESTRICTED", Availability.RESTRICTED),
        ("RESERVED", Availability.RESERVED), ("DONT_KNOW", Availability.UNKNOWN),
        ("INVALID_NAME_FOR_TLD", Availability.RESTRICTED), ("PENDING", Availability.UNKNOWN),
    ],
)  # fmt: skip
def test_every_answer_about_availability(
    fake: FakeRoute53Domains, registrar: Route53Domains, told: str, expected: Availability
) -> None:
    fake.others["x.com"] = told
    assert registrar.offers(["x.com"])[0].availability is expected


def test_the_model_has_no_other_answers(fake: FakeRoute53Domains) -> None:
    from nameplate.adapters.registrar import route53_answers

    model = fake.client.meta.service_model
    assert set(model.shape_for("DomainAvailability").enum) == set(route53_answers.AVAILABILITY)
    assert set(model.shape_for("OperationStatus").enum) == set(route53_answers._STATES)
    assert set(model.shape_for("StatusFlag").enum) == set(route53_answers._WAITS)
    raised = {
        one.name
        for name in model.operation_names
        for one in model.operation_model(name).error_shapes
    }
    for code in raised:
        found = route53_answers.explain(code, 400, "Their words")
        assert "Their words" in found.detail, code
        assert found.code != "provider_refused" or code in {
            "InvalidInput", "TLDRulesViolation", "DomainLimitExceeded", "DnssecLimitExceeded",
        }  # fmt: skip


def test_what_only_the_support_restores_has_no_price(registrar: Route53Domains) -> None:
    with pytest.raises(Refused, match="AWS Support") as refused:
        registrar.quote(Act.REACTIVATE, OWN, 1)
    assert refused.value.code == "act_unsupported"
    assert not isinstance(registrar, Reactivator)


def test_what_is_not_sold(registrar: Route53Domains) -> None:
    assert registrar.offers(["a.example"])[0].availability is Availability.RESTRICTED
    with pytest.raises(Refused) as refused:
        registrar.quote(Act.REGISTER, "a.example", 1)
    assert refused.value.code == "act_unsupported"


def test_prices_are_exact_and_kept_less_than_a_day(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    for _ in range(3):
        assert registrar.quote(Act.RENEW, OWN, 3).price == Money(4500, "USD")
    fake.now += timedelta(hours=24)
    registrar.quote(Act.TRANSFER, OWN, 1)
    assert [name for name, _ in fake.calls].count("ListPrices") == 2
    premium = registrar.quote(Act.REGISTER, "premium.com", 2)
    assert (premium.price, premium.is_premium) == (Money(500_000, "USD"), True)


def test_a_premium_name_that_became_dearer_is_not_ordered(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    agreed = order(registrar, "premium.com")
    fake.premium["premium.com"] += 1
    with pytest.raises(Refused) as refused:
        registrar.register(agreed)
    assert (refused.value.code, fake.operations) == ("price_changed", {})


def test_a_list_of_many_pages(fake: FakeRoute53Domains, registrar: Route53Domains) -> None:
    fake.page = 7
    for number in range(30):
        fake.own(f"n{number:02}.com", ExpirationDate=NOW - timedelta(days=1))
    found = {one.name: one.state for one in registrar.registrations()}
    assert len(found) == 31
    assert (found["n07.com"], found[OWN]) == (RegistrationState.EXPIRED, RegistrationState.ACTIVE)


def test_states_of_one_name(fake: FakeRoute53Domains, registrar: Route53Domains) -> None:
    for status, state in (
        ("redemptionPeriod https://icann.org/epp#redemptionPeriod", RegistrationState.REDEMPTION),
        ("pendingTransfer", RegistrationState.TRANSFERRING_OUT),
        ("ok", RegistrationState.ACTIVE),
    ):
        fake.names[OWN]["StatusList"] = [status]
        found = registrar.registration(OWN)
        assert found is not None
        assert (found.state, found.is_locked) == (state, False)


def test_a_failure_about_a_name_of_ours_is_not_its_absence(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    fake.error = ("AccessDeniedException", "no")
    with pytest.raises(Refused) as refused:
        registrar.registration(OWN)
    assert refused.value.code == "credential_refused"
    fake.error = ("ThrottlingException", "Rate exceeded")
    with pytest.raises(RateLimited):
        registrar.registration(OWN)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_order_whose_answer_is_lost_is_sent_once_and_found(
    fake: FakeRoute53Domains, registrar: Route53Domains, when: str
) -> None:
    wanted = order(registrar, "new.com")
    fake.lose = when
    with pytest.raises(Unavailable) as lost:
        registrar.register(wanted)
    assert lost.value.code == "answer_lost"
    assert [name for name, _ in fake.calls].count("RegisterDomain") == 1
    found = registrar.operations("new.com", NOW - timedelta(minutes=5))
    assert [one.act for one in found] == [Act.REGISTER] * (when == "after")
    if when == "after":
        with pytest.raises(Refused) as refused:
            registrar.register(wanted)
        assert refused.value.code == "name_taken"
        assert len(fake.operations) == 1


def test_two_renewals_at_a_time_are_one(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    quote, ends = registrar.quote(Act.RENEW, OWN, 1), fake.names[OWN]["ExpirationDate"]
    registrar.renew(OWN, 1, ends, quote)
    with pytest.raises(Refused) as refused:
        registrar.renew(OWN, 1, ends, quote)
    assert (refused.value.code, len(fake.operations)) == ("operation_in_progress", 1)


def test_operations_say_what_they_wait_for(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    begun = registrar.transfer(order(registrar, "taken.com", Act.TRANSFER), Secret("right-code"))
    row = fake.operations[begun.id]
    row |= {"StatusFlag": "PENDING_AUTHORIZATION", "Message": "We sent\nan e-mail" + "x" * 999}
    found = registrar.operation(begun.id)
    assert (found.state, found.act) == (OperationState.IN_PROGRESS, Act.TRANSFER)
    assert found.detail.startswith(
        "It waits for the present owner to confirm it by e-mail. We sent an"
    )
    assert len(found.detail) < 400
    row["Status"] = "FAILED"
    assert registrar.operation(begun.id).state is OperationState.FAILED


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("UNTRANSFERABLE:The domain has a transfer lock", "name_locked"),
        ("UNTRANSFERABLE:It was registered within the last 60 days", "transfer_too_early"),
        ("UNTRANSFERABLE:Something new", "provider_refused"),
        ("DOMAIN_IN_OWN_ACCOUNT", "name_taken"),
    ],
)
def test_transfers_that_cannot_be(
    fake: FakeRoute53Domains, registrar: Route53Domains, told: str, code: str
) -> None:
    fake.others["x.com"] = told
    with pytest.raises(Refused) as refused:
        registrar.transfer(
            order(registrar, "taken.com", Act.TRANSFER).__class__(
                "x.com", 1, CONTACT, registrar.quote(Act.TRANSFER, "x.com", 1)
            ),
            Secret("right-code"),
        )
    assert (refused.value.code, fake.operations) == (code, {})


def test_settings_of_a_name(fake: FakeRoute53Domains, registrar: Route53Domains) -> None:
    row = fake.names[OWN]
    registrar.set_auto_renew(OWN, on=True)
    assert row["AutoRenew"] is True
    registrar.set_privacy(OWN, hidden=False)
    fake.settle()
    assert row["RegistrantPrivacy"] is False
    registrar.set_contact(OWN, CONTACT)
    fake.settle()
    assert row["RegistrantContact"]["PhoneNumber"] == CONTACT.phone
    assert registrar.shows_contact(OWN, CONTACT, exactly=True)
    row["RegistrantContact"] = {**row["RegistrantContact"], "City": CONTACT.city.upper()}
    assert registrar.shows_contact(OWN, CONTACT, exactly=False)
    assert not registrar.shows_contact(OWN, CONTACT, exactly=True)
    assert registrar.transfer_code(OWN).reveal() == "code-of-ours"
    assert registrar.suggest("shop", 3) == ["shop0.com", "shop1.com", "shop2.com"]


def test_ds_records_become_what_is_wanted_step_by_step(
    fake: FakeRoute53Domains, registrar: Route53Domains
) -> None:
    old, new = (Ds(7, 13, 2, "AB", key) for key in ("b2xk", "bmV3"))
    for wanted in ([old], [new], [old, new], []):
        for _ in range(4):
            registrar.set_ds(OWN, wanted)
            fake.settle()
        assert registrar.ds(OWN) == sorted(wanted)
    with pytest.raises(Refused) as refused:
        registrar.set_ds(OWN, [Ds(7, 13, 2, "AB")])
    assert refused.value.code == "ds_key_missing"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (("OperationLimitExceeded", "too many"), RateLimited, "rate_limited"),
        (("InternalFailure", "oops"), Unavailable, "provider_failed"),
        (("TLDRulesViolation", "no"), Refused, "provider_refused"),
    ],
)
def test_exceptions(
    fake: FakeRoute53Domains, registrar: Route53Domains, error: tuple[str, str],
    kind: type[NameplateError], code: str,
) -> None:  # fmt: skip
    fake.error = error
    with pytest.raises(kind) as failed:
        registrar.delegate(OWN, ["ns1.example.net"])
    assert failed.value.code == code


def test_on_the_wire_of_others(tmp_path: Path) -> None:
    """Moto has seven of the operations; it knows neither availability nor prices."""
    with Moto(tmp_path) as moto:
        key = Secret("AKIDEXAMPLE")
        client = aws.client(key, key, service="route53domains", endpoint=moto.url)
        registrar = Route53Domains(client, lambda: NOW)
        quote = Quote(Act.REGISTER, "wire.com", 1, Money(1400, "USD"))
        told = _people(RegistrationOrder("wire.com", 2, CONTACT, quote))
        began = registrar._begin(
            Act.REGISTER, "register_domain", "wire.com", DurationInYears=2, **told
        )
        assert registrar.operation(began.id).act is Act.REGISTER
        assert began.id in [
            one.id for one in registrar.operations("wire.com", NOW - timedelta(days=9999))
        ]
        assert [one.name for one in registrar.registrations()] == ["wire.com"]
        registrar.delegate("wire.com", ["ns1.example.net", "ns2.example.net"])
        found = registrar.registration("wire.com")
        assert found is not None
        assert found.name_servers == ("ns1.example.net", "ns2.example.net")
        assert found.expires_at is not None
        assert registrar.registration("other.com") is None
