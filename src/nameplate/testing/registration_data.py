"""What every `RegistrationData` must do, before registries that say what the test says."""

from collections.abc import Callable
from datetime import UTC, datetime

from nameplate.core.registered import RegistryEntry, RegistryStatus
from nameplate.ports.registration_data import RegistrationData, RegistryAnswer

Registers = Callable[[str, RegistryEntry], None]
"""Has the registry of a domain know it like this."""

_AT = datetime(2020, 2, 29, 12, 30, tzinfo=UTC)


class RegistrationDataConformance:
    """Subclass it with fixtures `registration_data`, `registers`, `registered` and `unlisted`.

    `registered` is a domain below a suffix whose registry can be asked, `unlisted` one below another.
    """

    def test_what_the_registry_says(
        self, registration_data: RegistrationData, registers: Registers, registered: str
    ) -> None:
        """Registrar, dates, states, name servers and DNSSEC, as they are told."""
        told = RegistryEntry(
            registrar="Example Registrar, Inc.",
            registrar_id="292",
            registered_at=_AT,
            expires_at=_AT.replace(year=2028),
            states=frozenset({RegistryStatus.CLIENT_HOLD, RegistryStatus.REDEMPTION_PERIOD}),
            name_servers=("ns1.example.net", "ns2.example.net"),
            is_signed=True,
        )
        registers(registered, told)
        look = registration_data.look(registered)
        assert (look.answer, look.name) == (RegistryAnswer.FOUND, told)

    def test_what_it_does_not_say_is_not_known(
        self, registration_data: RegistrationData, registers: Registers, registered: str
    ) -> None:
        """Nothing is made up."""
        registers(registered, RegistryEntry())
        look = registration_data.look(registered)
        assert (look.answer, look.name) == (RegistryAnswer.FOUND, RegistryEntry())

    def test_a_name_that_is_not_registered(
        self, registration_data: RegistrationData, registered: str
    ) -> None:
        """The registry says so: that is an answer."""
        look = registration_data.look(registered)
        assert (look.answer, look.name) == (RegistryAnswer.ABSENT, None)

    def test_a_registry_that_cannot_be_asked(
        self, registration_data: RegistrationData, unlisted: str
    ) -> None:
        """Nothing is known of its names, and nobody is asked."""
        look = registration_data.look(unlisted)
        assert (look.answer, look.name) == (RegistryAnswer.UNSUPPORTED, None)
        assert not look.was_asked
