"""What every `Registrar` must do, and those that can do more.

Subclass in a test module and fill in the hooks. The registrar must be a sandbox: names are bought.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from nameplate.core.contacts import Contact
from nameplate.core.errors import Refused
from nameplate.ports.registrar import (
    Act,
    Availability,
    Operation,
    OperationReader,
    OperationState,
    Payer,
    Registrar,
    Registration,
    RegistrationOrder,
    RegistrationState,
    Renewer,
    Seller,
)

CONTACT = Contact(
    first_name="Ada",
    last_name="Example",
    email="ada@example.com",
    phone="+44.2071234567",
    street="1 Example Street",
    city="London",
    state="London",
    postal_code="N1 9GU",
    country="GB",
)
"""A contact that registrars accept."""
MOST = 50


class RegistrarConformance:
    """The contract of `ports.registrar.Registrar`, as tests for pytest."""

    def make_registrar(self) -> Registrar:
        """Return the registrar to test; again it is another connection to the same account."""
        raise NotImplementedError

    def free(self) -> str:
        """Return a registrable name that is available, and that no other test uses."""
        raise NotImplementedError

    def taken(self) -> str:
        """Return a registrable name that somebody else has."""
        raise NotImplementedError

    def owned(self) -> str:
        """Return an active name in the account, delegated somewhere, with at least a day to go."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let the registrar finish what is in progress."""

    def test_a_registration_is_told_in_canonical_form(self) -> None:
        """Aware times in UTC, sorted name servers without final dot."""
        found = read(self.make_registrar(), self.owned())
        assert found.state is RegistrationState.ACTIVE
        assert found.expires_at is not None
        assert found.expires_at.utcoffset() == timedelta(0)
        assert list(found.name_servers) == sorted(found.name_servers)
        assert all(one == one.lower().rstrip(".") for one in found.name_servers)

    def test_the_list_has_it_with_the_same_expiry(self) -> None:
        """A list may tell less, and never something else."""
        registrar, name = self.make_registrar(), self.owned()
        (listed,) = [one for one in registrar.registrations() if one.name == name]
        single = read(registrar, name)
        assert (listed.state, listed.expires_at) == (single.state, single.expires_at)

    def test_what_is_not_in_the_account_is_none(self) -> None:
        """Whether nobody has it or somebody else."""
        registrar = self.make_registrar()
        assert registrar.registration(self.free()) is None
        assert registrar.registration(self.taken()) is None

    def test_offers_are_in_the_order_of_the_names(self) -> None:
        """One each, also of what cannot be sold."""
        registrar = self.make_registrar()
        names = [self.taken(), self.free(), self.owned()]
        offers = registrar.offers(names)
        assert [one.name for one in offers] == names
        assert [one.availability for one in offers] == [
            Availability.TAKEN,
            Availability.AVAILABLE,
            Availability.TAKEN,
        ]

    def test_fifty_names_at_once(self) -> None:
        """The most that one question may have."""
        names = [f"n{number}-{self.free()}" for number in range(MOST)]
        assert [one.name for one in self.make_registrar().offers(names)] == names

    def test_a_quote_is_money_for_what_was_asked(self) -> None:
        """Two years cost more than one."""
        registrar, name = self.make_registrar(), self.free()
        one, two = (registrar.quote(Act.REGISTER, name, years) for years in (1, 2))
        assert (one.act, one.name, one.years) == (Act.REGISTER, name, 1)
        assert two.price.currency == one.price.currency
        assert two.price.amount > one.price.amount

    def test_delegating_twice_is_harmless(self) -> None:
        """The registrar shows what was set."""
        registrar, name = self.make_registrar(), self.owned()
        for _ in range(2):
            operation = registrar.delegate(name, ["ns2.example.net", "ns1.example.net"])
            assert operation.state is not OperationState.FAILED
            self.settle()
        assert read(registrar, name).name_servers == ("ns1.example.net", "ns2.example.net")

    def test_what_is_not_ours_cannot_be_delegated(self) -> None:
        """It is refused, not unavailable."""
        registrar = self.make_registrar()
        assert code(lambda: registrar.delegate(self.taken(), ["ns1.example.net"]))


class SellerConformance(RegistrarConformance):
    """The contract of `Seller`; the registrar is also a `Registrar`."""

    def test_a_name_is_bought(self) -> None:
        """It is in the account for the years that were ordered, and nobody can buy it any more."""
        registrar, name = self.make_registrar(), self.free()
        before = balance(registrar)
        operation = self.buy(registrar, name)
        found = read(self.make_registrar(), name)
        assert found.state is RegistrationState.ACTIVE
        assert found.registered_at is not None
        assert found.expires_at is not None
        assert abs(found.expires_at - found.registered_at - timedelta(days=365)) < timedelta(days=2)
        assert registrar.offers([name])[0].availability is Availability.TAKEN
        if before is not None and operation.charged is not None:
            assert balance(registrar) == before - operation.charged.amount

    def test_a_second_order_costs_nothing(self) -> None:
        """The answer was lost, and it is sent again."""
        registrar, name = self.make_registrar(), self.free()
        self.buy(registrar, name)
        before = balance(registrar)
        assert code(lambda: self.buy(registrar, name)) == "name_taken"
        assert balance(registrar) == before

    def test_what_somebody_has_cannot_be_bought(self) -> None:
        """Even though it was available a moment ago."""
        registrar, free, taken = self.make_registrar(), self.free(), self.taken()
        assert isinstance(registrar, Seller)
        order = RegistrationOrder(taken, 1, CONTACT, registrar.quote(Act.REGISTER, free, 1))
        assert code(lambda: registrar.register(order)) == "name_taken"

    def buy(self, registrar: Registrar, name: str) -> Operation:
        """Register a name for one year, and wait until it is so."""
        assert isinstance(registrar, Seller)
        quote = registrar.quote(Act.REGISTER, name, 1)
        operation = registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
        return self.finished(registrar, operation)

    def finished(self, registrar: Registrar, operation: Operation) -> Operation:
        """Return the operation when it is done."""
        self.settle()
        if operation.state is OperationState.IN_PROGRESS:
            assert isinstance(registrar, OperationReader)
            operation = registrar.operation(operation.id)
        assert operation.state is OperationState.DONE, operation.detail
        return operation


class RenewerConformance(SellerConformance):
    """The contract of `Renewer`; the registrar is also a `Seller`."""

    compares_expiry: ClassVar[bool] = True
    """It refuses a renewal from another expiry than the present one."""

    def test_a_renewal_adds_exactly_its_years(self) -> None:
        """From the expiry, not from today."""
        registrar, name = self.make_registrar(), self.free()
        self.buy(registrar, name)
        ends = expiry(registrar, name)
        self.finished(registrar, self.renew(registrar, name, ends, years=2))
        added = expiry(registrar, name) - ends
        assert timedelta(days=729) <= added <= timedelta(days=732)

    def renew(self, registrar: Registrar, name: str, ends: datetime, *, years: int) -> Operation:
        """Renew a name that ends at `ends`."""
        assert isinstance(registrar, Renewer)
        return registrar.renew(name, years, ends, registrar.quote(Act.RENEW, name, years))

    def test_what_is_not_ours_cannot_be_renewed(self) -> None:
        """It is refused, and nothing is charged."""
        registrar, name = self.make_registrar(), self.free()
        self.buy(registrar, name)
        ends, before = expiry(registrar, name), balance(registrar)
        quote = registrar.quote(Act.RENEW, name, 1)
        assert isinstance(registrar, Renewer)
        assert code(lambda: registrar.renew(self.taken(), 1, ends, quote))
        assert balance(registrar) == before

    def test_a_second_renewal_from_the_same_expiry_costs_nothing(self) -> None:
        """The answer was lost, and it is sent again; of registrars that compare."""
        if not self.compares_expiry:
            return
        registrar, name = self.make_registrar(), self.free()
        self.buy(registrar, name)
        ends = expiry(registrar, name)
        self.finished(registrar, self.renew(registrar, name, ends, years=1))
        after, before = expiry(registrar, name), balance(registrar)
        assert code(lambda: self.renew(registrar, name, ends, years=1)) == "expiry_moved"
        assert (expiry(registrar, name), balance(registrar)) == (after, before)


class OperationReaderConformance(SellerConformance):
    """The contract of `OperationReader`; the registrar is also a `Seller`."""

    def test_operations_are_found_by_their_name(self) -> None:
        """The answer to an order was lost: what became of it is found without its id."""
        registrar, name = self.make_registrar(), self.free()
        assert isinstance(registrar, Seller)
        assert isinstance(registrar, OperationReader)
        quote = registrar.quote(Act.REGISTER, name, 1)
        operation = registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
        assert operation.started_at is not None
        (found,) = registrar.operations(name, operation.started_at - timedelta(minutes=5))
        assert (found.id, found.act, found.name) == (operation.id, Act.REGISTER, name)

    def test_an_unknown_operation_is_refused(self) -> None:
        """It is not reported as failed: nobody knows what it was."""
        registrar = self.make_registrar()
        assert isinstance(registrar, OperationReader)
        assert code(lambda: registrar.operation("no-such-operation")) == "operation_missing"


def read(registrar: Registrar, name: str) -> Registration:
    """Return a registration that must be there."""
    found = registrar.registration(name)
    assert found is not None
    return found


def expiry(registrar: Registrar, name: str) -> datetime:
    """Return when a registration ends."""
    found = read(registrar, name).expires_at
    assert found is not None
    return found


def balance(registrar: Registrar) -> int | None:
    """Return the balance in minor units, where the registrar tells it."""
    return registrar.balance().amount if isinstance(registrar, Payer) else None


def code(act: Callable[[], object]) -> str:
    """Return the code of the refusal; empty when nothing was refused."""
    try:
        act()
    except Refused as refusal:
        return refusal.code
    return ""
