"""The sandbox registrar keeps the contract of every ability."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from nameplate.adapters.registrar.memory import SandboxConfiguration, SandboxRegistrar
from nameplate.core.secret import Secret
from nameplate.ports.registrar import Act, RegistrationOrder
from nameplate.testing.registrar import (
    CONTACT,
    OperationReaderConformance,
    RenewerConformance,
)
from nameplate.testing.registrar_abilities import (
    AutoRenewerConformance,
    ContactKeeperConformance,
    DsKeeperConformance,
    LockerConformance,
    PayerConformance,
    PrivacyGuardConformance,
    ReactivatorConformance,
    SuggesterConformance,
    TransferCodesConformance,
    TransferrerConformance,
)

_numbers = count(1)


class TestMemory(
    RenewerConformance,
    OperationReaderConformance,
    LockerConformance,
    PrivacyGuardConformance,
    AutoRenewerConformance,
    ContactKeeperConformance,
    DsKeeperConformance,
    SuggesterConformance,
    PayerConformance,
    TransferCodesConformance,
    TransferrerConformance,
    ReactivatorConformance,
):
    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path) -> None:
        self.config = SandboxConfiguration(state=str(tmp_path / "names.json"))
        self.now = datetime.now(UTC)

    def make_registrar(self) -> SandboxRegistrar:
        return SandboxRegistrar(self.config, lambda: self.now)

    def free(self) -> str:
        return f"free{next(_numbers)}.test"

    def taken(self) -> str:
        return f"taken-{next(_numbers)}.test"

    def owned(self) -> str:
        registrar, name = self.make_registrar(), self.free()
        quote = registrar.quote(Act.REGISTER, name, 1)
        registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
        return name

    def transfer_code(self, name: str) -> Secret:
        return Secret(f"code-{name}")

    def redeemable(self) -> str:
        name = self.owned()
        self.now += timedelta(days=430)
        return name
