"""A registrar without an API keeps as much of the contract as it can."""

from datetime import UTC, datetime
from itertools import count

import pytest

from nameplate.adapters.registrar.manual import (
    ManualConfiguration,
    ManualRegistrar,
    connect,
    plugin,
)
from nameplate.core.errors import Refused
from nameplate.ports.registrar import Act, Availability, OperationReader, Payer, Renewer, Seller
from nameplate.testing.registrar import RegistrarConformance

_numbers = count(1)


class TestManual(RegistrarConformance):
    """What is bought, read or changed by an API is not there, and says so."""

    def make_registrar(self) -> ManualRegistrar:
        return connect(ManualConfiguration(), {}, lambda: datetime.now(UTC))

    def free(self) -> str:
        return f"free{next(_numbers)}.example"

    def taken(self) -> str:
        return "taken.example"

    def owned(self) -> str:
        return "owned.example"

    def test_a_registration_is_told_in_canonical_form(self) -> None:
        assert self.make_registrar().registration(self.owned()) is None

    def test_the_list_has_it_with_the_same_expiry(self) -> None:
        assert self.make_registrar().registrations() == []

    def test_offers_are_in_the_order_of_the_names(self) -> None:
        offers = self.make_registrar().offers([self.taken(), "b.example"])
        assert [one.name for one in offers] == [self.taken(), "b.example"]
        assert {one.availability for one in offers} == {Availability.RESTRICTED}

    def test_a_quote_is_money_for_what_was_asked(self) -> None:
        for act in Act:
            with pytest.raises(Refused) as caught:
                self.make_registrar().quote(act, self.free(), 1)
            assert caught.value.code == "act_unsupported"

    def test_delegating_twice_is_harmless(self) -> None:
        with pytest.raises(Refused, match=r"yourself: ns1\.example\.net, ns2\.example\.net"):
            self.make_registrar().delegate(self.owned(), ["ns1.example.net", "ns2.example.net"])


def test_nothing_can_be_bought_there() -> None:
    registrar = plugin.connect(ManualConfiguration(), {}, lambda: datetime.now(UTC))
    assert plugin.is_manual
    for ability in (Seller, Renewer, Payer, OperationReader):
        assert not isinstance(registrar, ability)
