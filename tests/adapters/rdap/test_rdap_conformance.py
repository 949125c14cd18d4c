"""The conformance class, before an RDAP server on loopback and in memory."""

from collections.abc import Iterator

import pytest
from tests.servers.registry import RegistryServer

from nameplate.adapters.rdap.client import RdapClient
from nameplate.adapters.rdap.memory import MemoryRegistrationData
from nameplate.core.registered import RegistryEntry
from nameplate.testing.registration_data import Registers, RegistrationDataConformance


@pytest.fixture
def registered() -> str:
    return "a.test"


@pytest.fixture
def unlisted() -> str:
    return "a.invalid"


class TestRdap(RegistrationDataConformance):
    @pytest.fixture
    def server(self) -> Iterator[RegistryServer]:
        with RegistryServer() as server:
            yield server

    @pytest.fixture
    def registration_data(self, server: RegistryServer) -> RdapClient:
        return server.client()

    @pytest.fixture
    def registers(self, server: RegistryServer) -> Registers:
        def register(name: str, told: RegistryEntry) -> None:
            dates = {"registration": told.registered_at, "expiration": told.expires_at}
            answer = {
                "objectClassName": "domain",
                "ldhName": name,
                "status": [one.replace("_", " ") for one in told.states],
                "events": [
                    {"eventAction": action, "eventDate": at.isoformat()}
                    for action, at in dates.items()
                    if at
                ],
                "nameservers": [{"ldhName": one.upper()} for one in told.name_servers],
                "secureDNS": {"delegationSigned": told.is_signed},
                "entities": [
                    {
                        "roles": ["registrar"],
                        "publicIds": [
                            {"type": "IANA Registrar ID", "identifier": told.registrar_id}
                        ],
                        "vcardArray": ["vcard", [["fn", {}, "text", told.registrar]]],
                    }
                ],
            }
            server.says(name, answer)

        return register


class TestMemory(RegistrationDataConformance):
    @pytest.fixture
    def registration_data(self) -> MemoryRegistrationData:
        made = MemoryRegistrationData()
        made.unsupported.add("a.invalid")
        return made

    @pytest.fixture
    def registers(self, registration_data: MemoryRegistrationData) -> Registers:
        return registration_data.names.__setitem__
