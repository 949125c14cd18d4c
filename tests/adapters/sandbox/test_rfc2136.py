"""The adapter for dynamic updates and the sandbox's server understand each other."""

from collections.abc import Iterator

import pytest

from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.ports.dns import Zone
from nameplate.testing.dns import DnsProviderConformance

SECRET = Secret("bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE=")
ZONE = Zone("example.test", "example.test")


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxDns]:
    with SandboxDns([ZONE.name], "nameplate", SECRET) as running:
        yield running


@pytest.fixture
def provider(server: SandboxDns) -> Rfc2136:
    return Rfc2136("127.0.0.1", server.port, [ZONE.name], ("nameplate", "hmac-sha256", SECRET))


@pytest.fixture
def zone() -> Zone:
    return ZONE


class TestSandbox(DnsProviderConformance):
    text_length = 60_000


def test_the_wrong_key_is_refused(server):
    wrong = ("nameplate", "hmac-sha256", Secret("d3Jvbmc="))
    with pytest.raises(Refused):
        Rfc2136("127.0.0.1", server.port, [ZONE.name], wrong).records(ZONE)
