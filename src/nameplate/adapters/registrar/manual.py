"""A registrar without an API: its names are entered by import, and their registries are watched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nameplate.core.configuration import Credentials
from nameplate.core.errors import Refused
from nameplate.ports.registrar import (
    Act,
    Availability,
    Offer,
    Operation,
    Quote,
    RegistrarConfiguration,
    RegistrarPlugin,
    Registration,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualConfiguration(RegistrarConfiguration):
    """What an account at such a registrar says."""


def connect(
    _config: ManualConfiguration, _given: Credentials, _clock: Callable[[], datetime]
) -> "ManualRegistrar":
    """Return the registrar of one account."""
    return ManualRegistrar()


plugin = RegistrarPlugin(
    title="A registrar without an API",
    configuration=ManualConfiguration,
    connect=connect,
    is_manual=True,
)


class ManualRegistrar:
    """It knows no name, sells none, and changes none: a person does that."""

    def registrations(self) -> Sequence[Registration]:
        """Return nothing: nobody tells which names there are."""
        return []

    def registration(self, name: str) -> Registration | None:
        """Return nothing: the registry tells of a name that was imported."""
        del name
        return None

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Return that none can be bought by this account."""
        return [Offer(name, Availability.RESTRICTED) for name in names]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Refuse: nobody tells prices."""
        del name, years
        raise Refused("act_unsupported", f"The registrar has no API by which to {act.value}.")

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Refuse, and say what a person is to do."""
        raise Refused(
            "act_unsupported",
            f"The registrar of {name} has no API. Set the name servers there yourself: "
            f"{', '.join(name_servers)}.",
        )
