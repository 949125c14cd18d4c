"""What a `Registrar` must do that can do more than sell and renew.

Subclass in a test module and fill in the hooks of `RegistrarConformance`.
"""

from dataclasses import replace

from nameplate.core.delegation_signing import Ds
from nameplate.core.secret import Secret
from nameplate.ports.registrar import (
    Act,
    AutoRenewer,
    ContactKeeper,
    DsKeeper,
    Locker,
    OperationState,
    Payer,
    PrivacyGuard,
    Reactivator,
    RegistrationOrder,
    RegistrationState,
    Suggester,
    TransferCodes,
    Transferrer,
)
from nameplate.testing.registrar import CONTACT, RegistrarConformance, code, read


class LockerConformance(RegistrarConformance):
    """The contract of `Locker`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_locks_and_unlocks(self) -> None:
        """Twice is harmless, and the registrar shows it."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, Locker)
        for locked in (True, True, False, False, True):
            registrar.set_lock(name, locked=locked)
            self.settle()
            assert read(registrar, name).is_locked is locked


class PrivacyGuardConformance(RegistrarConformance):
    """The contract of `PrivacyGuard`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_hides_and_shows(self) -> None:
        """Twice is harmless, and the registrar shows it."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, PrivacyGuard)
        for hidden in (True, True, False, False, True):
            registrar.set_privacy(name, hidden=hidden)
            self.settle()
            assert read(registrar, name).has_privacy is hidden


class AutoRenewerConformance(RegistrarConformance):
    """The contract of `AutoRenewer`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_turns_its_own_renewal_on_and_off(self) -> None:
        """Twice is harmless, and the registrar shows it."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, AutoRenewer)
        for on in (True, True, False, False):
            registrar.set_auto_renew(name, on=on)
            self.settle()
            assert read(registrar, name).auto_renew is on


class ContactKeeperConformance(RegistrarConformance):
    """The contract of `ContactKeeper`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_contacts_can_be_set_again(self) -> None:
        """Twice is harmless, and the registrar shows the one that was set last."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, ContactKeeper)
        other = replace(CONTACT, city="Elsewhere", organization="Example Ltd")
        for wanted, former in ((CONTACT, other), (CONTACT, other), (other, CONTACT)):
            assert registrar.set_contact(name, wanted).state is not OperationState.FAILED
            self.settle()
            assert registrar.shows_contact(name, wanted, exactly=False)
            assert not registrar.shows_contact(name, former, exactly=False)

    def test_what_is_not_ours_keeps_its_contact(self) -> None:
        """It is refused."""
        registrar = self.make_registrar()
        assert isinstance(registrar, ContactKeeper)
        assert code(lambda: registrar.set_contact(self.taken(), CONTACT))
        assert code(lambda: registrar.shows_contact(self.taken(), CONTACT, exactly=True))


class DsKeeperConformance(RegistrarConformance):
    """The contract of `DsKeeper`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_ds_records_are_replaced_and_removed(self) -> None:
        """Twice is harmless, and the registrar shows what was set."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, DsKeeper)
        one = Ds(12345, 13, 2, "A" * 64)
        for wanted in ([one], [one], []):
            registrar.set_ds(name, wanted)
            self.settle()
            shown = [
                (ds.key_tag, ds.algorithm, ds.digest_type, ds.digest) for ds in registrar.ds(name)
            ]
            assert shown == [(ds.key_tag, ds.algorithm, ds.digest_type, ds.digest) for ds in wanted]


class SuggesterConformance(RegistrarConformance):
    """The contract of `Suggester`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_suggests_a_few_names(self) -> None:
        """No more than was asked for, and each can be asked about."""
        registrar = self.make_registrar()
        assert isinstance(registrar, Suggester)
        found = list(registrar.suggest(self.free(), 3))
        assert 0 < len(found) <= len(("one", "two", "three"))
        assert [one.name for one in registrar.offers(found)] == found


class PayerConformance(RegistrarConformance):
    """The contract of `Payer`, as tests for pytest; the registrar is also a `Registrar`."""

    def test_tells_the_balance_in_the_currency_of_its_prices(self) -> None:
        """So that both can be compared."""
        registrar = self.make_registrar()
        assert isinstance(registrar, Payer)
        quote = registrar.quote(Act.REGISTER, self.free(), 1)
        assert registrar.balance().currency == quote.price.currency


class TransferCodesConformance(RegistrarConformance):
    """The contract of `TransferCodes`, as tests for pytest; the registrar is also a `Locker`."""

    def test_the_code_is_for_unlocked_names_of_ours(self) -> None:
        """It is not empty, and nothing of others is handed out."""
        registrar, name = self.make_registrar(), self.owned()
        assert isinstance(registrar, TransferCodes)
        if isinstance(registrar, Locker):
            registrar.set_lock(name, locked=False)
            self.settle()
        assert registrar.transfer_code(name) != Secret("")
        assert code(lambda: registrar.transfer_code(self.taken()))


class TransferrerConformance(RegistrarConformance):
    """The contract of `Transferrer`, as tests for pytest; the registrar is also a `Registrar`."""

    def transfer_code(self, name: str) -> Secret:
        """Return the code of a name that is at another registrar."""
        raise NotImplementedError

    def test_a_name_moves_here_with_its_code(self) -> None:
        """It is in the account, or on its way."""
        registrar, name = self.make_registrar(), self.taken()
        assert isinstance(registrar, Transferrer)
        order = RegistrationOrder(name, 1, CONTACT, registrar.quote(Act.TRANSFER, name, 1))
        registrar.transfer(order, self.transfer_code(name))
        self.settle()
        moving = (RegistrationState.TRANSFERRING_IN, RegistrationState.ACTIVE)
        assert read(registrar, name).state in moving

    def test_a_wrong_code_moves_nothing(self) -> None:
        """The present registrar decides."""
        registrar, name = self.make_registrar(), self.taken()
        assert isinstance(registrar, Transferrer)
        order = RegistrationOrder(name, 1, CONTACT, registrar.quote(Act.TRANSFER, name, 1))
        assert code(lambda: registrar.transfer(order, Secret("wrong"))) == "transfer_code_wrong"


class ReactivatorConformance(RegistrarConformance):
    """The contract of `Reactivator`, as tests for pytest; the registrar is also a `Registrar`."""

    def redeemable(self) -> str:
        """Return a name of the account that is in redemption."""
        raise NotImplementedError

    def test_brings_a_name_back(self) -> None:
        """It is shown as what only that brings back, and then as active again, once."""
        registrar, name = self.make_registrar(), self.redeemable()
        assert isinstance(registrar, Reactivator)
        assert read(registrar, name).state is RegistrationState.REDEMPTION
        quote = registrar.quote(Act.REACTIVATE, name, 1)
        registrar.reactivate(name, quote)
        self.settle()
        assert read(registrar, name).state is RegistrationState.ACTIVE
        assert code(lambda: registrar.reactivate(name, quote)) == "name_not_in_redemption"
