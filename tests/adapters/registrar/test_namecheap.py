"""Namecheap as a registrar: the conformance classes over a stateful fake, and its own traps."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from tests.fakes.namecheap_names import FakeNamecheapNames

from nameplate.adapters.dns import namecheap as dns
from nameplate.adapters.http.client import Api
from nameplate.adapters.registrar import namecheap
from nameplate.adapters.registrar import namecheap_answers as answers
from nameplate.adapters.registrar.namecheap import NamecheapRegistrar
from nameplate.adapters.vendors.namecheap import SHARED_LIMITS, NamecheapApi, RequestPace
from nameplate.core.budget import Limit
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.pacing import Paced
from nameplate.ports.registrar import (
    Act,
    Availability,
    OperationState,
    RegistrationOrder,
    RegistrationState,
)
from nameplate.testing.pacing import PacedConformance
from nameplate.testing.registrar import CONTACT, RenewerConformance
from nameplate.testing.registrar_abilities import (
    ContactKeeperConformance,
    LockerConformance,
    PayerConformance,
    PrivacyGuardConformance,
    ReactivatorConformance,
    TransferrerConformance,
)

OWN = "own.com"


@pytest.fixture
def fake() -> Iterator[FakeNamecheapNames]:
    with FakeNamecheapNames(OWN) as server:
        yield server
        assert server.broken == []


def connected(fake: FakeNamecheapNames, clock: object = None) -> NamecheapRegistrar:
    api = NamecheapApi(Api(fake.url), "user", Secret(fake.credential), "192.0.2.1")
    return NamecheapRegistrar(api, clock or (lambda: datetime(2026, 12, 1, tzinfo=UTC)))  # type: ignore[arg-type]  # a clock


@pytest.fixture
def registrar(fake: FakeNamecheapNames) -> NamecheapRegistrar:
    return connected(fake)


class TestNamecheap(
    RenewerConformance,
    LockerConformance,
    PrivacyGuardConformance,
    ContactKeeperConformance,
    PayerConformance,
    ReactivatorConformance,
    TransferrerConformance,
):
    numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def served(self, fake: FakeNamecheapNames) -> None:
        self.fake = fake

    def make_registrar(self) -> NamecheapRegistrar:
        return connected(self.fake)

    def free(self) -> str:
        return f"free{next(self.numbers)}.com"

    def taken(self) -> str:
        return "taken.com"

    def owned(self) -> str:
        return OWN

    def redeemable(self) -> str:
        self.fake.own("past.com", expires=date(2026, 10, 1))
        return "past.com"

    def transfer_code(self, name: str) -> Secret:
        del name
        return Secret("right-code")

    def settle(self) -> None:
        self.fake.finish_transfers()


def order(registrar: NamecheapRegistrar, name: str, act: Act = Act.REGISTER) -> RegistrationOrder:
    return RegistrationOrder(name, 1, CONTACT, registrar.quote(act, name, 1))


def test_one_name_is_told_in_full(registrar: NamecheapRegistrar) -> None:
    found = registrar.registration(OWN)
    assert found is not None
    assert (found.registered_at, found.expires_at) == (
        datetime(2024, 6, 2, tzinfo=UTC), datetime(2027, 6, 19, tzinfo=UTC),
    ), "the month comes first"  # fmt: skip
    assert (found.is_locked, found.auto_renew, found.has_privacy) == (True, False, True)


def test_a_list_of_many_pages(fake: FakeNamecheapNames, registrar: NamecheapRegistrar) -> None:
    for number in range(230):
        fake.own(f"n{number}.com", expires=date(2026, 11, 1) if number == 7 else date(2028, 1, 31))
    found = {one.name: one for one in registrar.registrations()}
    assert len(found) == 231
    assert fake.commands().count("domains.getList") == 3
    assert found["n7.com"].state is RegistrationState.REDEMPTION
    fake.paging = "missing"
    with pytest.raises(Unavailable) as failed:
        registrar.registrations()
    assert failed.value.code == "listing_incomplete"


def test_what_is_not_sold_costs_no_question(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    found = registrar.offers(["a.io", "a.example", "premium.com", "a.com"])
    assert [one.availability for one in found] == [
        Availability.RESTRICTED, Availability.RESTRICTED, Availability.AVAILABLE, Availability.AVAILABLE,
    ]  # fmt: skip
    assert found[2].is_premium
    assert found[2].price == Money(12018, "USD")
    registrar.offers([f"{number}.com" for number in range(50)])
    assert fake.commands() == ["domains.getTldList", "domains.check", "domains.check"]


def test_prices_are_kept_less_than_a_day(fake: FakeNamecheapNames) -> None:
    now = SimpleNamespace(at=datetime(2026, 12, 1, tzinfo=UTC))
    registrar = connected(fake, lambda: now.at)
    for _ in range(3):
        quote = registrar.quote(Act.RENEW, OWN, 2)
    assert (quote.price, quote.is_premium) == (Money(2300, "USD"), False)
    assert fake.commands().count("users.getPricing") == 1
    now.at += timedelta(days=1)
    registrar.quote(Act.RENEW, OWN, 2)
    assert fake.commands().count("users.getPricing") == 2


@pytest.mark.parametrize(
    ("act", "name", "years", "code"),
    [
        (Act.REGISTER, "a.io", 1, "act_unsupported"), (Act.REGISTER, "a.example", 1, "act_unsupported"),
        (Act.REGISTER, "a.com", 0, "years_invalid"), (Act.REGISTER, "a.com", 11, "years_invalid"),
        (Act.TRANSFER, "a.com", 2, "years_invalid"), (Act.REACTIVATE, OWN, 2, "years_invalid"),
    ],
)  # fmt: skip
def test_quotes_that_cannot_be(
    registrar: NamecheapRegistrar, act: Act, name: str, years: int, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        registrar.quote(act, name, years)
    assert refused.value.code == code


def test_a_premium_name_is_bought_at_its_price_or_not_at_all(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    agreed = order(registrar, "premium.com")
    assert agreed.agreed.is_premium
    fake.premium["premium.com"] = ("121.00", "0")
    with pytest.raises(Refused) as refused:
        registrar.register(agreed)
    assert (refused.value.code, fake.charges) == ("price_changed", [])
    fake.premium["premium.com"] = ("120.00", "50.00")
    done = registrar.register(order(registrar, "premium.com"))
    assert done.charged == Money(17018, "USD")
    assert fake.balance == Decimal("329.82")


def test_an_order_tells_its_numbers_and_sends_no_contact_in_an_address(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    done = registrar.register(order(registrar, "new.com"))
    assert (done.state, done.charged, done.order_id, done.transaction_id) == (
        OperationState.DONE, Money(999, "USD"), "9000", "19000",
    )  # fmt: skip
    assert all(one.method == "POST" and not one.query for one in fake.asked)


def test_what_the_registry_takes_its_time_for_is_asked_again(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    begun = registrar.register(order(registrar, "slow.net"))
    assert begun.state is OperationState.IN_PROGRESS
    assert registrar.operation(begun.id).state is OperationState.IN_PROGRESS
    fake.own("slow.net")
    assert registrar.operation(begun.id).state is OperationState.DONE


def test_a_transfer_is_followed_to_its_end(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    wanted = order(registrar, "taken.com", Act.TRANSFER)
    with pytest.raises(Refused) as refused:
        registrar.transfer(wanted, Secret("wrong-code"))
    assert refused.value.code == "transfer_code_wrong"
    begun = registrar.transfer(wanted, Secret("right-code"))
    (number,) = fake.transfers
    for status, state in (
        ("Transfer in progress, awaiting EPP code", OperationState.IN_PROGRESS),
        ("Transfer completed", OperationState.DONE),
        ("Cancelled: rejected by the losing registrar", OperationState.FAILED),
    ):
        fake.transfers[number]["status"] = status
        found = registrar.operation(begun.id)
        assert (found.state, found.detail) == (state, status)
    (listed,) = registrar.operations("taken.com", datetime(2026, 12, 1, 9, tzinfo=UTC))
    assert (listed.id, listed.act) == (begun.id, Act.TRANSFER)
    assert not registrar.operations("taken.com", datetime(2026, 12, 2, tzinfo=UTC))
    with pytest.raises(Refused) as refused:
        registrar.operation("transfer:x")
    assert refused.value.code == "operation_missing"


def test_an_expired_name_is_reactivated_and_no_other(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    quote = registrar.quote(Act.REACTIVATE, OWN, 1)
    with pytest.raises(Refused) as refused:
        registrar.reactivate(OWN, quote)
    assert refused.value.code == "name_not_in_redemption"
    fake.own(OWN, expires=date(2026, 10, 1))
    lapsed = datetime(2026, 10, 1, tzinfo=UTC)
    with pytest.raises(Refused) as late:
        registrar.renew(OWN, 1, lapsed, registrar.quote(Act.RENEW, OWN, 1))
    assert late.value.code == "name_in_redemption"
    done = registrar.reactivate(OWN, quote)
    assert done.charged == Money(8500, "USD")


def test_contacts_privacy_and_name_servers(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    registrar.set_contact(OWN, CONTACT)
    assert fake.state[OWN]["contact"]["AuxBillingEmailAddress"] == CONTACT.email
    fake.state[OWN]["contact"]["RegistrantCity"] = f" {CONTACT.city.upper()}."
    assert registrar.shows_contact(OWN, CONTACT, exactly=False)
    assert not registrar.shows_contact(OWN, CONTACT, exactly=True)
    for hidden in (False, True, True):
        registrar.set_privacy(OWN, hidden=hidden)
        assert fake.state[OWN]["hidden"] is hidden
    registrar.delegate(OWN, ())
    assert fake.state[OWN]["servers"][0] == "dns1.registrar-servers.com"
    fake.state[OWN]["privacy"] = "0"
    with pytest.raises(Refused) as refused:
        registrar.set_privacy(OWN, hidden=True)
    assert refused.value.code == "privacy_missing"


def test_too_little_money_charges_nothing(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    fake.balance = Decimal("1.00")
    assert registrar.balance() == Money(100, "USD")
    with pytest.raises(Refused) as refused:
        registrar.register(order(registrar, "new.com"))
    assert (refused.value.code, fake.charges) == ("balance_low", [])


@pytest.mark.parametrize("kind", ["before", "after"])
def test_an_order_whose_answer_is_lost_is_sent_once(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar, kind: str
) -> None:
    wanted = order(registrar, "new.com")
    fake.play(kind)
    with pytest.raises(Unavailable):
        registrar.register(wanted)
    assert fake.commands().count("domains.create") == 1
    assert (registrar.registration("new.com") is not None) is (kind == "after")


def test_every_number_of_the_reference_has_a_sentence(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar
) -> None:
    import re

    numbers = set(re.findall(r"^\| (\d{5,7}) \|", fake.reference, re.MULTILINE))
    assert len(numbers) > 15
    for number in sorted(numbers):
        fake.error = (number, "Their words")
        with pytest.raises(NameplateError) as failed:
            registrar.set_lock(OWN, locked=True)
        assert failed.value.code != "provider_refused" or number in {"2011169", "2011170"}
        assert "Their words" in failed.value.detail
        assert not failed.value.detail.startswith("Namecheap failed:"), number
        assert isinstance(failed.value, Unavailable) is (number in answers._UNKNOWN)


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        ("1011150", "Invalid request IP: 192.0.2.1", "credential_refused"),
        ("1011102", "API Key is invalid", "credential_refused"),
        ("500000", "Too many requests", "rate_limited"),
        ("2999999", "New\n\x1b[31m words" + "x" * 1000, "provider_refused"),
        ("3999999", "New failure", "provider_failed"),
    ],
)
def test_other_errors(
    fake: FakeNamecheapNames, registrar: NamecheapRegistrar, number: str, words: str, code: str
) -> None:
    fake.error = (number, words.replace("\x1b", " "))
    with pytest.raises(NameplateError) as failed:
        registrar.set_lock(OWN, locked=True)
    assert failed.value.code == code
    assert len(failed.value.detail) < 500
    assert ("allowlist" in failed.value.detail) is (number == "1011150")


def test_dns_and_registrations_of_an_account_share_connection_and_pace(
    fake: FakeNamecheapNames,
) -> None:
    config = {"api_user": "user", "client_ip": "192.0.2.1", "api_url": fake.url}
    secrets = {"api_key": Secret(fake.credential)}
    one = dns.connect(dns.NamecheapConfiguration(**config), secrets)  # type: ignore[arg-type]  # texts
    other = namecheap.connect(
        namecheap.NamecheapRegistrarConfiguration(**config),
        secrets,
        lambda: datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert one._api is other._api
    changed = {"api_key": Secret("another")}
    third = dns.connect(dns.NamecheapConfiguration(**config), changed)  # type: ignore[arg-type]  # texts
    assert third._api is not one._api
    assert third._api._pace is not one._api._pace, "a name alone uses nothing up"
    here = namecheap.NamecheapRegistrarConfiguration(**{**config, "client_ip": "192.0.2.2"})
    again = namecheap.connect(here, secrets, lambda: datetime(2026, 12, 1, tzinfo=UTC))
    assert again._api is not one._api
    assert again._api._pace is one._api._pace


def test_both_uses_of_an_account_take_turns_by_one_key(fake: FakeNamecheapNames) -> None:
    config = {"api_user": "user", "client_ip": "192.0.2.1", "api_url": fake.url}
    secrets = {"api_key": Secret(fake.credential)}
    keys: list[str] = []

    def take(key: str, limits: Sequence[Limit]) -> timedelta:
        assert limits == SHARED_LIMITS
        keys.append(key)
        return timedelta(0)

    one = dns.connect(dns.NamecheapConfiguration(**config), secrets)  # type: ignore[arg-type]  # texts
    other = namecheap.connect(
        namecheap.NamecheapRegistrarConfiguration(**config),
        secrets,
        lambda: datetime(2026, 12, 1, tzinfo=UTC),
    )
    for each in (one, other):
        each.pace_by(take)
    one.zones()
    other.registrations()
    assert len(keys) == 2
    (key,) = set(keys)
    assert fake.credential not in key


class TestPacedNamecheap(PacedConformance):
    @pytest.fixture(autouse=True)
    def served(self, fake: FakeNamecheapNames) -> None:
        self.fake = fake

    def make_paced(self) -> Paced:
        return connected(self.fake)

    def send(self, paced: Paced) -> None:
        before = len(self.fake.asked)
        try:
            paced.registrations()  # type: ignore[attr-defined]  # a registrar
        except RateLimited:
            assert len(self.fake.asked) == before
            raise


def test_the_pace_keeps_every_window() -> None:
    now, slept = SimpleNamespace(at=0.0), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now.at += seconds

    pace = RequestPace(((3, 4.0), (5, 100.0)), clock=lambda: now.at, sleep=sleep)
    for _ in range(5):
        pace.take()
    assert slept == [4.0]
    with pytest.raises(RateLimited) as limited:
        pace.take()
    assert limited.value.retry_after == timedelta(seconds=96)
    now.at = 100.0
    pace.take()
